/** A hypervisor in memory behind the provider contract: for tests, for demonstrations, for trying the product. @module */
export { type FaultKind, type FaultPoint, type FaultRule, Faults, type Method } from "./faults.ts";
export { MockHypervisor, type MockHypervisorOptions } from "./hypervisor/hypervisor.ts";
export type { ExternalChange } from "./hypervisor/external.ts";
export type { Effect, VmRecord, VolumeRecord } from "./hypervisor/model.ts";
export { defaultOptions, type HypervisorOptions, mockCapabilities } from "./hypervisor/options.ts";
export { MockProvider } from "./provider.ts";
