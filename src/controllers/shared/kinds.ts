/** The kinds that controllers work on, as the Kubernetes client wants to know them: definition and type together. @module */
import {
  kinds,
  type Provider,
  type VirtualMachine,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import { type KubeObject, type ResourceType, resourceType } from "@virtrigaud/kube";

function typed<T extends KubeObject & { readonly kind: string }>(kind: T["kind"]): ResourceType<T> {
  const definition = kinds.find((candidate) => candidate.kind === kind);
  if (definition === undefined) throw new TypeError(`there is no kind ${kind}`);
  return resourceType<T>(definition);
}

export const VIRTUAL_MACHINES = typed<VirtualMachine>("VirtualMachine");
export const PROVIDERS = typed<Provider>("Provider");
export const VM_CLASSES = typed<VMClass>("VMClass");
export const VM_IMAGES = typed<VMImage>("VMImage");
export const VM_NETWORK_ATTACHMENTS = typed<VMNetworkAttachment>("VMNetworkAttachment");
