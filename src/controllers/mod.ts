/** Controllers of the kinds, and what they share: everything that decides about virtual machines. @module */
export type { ProviderConnections } from "./connection/connections.ts";
export { addControllers, type Controllers, type ControllersOptions } from "./controllers.ts";
export { openCertificates } from "./provider/authority.ts";
export type { Certificates, ProviderDialer } from "./provider/certificates.ts";
export { DIAL_ADDRESS_ANNOTATION } from "./provider/decide.ts";
export { grpcDialer } from "./provider/dialer.ts";
export { MANAGED_SELECTOR } from "./provider/names.ts";
export { PROVIDERS, VIRTUAL_MACHINES, VM_CLASSES, VM_IMAGES, VM_NETWORK_ATTACHMENTS } from "./shared/kinds.ts";
export type { VmReconciler } from "./virtual_machine/reconciler.ts";
