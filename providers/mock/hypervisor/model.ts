/** Everything that the mock hypervisor remembers, as plain data: it goes to disk and comes back as it is. @module */
import type { DataDisk, ErrorClass, Hardware, Nic } from "@virtrigaud/contract";

/** A network card of a VM. */
export interface NicRecord {
  readonly spec: Nic;
  readonly mac: string;
  readonly network: string;
  /** Leased from the pool of `network` at the first boot with it, and kept for as long as the card exists. */
  readonly lease?: string;
}

/** A disk of a VM: which volume it is. `spec` is absent for the root disk. */
export interface DiskRecord {
  readonly name: string;
  readonly volumeId: string;
  readonly spec?: DataDisk;
}

/** What goes on inside the VM. */
export interface GuestRecord {
  readonly state: "Down" | "Booting" | "Up";
  /** Grows with every boot, so that the end of an earlier boot is recognised and ignored. */
  readonly bootNumber: number;
  readonly hostname: string;
  /** Addresses that the guest's own network configuration gives, by card name. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  readonly agentInstalled: boolean;
  /** The guest does not react to a shutdown request. */
  readonly ignoresShutdown: boolean;
  /** The guest never gets an address. */
  readonly withoutAddress: boolean;
}

/** A VM as the hypervisor keeps it. */
export interface VmRecord {
  readonly id: string;
  readonly name: string;
  /** The mark written at birth; absent on VMs that are not ours. */
  readonly ownerUid?: string;
  readonly owner?: string;
  readonly power: "On" | "Off" | "Suspended";
  /** A task is creating the VM or changing its power. */
  readonly transitional: boolean;
  /** Task that holds the VM. */
  readonly lockedBy?: string;
  /** Task that creates the VM. */
  readonly createdBy?: string;
  readonly hardware: Hardware;
  readonly hardwareVersion: number;
  readonly disks: readonly DiskRecord[];
  readonly nics: readonly NicRecord[];
  readonly placement: {
    readonly host: string;
    readonly cluster: string;
    readonly datastore: string;
    readonly folder?: string;
    readonly resourcePool?: string;
  };
  readonly tags: readonly string[];
  readonly guest: GuestRecord;
  readonly guestInitDigest?: string | undefined;
  /** What the guest calls itself from its next boot on, since its first-boot configuration was replaced. */
  readonly nextHostname?: string;
  /** Fields of the last wish that wait for the VM to be off. */
  readonly pending: readonly string[];
  readonly currentSnapshot?: string;
}

/** A piece of storage. A volume without `vmId` belongs to nobody: imported, or left behind. */
export interface VolumeRecord {
  readonly id: string;
  readonly name: string;
  readonly pool: string;
  readonly path: string;
  readonly sizeGib: number;
  readonly type: string;
  readonly format: string;
  readonly vmId?: string;
  /** Volume, image or snapshot that this one only stores the difference to. */
  readonly backing?: string;
  /** Stands for the content: equal content has equal digests. */
  readonly content: string;
  /** Size of the image that it was made from; it cannot be smaller. */
  readonly contentGib?: number;
}

/** An image or template that VMs are made from. */
export interface ImageRecord {
  readonly id: string;
  readonly name: string;
  /** Digest of where it came from: the same name and source give the same image. */
  readonly source: string;
  readonly sizeGib: number;
  readonly path: string;
  readonly format: string;
  readonly content: string;
  readonly ready: boolean;
  /** Task that prepares it. */
  readonly preparedBy?: string;
}

/** A snapshot and what the VM was then. */
export interface SnapshotRecord {
  readonly id: string;
  readonly vmId: string;
  readonly name: string;
  readonly description?: string;
  readonly parentId?: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly memory: boolean;
  readonly ready: boolean;
  readonly hardware: Hardware;
  readonly disks: readonly (DiskRecord & { readonly sizeGib: number; readonly content: string })[];
  readonly nics: readonly NicRecord[];
}

/** What a task does at its end. Plain data, so that a task survives the death of the process. */
export type Action =
  | { readonly type: "Create"; readonly vmId: string; readonly powerOn: boolean }
  | { readonly type: "Power"; readonly vmId: string; readonly to: "On" | "Off" | "Suspended" | "Restarted" }
  | { readonly type: "Boot"; readonly vmId: string; readonly bootNumber: number }
  | { readonly type: "Delete"; readonly vmId: string }
  | {
    readonly type: "Reconfigure";
    readonly vmId: string;
    readonly change: Partial<VmRecord>;
    readonly addVolumes: readonly VolumeRecord[];
    readonly resize: readonly { readonly volumeId: string; readonly sizeGib: number }[];
    readonly dropVolumes: readonly string[];
  }
  | { readonly type: "HardwareUpgrade"; readonly vmId: string; readonly version: number }
  | { readonly type: "SnapshotCreate"; readonly vmId: string; readonly snapshotId: string }
  | { readonly type: "SnapshotDelete"; readonly vmId: string; readonly snapshotId: string }
  | { readonly type: "SnapshotRevert"; readonly vmId: string; readonly snapshotId: string }
  | { readonly type: "ImagePrepare"; readonly imageId: string; readonly failure?: TaskError }
  | {
    readonly type: "ExportDisk";
    readonly vmId: string;
    readonly exportId: string;
    readonly url: string;
    readonly content: string;
    readonly format: string;
    readonly sizeGib: number;
  }
  | { readonly type: "ImportDisk"; readonly volume: VolumeRecord };

/** Why a task failed, as the contract says it. */
export interface TaskError {
  readonly class: ErrorClass;
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

/** Something that takes time. */
export interface TaskRecord {
  readonly id: string;
  readonly action: Action;
  readonly vmId?: string;
  /** Not shown to callers: what a guest does by itself. */
  readonly internal: boolean;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly endsAt: number;
  readonly state: "Running" | "Succeeded" | "Failed";
  readonly error?: TaskError;
}

/** A request that was answered: the same operation id gets the same answer. */
export interface OperationRecord {
  readonly id: string;
  readonly answer: unknown;
}

/** An address taken from a pool. */
export interface LeaseRecord {
  /** The address. */
  readonly id: string;
  readonly mac: string;
}

/** What was exported, by its address. */
export interface TransferRecord {
  readonly id: string;
  readonly content: string;
  readonly format: string;
  readonly sizeGib: number;
}

/** Single numbers: the highest fence, the next free address of a pool. */
export interface CounterRecord {
  readonly id: string;
  readonly value: number;
}

/** All tables. */
export interface Tables {
  readonly vms: VmRecord;
  readonly volumes: VolumeRecord;
  readonly images: ImageRecord;
  readonly snapshots: SnapshotRecord;
  readonly tasks: TaskRecord;
  readonly operations: OperationRecord;
  readonly leases: LeaseRecord;
  readonly transfers: TransferRecord;
  readonly counters: CounterRecord;
}

/** Name of a table. */
export type TableName = keyof Tables;

/** One change of the hypervisor's state, numbered, in order: what crash tests count. */
export interface Effect {
  readonly number: number;
  /** UpperCamelCase: `VmCreated`, `VolumeDeleted`, ... */
  readonly type: string;
  /** Id of the thing that changed. */
  readonly subject: string;
  readonly detail?: string;
}
