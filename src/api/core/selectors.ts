/** Label selectors and node selector terms, as Kubernetes' own kinds have them. @module */
import { type Static } from "@virtrigaud/deps";
import { list, object, string, stringMap } from "../schema.ts";

const requirement = object("One requirement; all requirements of a list must hold.", {
  key: string("Label that the requirement is about."),
  operator: string("How key and values relate: In, NotIn, Exists, DoesNotExist, and for nodes also Gt and Lt."),
}, {
  values: list("Values to compare with; none for Exists and DoesNotExist, one for Gt and Lt.", string("One value."), {
    "x-kubernetes-list-type": "atomic",
  }),
});

/** `meta/v1.LabelSelector`. An empty selector matches everything. */
export const labelSelector = (description: string) =>
  object(description, {}, {
    matchExpressions: list("Requirements that must all hold.", requirement, { "x-kubernetes-list-type": "atomic" }),
    matchLabels: stringMap("Labels that must be there with exactly these values."),
  }, { "x-kubernetes-map-type": "atomic" });
/** A value of {@linkcode labelSelector}. */
export type LabelSelector = Static<ReturnType<typeof labelSelector>>;

/** `core/v1.NodeSelectorTerm`. */
export const nodeSelectorTerm = (description: string) =>
  object(description, {}, {
    matchExpressions: list("Requirements on the labels of the node.", requirement, {
      "x-kubernetes-list-type": "atomic",
    }),
    matchFields: list("Requirements on fields of the node, such as metadata.name.", requirement, {
      "x-kubernetes-list-type": "atomic",
    }),
  }, { "x-kubernetes-map-type": "atomic" });
