/** Calls about a kind that has everything a kind can have, and about core kinds. @module */
import { widget, WIDGETS } from "@virtrigaud/standalone/testing";

/** One request. */
export type Call = readonly [method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>];

const M = { "content-type": "application/merge-patch+json" };
const J = { "content-type": "application/json-patch+json" };
const A = { "content-type": "application/apply-patch+yaml" };
const S = { "content-type": "application/strategic-merge-patch+json" };
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const NS = "/api/v1/namespaces/default";

/** The calls, in an order that matters: what one makes, a later one reads. */
export const WIDGET_CALLS: readonly Call[] = [
  ["POST", WIDGETS, widget("a", { parts: [{ name: "x" }] }, { labels: { t: "1" } })],
  ["POST", WIDGETS, widget("a")],
  ["POST", WIDGETS, widget("b", { size: 0 })],
  ["POST", WIDGETS, widget("b", { size: "x" })],
  ["POST", WIDGETS, widget("b", { colour: 1 })],
  ["POST", WIDGETS + "?fieldValidation=Strict", widget("c", { colour: 1 })],
  ["POST", WIDGETS, widget("A_")],
  ["POST", WIDGETS, widget("")],
  ["POST", WIDGETS, widget("c", {}, { namespace: "other" })],
  ["POST", WIDGETS, { ...widget("c"), kind: "Gadget" }],
  ["POST", WIDGETS, { metadata: { name: "c" } }],
  ["POST", WIDGETS, widget("c", {}, { labels: { "bad key!": "x" } })],
  ["POST", WIDGETS, widget("c", {}, { labels: { y: "-" } })],
  ["POST", WIDGETS, widget("c", {}, { finalizers: ["noslash"] })],
  ["POST", WIDGETS, widget("c", { parts: [{ name: "x" }, { name: "x" }] })],
  ["GET", WIDGETS + "/zz"],
  ["GET", WIDGETS + "/a"],
  ["GET", WIDGETS + "/a/status"],
  ["GET", WIDGETS + "/a/scale"],
  ["GET", WIDGETS + "?labelSelector=a=b=c"],
  ["GET", WIDGETS + "?fieldSelector=spec.size%3D1"],
  ["GET", WIDGETS + "?resourceVersion=abc"],
  ["GET", WIDGETS + "?resourceVersionMatch=Exact"],
  ["GET", WIDGETS + "?resourceVersion=0&resourceVersionMatch=Exact"],
  ["GET", WIDGETS + "?continue=zzz"],
  ["GET", WIDGETS, undefined, TABLE],
  ["GET", WIDGETS + "/a", undefined, TABLE],
  ["GET", WIDGETS, undefined, { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" }],
  ["PUT", WIDGETS + "/a", widget("a", { size: 3 })],
  ["PUT", WIDGETS + "/a", widget("a", { size: 3 }, { resourceVersion: "1" })],
  ["PUT", WIDGETS + "/a", widget("z", { size: 3 }, { resourceVersion: "1" })],
  ["PUT", WIDGETS + "/zz", widget("zz", { size: 3 }, { resourceVersion: "1" })],
  ["PATCH", WIDGETS + "/a", { spec: { size: 4 } }, M],
  ["PATCH", WIDGETS + "/a", { status: { phase: "x" } }, M],
  ["PATCH", WIDGETS + "/a/status", { status: { phase: "x" }, spec: { size: 9 }, metadata: { labels: { u: "2" } } }, M],
  ["PATCH", WIDGETS + "/a/scale", { spec: { replicas: 4 } }, M],
  ["PATCH", WIDGETS + "/a/scale", { spec: { replicas: -4 } }, M],
  ["PATCH", WIDGETS + "/a", [{ op: "test", path: "/spec/size", value: 99 }], J],
  ["PATCH", WIDGETS + "/a", [{ op: "remove", path: "/spec/nope" }], J],
  ["PATCH", WIDGETS + "/a", { spec: {} }, S],
  ["PATCH", WIDGETS + "/a", { metadata: { uid: "x" } }, M],
  ["PATCH", WIDGETS + "/a", { metadata: { name: "x" } }, M],
  ["PATCH", WIDGETS + "/a", { metadata: { resourceVersion: "1" } }, M],
  ["PATCH", WIDGETS + "/a", {
    metadata: { deletionTimestamp: "2020-01-01T00:00:00Z", creationTimestamp: null, generation: 44, uid: null },
  }, M],
  ["PATCH", WIDGETS + "/zz", { spec: {} }, M],
  ["PATCH", WIDGETS + "/a", widget("a", { size: 7 }), A],
  ["PATCH", WIDGETS + "/a?fieldManager=x", widget("a", { size: 7 }), A],
  ["PATCH", WIDGETS + "/a?fieldManager=x&force=true", widget("a", { size: 7 }), A],
  ["PATCH", WIDGETS + "/s?fieldManager=x", widget("s", { size: 7, parts: [{ name: "q" }] }), A],
  ["PATCH", WIDGETS + "/s?fieldManager=x", widget("t", { size: 7 }), A],
  ["PATCH", WIDGETS + "/s?fieldManager=x", { ...widget("s"), apiVersion: "example.com/v3" }, A],
  ["PATCH", WIDGETS + "/s?fieldManager=x", widget("s", {}, { managedFields: [] }), A],
  ["POST", WIDGETS + "?dryRun=Some", widget("d")],
  ["POST", WIDGETS + "?dryRun=All", widget("d")],
  ["POST", WIDGETS + "?fieldValidation=Foo", widget("d")],
  ["DELETE", WIDGETS + "/a", { preconditions: { uid: "x" } }],
  ["DELETE", WIDGETS + "/a", { preconditions: { resourceVersion: "1" } }],
  ["DELETE", WIDGETS + "/a", { propagationPolicy: "Foo" }],
  ["PATCH", WIDGETS + "/a", { metadata: { finalizers: ["example.com/f"] } }, M],
  ["DELETE", WIDGETS + "/a"],
  ["DELETE", WIDGETS + "/a"],
  ["PATCH", WIDGETS + "/a", { metadata: { finalizers: ["example.com/f", "example.com/g"] } }, M],
  ["PATCH", WIDGETS + "/a", { spec: { size: 8 } }, M],
  ["PATCH", WIDGETS + "/a", { metadata: { finalizers: [] } }, M],
  ["GET", WIDGETS + "/a"],
  ["DELETE", WIDGETS + "/b"],
  ["DELETE", WIDGETS + "/zz"],
  ["DELETE", WIDGETS],
  ["POST", "/apis/example.com/v1/namespaces/nope/widgets", widget("a")],
  ["POST", NS + "/configmaps", { metadata: { name: "c" }, data: { a: "1" } }],
  ["PUT", NS + "/configmaps/c", { metadata: { name: "c" }, data: { a: "2" } }],
  ["PATCH", NS + "/configmaps/c", { data: { b: "3" } }, S],
  ["DELETE", NS + "/configmaps/c"],
  ["POST", NS + "/secrets", { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "1" } }],
  ["PATCH", NS + "/secrets/s", { stringData: { b: "2" } }, M],
  ["PATCH", NS + "/secrets/s", { type: "other" }, M],
  ["POST", "/apis/apps/v1/namespaces/default/deployments", {
    metadata: { name: "d" },
    spec: {
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  }],
  ["PATCH", "/apis/apps/v1/namespaces/default/deployments/d", {
    spec: { template: { spec: { containers: [{ name: "c", image: "j" }] } } },
  }, S],
  ["PATCH", "/apis/apps/v1/namespaces/default/deployments/d/status", {
    status: { replicas: 1, readyReplicas: 1, observedGeneration: 1 },
  }, M],
  ["GET", "/apis/apps/v1/namespaces/default/deployments/d/scale"],
  ["DELETE", "/apis/apps/v1/namespaces/default/deployments/d"],
  ["POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", {
    metadata: { name: "l" },
    spec: { holderIdentity: "x", leaseDurationSeconds: 15, renewTime: "2030-01-01T00:00:00.000000Z" },
  }],
  ["PUT", "/apis/coordination.k8s.io/v1/namespaces/default/leases/l", {
    metadata: { name: "l" },
    spec: { holderIdentity: "y" },
  }],
  ["DELETE", "/api/v1/namespaces/default"],
  ["GET", WIDGETS + "?watch=1&sendInitialEvents=true&timeoutSeconds=1"],
];
