/** The ten kinds of `infra.virtrigaud.io/v1beta1`: types, schemas, names, support tables. @module */
export * from "./admission.ts";
export * from "./crd.ts";
export * from "./definition.ts";
export * from "./duration.ts";
export * from "./kinds.ts";
export * from "./meta.ts";
export * from "./names.ts";
export * from "./quantity.ts";
export * from "./fields.ts";
export { OBJECT_RULES, type ObjectRule } from "./object_rules.ts";
export { type ProviderSupport, type Support, supportOf, type SupportTable } from "./support.ts";
export * from "./unsupported.ts";
export type { JsonSchema, ValidationRule } from "./schema.ts";
export type { EnvVar, Probe, ResourceRequirements, SecurityContext, Toleration } from "./core/container.ts";
export type { Affinity } from "./core/affinity.ts";
export type { LabelSelector } from "./core/selectors.ts";
export type { DiskSpec, NetworkRef } from "./disk_network.ts";
export type { LocalObjectRef, ObjectRef } from "./refs.ts";
export type { MetaData, UserData } from "./user_data.ts";
export type { ImportedDisk, Placement, PowerState, VirtualMachineSpec } from "./virtual_machine_spec.ts";
export type {
  ObservedPowerState,
  Operation,
  VirtualMachine,
  VirtualMachinePhase,
  VirtualMachineStatus,
} from "./virtual_machine.ts";
export type { ProviderSpec, ProviderType } from "./provider_spec.ts";
export { PROVIDER_TYPES } from "./provider_spec.ts";
export type { Provider, ProviderPhase, ProviderStatus } from "./provider.ts";
export type { VMClass, VMClassSpec, VMClassStatus } from "./vm_class.ts";
export type { ImageFormat, ImageSource } from "./vm_image_source.ts";
export type { VMImage, VMImageSpec, VMImageStatus } from "./vm_image.ts";
export type { NetworkConfig } from "./vm_network_config.ts";
export type {
  VMNetworkAttachment,
  VMNetworkAttachmentSpec,
  VMNetworkAttachmentStatus,
} from "./vm_network_attachment.ts";
export type { VMSnapshot, VMSnapshotSpec, VMSnapshotStatus } from "./vm_snapshot.ts";
export type { CloneType, VMClone, VMCloneSpec, VMCloneStatus } from "./vm_clone.ts";
export type { VMMigration, VMMigrationPhase, VMMigrationStatus } from "./vm_migration.ts";
export type { VMMigrationSpec } from "./vm_migration_spec.ts";
export type { VMSet, VMSetSpec, VMSetStatus } from "./vm_set.ts";
export type { VMPlacementPolicy, VMPlacementPolicyStatus } from "./vm_placement_policy.ts";
export type { VMPlacementPolicySpec } from "./vm_placement_spec.ts";
