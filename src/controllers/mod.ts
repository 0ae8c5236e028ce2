/** Controllers of the kinds, and what they share: everything that decides about virtual machines. @module */
export { addCatalogController } from "./catalog/controller.ts";
export { classValidity, imageValidity, networkValidity } from "./catalog/validity.ts";
export { ProviderConnections } from "./connection/connections.ts";
export { openCertificates } from "./provider/authority.ts";
export type { Certificates, ProviderDialer } from "./provider/certificates.ts";
export { addProviderController } from "./provider/controller.ts";
export { DIAL_ADDRESS_ANNOTATION } from "./provider/decide.ts";
export { grpcDialer } from "./provider/dialer.ts";
export { MANAGED_SELECTOR } from "./provider/names.ts";
export { ProviderReconciler } from "./provider/reconciler.ts";
export { PROVIDERS, VIRTUAL_MACHINES, VM_CLASSES, VM_IMAGES, VM_NETWORK_ATTACHMENTS } from "./shared/kinds.ts";
export { SecretSource } from "./shared/secrets.ts";
export { addVmController, VM_INDEXES } from "./virtual_machine/controller.ts";
export { VmReconciler } from "./virtual_machine/reconciler.ts";
