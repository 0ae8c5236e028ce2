/** Calls about the ten kinds, and about what an API server says of itself. @module */
import { type KindDefinition, kinds } from "@virtrigaud/api";
import { badInputs } from "../../compat/bad_input.ts";
import { validManifest } from "../../compat/examples.ts";
import { goodInputs } from "../../compat/good_input.ts";
import type { Call } from "./widget_calls.ts";

const MERGE = { "content-type": "application/merge-patch+json" };
const APPLY = { "content-type": "application/apply-patch+yaml" };
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };

/** Every how many manifests that break a rule one is sent. Coprime to the number of rules of most kinds. */
const SAMPLE = 11;

/** Where objects of a kind are, in namespace `default`. */
export const pathOf = ({ group, version, plural }: KindDefinition) =>
  `/apis/${group}/${version}/namespaces/default/${plural}`;

/** The life of an object of one kind. */
function life(kind: KindDefinition): Call[] {
  const path = pathOf(kind);
  const manifest = validManifest(kind.kind, "one");
  const one = `${path}/one`;
  const applied = (labels: Readonly<Record<string, string>>) => ({
    ...validManifest(kind.kind, "one"),
    metadata: { name: "one", labels },
  });
  return [
    ["POST", `${path}?dryRun=All`, manifest],
    ["POST", path, manifest],
    ["POST", path, manifest],
    ["POST", path, { ...validManifest(kind.kind, "none"), spec: undefined }],
    ["POST", path, { ...validManifest(kind.kind, "none"), spec: [] }],
    ["POST", `${path}?fieldValidation=Strict`, {
      ...validManifest(kind.kind, "none"),
      spec: { ...manifest.spec, noSuchField: 1 },
    }],
    ["POST", path, { ...validManifest(kind.kind, "warned"), spec: { ...manifest.spec, noSuchField: 1 } }],
    ["PATCH", `${one}?fieldValidation=Strict`, { spec: { noSuchField: 1 } }, MERGE],
    ["PATCH", `${one}?fieldValidation=Strict&fieldManager=x`, { ...manifest, spec: { noSuchField: 1 } }, APPLY],
    ["PUT", `${one}?fieldValidation=Strict`, { ...manifest, spec: { ...manifest.spec, noSuchField: 1 } }],
    ["GET", one],
    ["GET", one, undefined, TABLE],
    ["GET", path, undefined, TABLE],
    ["GET", `${path}?limit=1`],
    ["GET", `${path}/none`],
    ["PATCH", one, { metadata: { labels: { by: "patch" } } }, MERGE],
    ["PATCH", `${one}/status`, { status: { observedGeneration: 1, noSuchField: 1 } }, MERGE],
    ["PATCH", `${one}/status`, { status: { conditions: [{ type: "Ready" }] } }, MERGE],
    ["PATCH", `${one}/status`, { status: { conditions: 1 } }, MERGE],
    ["PATCH", one, { spec: null }, MERGE],
    ["PATCH", `${one}?fieldManager=gitops`, applied({ by: "gitops" }), APPLY],
    ["PATCH", `${one}?fieldManager=gitops&force=true`, applied({ by: "gitops" }), APPLY],
    ["PATCH", `${one}?fieldManager=other`, applied({ by: "other" }), APPLY],
    ["PUT", one, manifest],
    ["PUT", one, { ...manifest, metadata: { name: "one", resourceVersion: "1" } }],
    ["GET", `${one}/scale`],
    ["DELETE", `${one}?dryRun=All`],
    ["DELETE", one],
    ["DELETE", one],
    ["DELETE", path],
  ];
}

/** What a server says of itself, and what it says to those who ask for what is not there. */
const ABOUT: readonly Call[] = [
  ["GET", "/api"],
  ["GET", "/apis/infra.virtrigaud.io"],
  ["GET", "/apis/infra.virtrigaud.io/v1beta1"],
  ["GET", "/apis/infra.virtrigaud.io/v2"],
  ["GET", "/apis/none.example.com/v1"],
  ["GET", "/api/v1/namespaces/default/nothing"],
  ["GET", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/nothing"],
  ["GET", "/apis/infra.virtrigaud.io/v1beta1/virtualmachines"],
  ["GET", "/nothing"],
  ["POST", "/apis/infra.virtrigaud.io/v1beta1/virtualmachines", validManifest("VirtualMachine")],
  ["PUT", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", {}],
  ["PATCH", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", {}, MERGE],
  ["GET", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", undefined, { accept: "text/html" }],
  ["POST", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", "text", {
    "content-type": "text/plain",
  }],
  ["PATCH", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines/x", {}, {
    "content-type": "application/json",
  }],
  ["POST", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", "not an object"],
  ["POST", "/apis/infra.virtrigaud.io/v1beta1/namespaces/default/virtualmachines", []],
  ["POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    spec: { resourceAttributes: { verb: "get", group: "infra.virtrigaud.io", resource: "providers" } },
  }],
  ["GET", "/api/v1/namespaces/kube-system"],
  ["POST", "/api/v1/namespaces", { metadata: { name: "Bad_Name" } }],
  ["POST", "/api/v1/namespaces", { metadata: { name: "default" } }],
];

/** All of them. */
export function productCalls(): Call[] {
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]));
  const sent = [...badInputs().filter((_, index) => index % SAMPLE === 0), ...goodInputs()];
  return [
    ...ABOUT,
    ...kinds.flatMap(life),
    ...sent.flatMap(({ kind, manifest }): Call[] => {
      const definition = byKind.get(kind);
      return definition === undefined ? [] : [["POST", `${pathOf(definition)}?dryRun=All`, manifest]];
    }),
  ];
}
