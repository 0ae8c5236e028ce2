/** Annotations, labels and finalizers that VirtRigaud reads and writes. @module */

/** Held on a VirtualMachine until its machine is proven to be gone or was let go. */
export const VM_FINALIZER = "virtualmachine.infra.virtrigaud.io/finalizer";
/** Held on a Provider while VirtualMachines refer to it. */
export const PROVIDER_FINALIZER = "provider.infra.virtrigaud.io/finalizer";
/** Held on a VMClass, VMImage or VMNetworkAttachment while VirtualMachines refer to it. */
export const IN_USE_FINALIZER = "infra.virtrigaud.io/in-use";
/** Held on a VMSnapshot until its snapshot is gone. */
export const SNAPSHOT_FINALIZER = "snapshot.infra.virtrigaud.io/finalizer";
/** Held on a VMClone until what it left half-made is gone. */
export const CLONE_FINALIZER = "clone.infra.virtrigaud.io/finalizer";
/** Held on a VMMigration until what it left half-moved is gone. */
export const MIGRATION_FINALIZER = "vmmigration.infra.virtrigaud.io/finalizer";

/** Annotation, value `true`: drops the finalizer of a deleted object although the machine may still be there. */
export const FORCE_DELETE_ANNOTATION = "virtrigaud.io/force-delete";
/** Annotation, any new value: reconciles the object at once. */
export const FORCE_SYNC_ANNOTATION = "virtrigaud.io/force-sync";
/** Annotation, any new value (by custom the time): reboots the VM once. */
export const REBOOT_REQUESTED_AT_ANNOTATION = "virtrigaud.io/reboot-requested-at";
/**
 * Annotation, names of disks separated by commas: these may be deleted with their data when they are no longer in
 * `spec.disks`. Without it a disk that leaves the list is kept, and the VM says so.
 */
export const REMOVE_DISKS_ANNOTATION = "virtrigaud.io/remove-disks";
/** Annotation on a Provider, value `true`: makes VirtualMachines for machines that were there before. */
export const ADOPT_VMS_ANNOTATION = "virtrigaud.io/adopt-vms";
/** Annotation on a Provider: which machines to adopt, as JSON. */
export const ADOPT_FILTER_ANNOTATION = "virtrigaud.io/adopt-filter";
/** Label, value `true`: the machine was there before the object; deleting the object does not delete it. */
export const ADOPTED_LABEL = "virtrigaud.io/adopted";
/** Annotation, value `true`: deleting the object of an adopted machine deletes the machine too. */
export const DELETE_ADOPTED_ANNOTATION = "virtrigaud.io/delete-adopted";
/** Label on everything that the manager makes for a Provider; the value is the Provider's name. */
export const PROVIDER_LABEL = "virtrigaud.io/provider";
/** Field manager of the manager's server-side apply. */
export const FIELD_MANAGER = "virtrigaud-manager";
