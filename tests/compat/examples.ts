/** One small valid manifest per kind. @module */
import { API_VERSION } from "@virtrigaud/api";

/** An object as it is sent to an API server. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: Record<string, unknown>;
}

const SPECS: Readonly<Record<string, Record<string, unknown>>> = {
  VirtualMachine: { providerRef: { name: "hypervisor" }, classRef: { name: "small" }, imageRef: { name: "tiny" } },
  Provider: { type: "mock", endpoint: "mock://local", runtime: { image: "virtrigaud/provider-mock:v1" } },
  VMClass: { cpu: 2, memory: "2Gi" },
  VMImage: { source: { libvirt: { path: "/var/lib/libvirt/images/tiny.qcow2" } } },
  VMNetworkAttachment: { network: { libvirt: { networkName: "default" } } },
  VMSnapshot: { vmRef: { name: "web" } },
  VMClone: { source: { vmRef: { name: "web" } }, target: { name: "web-2" } },
  VMMigration: { source: { vmRef: { name: "web" } }, target: { name: "web", providerRef: { name: "other" } } },
  VMSet: {
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { providerRef: { name: "hypervisor" }, classRef: { name: "small" }, imageRef: { name: "tiny" } },
    },
  },
  VMPlacementPolicy: { hard: { clusters: ["east"] } },
};

/** A fresh manifest of `kind` that every rule lets pass. */
export function validManifest(kind: string, name = "example"): Manifest {
  const spec = SPECS[kind];
  if (spec === undefined) throw new RangeError(`no example of kind ${kind}`);
  return { apiVersion: API_VERSION, kind, metadata: { name }, spec: structuredClone(spec) };
}
