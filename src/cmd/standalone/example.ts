/** What `up` applies: one virtual machine and everything that it refers to. @module */
import { API_VERSION } from "@virtrigaud/api";
import type { UntypedObject } from "@virtrigaud/kube";

/** Name of the example's VirtualMachine. */
export const EXAMPLE_VM = "hello";

const NAMESPACE = "default";

/** The hypervisor that the example runs on. */
export type ExampleHost =
  /** `stateFile` lets the mock remember its machines between two runs; relative to where its process is started. */
  | { readonly type: "Mock"; readonly stateFile: string }
  | {
    readonly type: "Libvirt";
    readonly uri: string;
    /** Path or volume of the image; without it only the Provider is made. */
    readonly image?: string;
    readonly credentials: Readonly<Record<string, string>>;
  };

/** The objects, in the order in which they are applied. */
export function exampleObjects(host: ExampleHost): UntypedObject[] {
  switch (host.type) {
    case "Mock":
      return [
        provider("mock", "mock", "mock://localhost?templates=debian-12", {
          env: [{ name: "MOCK_STATE_FILE", value: host.stateFile }],
        }),
        object("VMClass", "small", { cpu: 2, memory: "4Gi" }),
        object("VMImage", "debian-12", { source: { vsphere: { templateName: "debian-12" } } }),
        network(),
        machine("mock", "debian-12"),
      ];
    case "Libvirt": {
      const { credentials, image } = host;
      const secret = Object.keys(credentials).length === 0 ? undefined : "libvirt-credentials";
      return [
        ...(secret === undefined ? [] : [{
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: secret, namespace: NAMESPACE },
          type: "Opaque",
          data: Object.fromEntries(
            Object.entries(credentials).map(([key, value]) => [key, new TextEncoder().encode(value).toBase64()]),
          ),
        }]),
        provider("libvirt", "libvirt", host.uri, {}, secret),
        ...(image === undefined ? [] : [
          object("VMClass", "tiny", { cpu: 1, memory: "256Mi" }),
          object("VMImage", "image", { source: { libvirt: { path: image, format: "qcow2" } } }),
          network(),
          machine("libvirt", "image", "tiny"),
        ]),
      ];
    }
  }
}

function provider(
  name: string,
  type: string,
  endpoint: string,
  runtime: Record<string, unknown>,
  secret?: string,
): UntypedObject {
  return object("Provider", name, {
    type,
    endpoint,
    ...(secret === undefined ? {} : { credentialSecretRef: { name: secret } }),
    runtime: { image: `ghcr.io/projectbeskar/virtrigaud/provider-${type}:v0.1.0`, ...runtime },
  });
}

function network(): UntypedObject {
  return object("VMNetworkAttachment", "default", { network: { libvirt: { networkName: "default" } } });
}

function machine(providerName: string, image: string, vmClass = "small"): UntypedObject {
  return object("VirtualMachine", EXAMPLE_VM, {
    providerRef: { name: providerName },
    classRef: { name: vmClass },
    imageRef: { name: image },
    powerState: "On",
    networks: [{ name: "default", networkRef: { name: "default" } }],
  });
}

function object(kind: string, name: string, spec: Record<string, unknown>): UntypedObject {
  return { apiVersion: API_VERSION, kind, metadata: { name, namespace: NAMESPACE }, spec };
}
