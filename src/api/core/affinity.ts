/** `core/v1.Affinity`. @module */
import { type Static } from "@virtrigaud/deps";
import { int32, list, object, string } from "../schema.ts";
import { labelSelector, nodeSelectorTerm } from "./selectors.ts";

const atomic = { "x-kubernetes-list-type": "atomic" } as const;
const weight = int32("Share of this preference in the score of a node, 1 to 100.");

const podAffinityTerm = (description: string) =>
  object(description, {
    topologyKey: string("Node label whose value says which nodes count as one place."),
  }, {
    labelSelector: labelSelector("Pods that the term is about."),
    matchLabelKeys: list(
      "Label keys whose values are taken from the pod itself and must match.",
      string("Key."),
      atomic,
    ),
    mismatchLabelKeys: list(
      "Label keys whose values are taken from the pod itself and must differ.",
      string("Key."),
      atomic,
    ),
    namespaceSelector: labelSelector("Namespaces to look in, by their labels."),
    namespaces: list(
      "Namespaces to look in, by name; the pod's own when neither is given.",
      string("Namespace."),
      atomic,
    ),
  });

const podAffinity = (description: string) =>
  object(description, {}, {
    preferredDuringSchedulingIgnoredDuringExecution: list(
      "Places to prefer.",
      object("One weighted preference.", { podAffinityTerm: podAffinityTerm("The preference."), weight }, {}),
      atomic,
    ),
    requiredDuringSchedulingIgnoredDuringExecution: list(
      "Places that are the only ones allowed.",
      podAffinityTerm("One condition that must hold."),
      atomic,
    ),
  });

/** Where a pod may run. */
export const affinity = (description: string) =>
  object(description, {}, {
    nodeAffinity: object("Nodes to run on, by their labels.", {}, {
      preferredDuringSchedulingIgnoredDuringExecution: list(
        "Nodes to prefer.",
        object("One weighted preference.", { preference: nodeSelectorTerm("Nodes that are preferred."), weight }, {}),
        atomic,
      ),
      requiredDuringSchedulingIgnoredDuringExecution: object(
        "Nodes that are the only ones allowed.",
        {
          nodeSelectorTerms: list("Terms of which one must match.", nodeSelectorTerm("One term."), atomic),
        },
        {},
        { "x-kubernetes-map-type": "atomic" },
      ),
    }),
    podAffinity: podAffinity("Run near these pods."),
    podAntiAffinity: podAffinity("Stay away from these pods."),
  });
/** A value of {@linkcode affinity}. */
export type Affinity = Static<ReturnType<typeof affinity>>;
