/** The interface that every provider implements and the manager calls; the gRPC service says the same on the wire. @module */
import type { ErrorClass } from "./errors.ts";
import type { Secret } from "@virtrigaud/telemetry";
import type { ImageSource, MachineSpec, ObservedMachine } from "./machine.ts";
import type { Turn } from "./turn.ts";

/**
 * Who asks for a change, and which change it is. Every mutating request carries one and is idempotent by `id`: a
 * provider that has done, or is doing, operation `id` answers as it did the first time and does nothing again.
 */
export interface Operation {
  /** Stable over retries and restarts of the manager, different for every new intent. At most 128 characters. */
  readonly id: string;
  /** `metadata.uid` of the object that owns the VM; the provider writes it into the VM at birth. */
  readonly ownerUid: string;
  /** `namespace/name` of the owner, for people who look at the hypervisor. */
  readonly owner: string;
  /** Grows with every change of leader. A provider refuses one that is older than any it has seen (`StaleFence`). */
  readonly fence: number;
}

/** A task that goes on at the hypervisor. Opaque to the manager. */
export interface TaskRef {
  readonly id: string;
}

/** What a call is given besides its request. */
export interface CallContext {
  /** Aborted when the caller gives up, the deadline passes or the connection breaks. */
  readonly signal: AbortSignal;
  /** Correlates log lines of manager and provider. */
  readonly requestId: string;
  /** Absent for callers that are no manager. */
  readonly turn?: Turn;
}

/** Answer of calls that start something: `task` absent means it is done. */
export interface TaskResponse {
  readonly task?: TaskRef;
}

/** Whether the hypervisor can be reached with these credentials; a refusal is an error of its class, not an answer. */
export interface ValidateResponse {
  /** Product and version of the hypervisor, for people. */
  readonly hypervisor: string;
  /** Version of the provider. */
  readonly version: string;
}

/** What this provider can do with this hypervisor. Advertised means: the conformance suite proves it. */
export interface Capabilities {
  readonly reconfigureOnline: boolean;
  readonly diskExpansionOnline: boolean;
  readonly snapshots: boolean;
  readonly memorySnapshots: boolean;
  readonly quiescedSnapshots: boolean;
  readonly clones: boolean;
  readonly linkedClones: boolean;
  readonly imageImport: boolean;
  readonly diskExport: boolean;
  readonly diskImport: boolean;
  readonly exportCompression: boolean;
  readonly guestExec: boolean;
  readonly hardwareUpgrade: boolean;
  /** Pushes changes through `watch` by itself; otherwise its watch polls. */
  readonly pushEvents: boolean;
  /** `reconfigure` replaces the first-boot configuration of an existing VM, without an outage. */
  readonly guestInitReplace: boolean;
  readonly diskTypes: readonly string[];
  readonly networkTypes: readonly string[];
  readonly exportFormats: readonly string[];
  readonly importFormats: readonly string[];
  readonly exportBackends: readonly string[];
  readonly importBackends: readonly string[];
  readonly transferModes: readonly string[];
}

export interface CreateRequest {
  readonly operation: Operation;
  readonly spec: MachineSpec;
  /** Start it as the last step of the same task. */
  readonly powerOn: boolean;
}

/** `vmId` is known at once and does not change when the task ends. */
export interface CreateResponse extends TaskResponse {
  readonly vmId: string;
}

export interface DeleteRequest {
  readonly operation: Operation;
  readonly vmId: string;
}

/**
 * `ShutdownGraceful` asks the guest and falls back to a hard off after `gracefulTimeoutMs`; `Reboot` is graceful in the
 * same way; `Reset` is hard.
 */
export type PowerOp = "On" | "Off" | "ShutdownGraceful" | "Reboot" | "Reset" | "Suspend";

export interface PowerRequest {
  readonly operation: Operation;
  readonly vmId: string;
  readonly op: PowerOp;
  /** For `ShutdownGraceful` and `Reboot`. */
  readonly gracefulTimeoutMs?: number;
}

/**
 * A data disk that the wish does not name any more is unplugged, and its volume is deleted if it was made for this VM; one
 * that came from elsewhere is only unplugged. Where the guest does not let go of it, or a snapshot needs it, it stays whole:
 * it waits for a power cycle, or the answer is `Conflict` with reason `HasSnapshots`. Whoever sends the wish has made sure
 * that the data may go: the manager does by an annotation.
 */
export interface ReconfigureRequest {
  readonly operation: Operation;
  readonly vmId: string;
  /** The whole wish; the provider compares it with what is and changes the difference. */
  readonly spec: MachineSpec;
  /**
   * True: the first-boot configuration (`spec.guestInit`, and the network configuration that follows from `spec.nics`)
   * follows the wish too. The provider compares it with what the VM has, replaces it where it differs and takes it away
   * where there is none to be, running or not; it never restarts the guest, which sees it when it boots next, and it
   * keeps the instance id, so that nothing is done again that is done once in an instance's life. Default: it is left as
   * it is, whatever `spec` says.
   */
  readonly followGuestInit?: boolean;
}

/** What comes of the first-boot configuration of an existing VM. */
export type GuestInitChange = "Unchanged" | "Replaced" | "Removed";

export interface ReconfigureResponse extends TaskResponse {
  /**
   * Fields that were not changed because the VM has to be off for that, as paths. Nothing else was left out. The
   * first-boot configuration is never among them: it is stored at once.
   */
  readonly needsPowerCycle: readonly string[];
  /** With `followGuestInit` only; by the end of the task if there is one. */
  readonly guestInit?: GuestInitChange;
}

export interface HardwareUpgradeRequest {
  readonly operation: Operation;
  readonly vmId: string;
  readonly targetVersion: number;
}

/**
 * By id, by owner (finds what a crashed create left), or both. With both, a VM of this id that carries the mark of another
 * owner is not meant: the answer is then the VM with this owner's mark, or that there is none. A VM of this id without a
 * mark is meant: it was adopted.
 */
export interface DescribeRequest {
  readonly vmId?: string;
  readonly ownerUid?: string;
}

/** `exists: false` is proof of absence, not the failure to look. */
export type DescribeResponse = { readonly exists: true; readonly vm: ObservedMachine } | { readonly exists: false };

/** State of a task; `NotFound` with reason `TaskUnknown` when the provider cannot know of it any more. */
export interface TaskStatus {
  readonly task: TaskRef;
  readonly vmId?: string;
  readonly state: "Running" | "Succeeded" | "Failed";
  /** 0 to 100, absent if unknown. */
  readonly progressPercent?: number;
  /** Only with `Failed`. */
  readonly error?: {
    readonly class: ErrorClass;
    readonly reason?: string;
    readonly message: string;
    readonly field?: string;
  };
  /** SHA-256, hex, of what an export has written or an import has read. Only with `Succeeded`. */
  readonly checksum?: string;
}

export interface ListVmsRequest {
  /** At most this many; default and maximum 1000. */
  readonly pageSize?: number;
  readonly pageToken?: string;
}

export interface ListVmsResponse {
  readonly vms: readonly ObservedMachine[];
  /** Absent on the last page. */
  readonly nextPageToken?: string;
}

/**
 * What a watch delivers. A stream begins with `ListBegin`, every VM as `Present`, `ListEnd`: what was not named between
 * the two is gone. Deltas follow. A provider that lost continuity begins a new list; it never skips silently.
 */
export type WatchEvent =
  | { readonly type: "ListBegin" }
  | { readonly type: "Present"; readonly vm: ObservedMachine }
  | { readonly type: "ListEnd" }
  | { readonly type: "Gone"; readonly vmId: string; readonly ownerUid?: string }
  | { readonly type: "Task"; readonly status: TaskStatus }
  /** Sent at least every 30 s when there is nothing else, so that a dead stream is found out. */
  | { readonly type: "Heartbeat" };

export interface SnapshotCreateRequest {
  readonly operation: Operation;
  readonly vmId: string;
  readonly name: string;
  readonly description?: string;
  readonly includeMemory: boolean;
  readonly quiesce: boolean;
}

export interface SnapshotCreateResponse extends TaskResponse {
  readonly snapshotId: string;
}

export interface SnapshotRequest {
  readonly operation: Operation;
  readonly vmId: string;
  readonly snapshotId: string;
}

export interface ObservedSnapshot {
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  readonly parentId?: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly hasMemory: boolean;
  readonly sizeBytes?: number;
  readonly current: boolean;
}

export interface CloneRequest {
  readonly operation: Operation;
  readonly sourceVmId: string;
  /** Clone from this snapshot instead of the VM's present state. */
  readonly snapshotId?: string;
  readonly linked: boolean;
  /** Name, hardware and first-boot configuration of the clone; its image is the source and is ignored. */
  readonly spec: MachineSpec;
  readonly powerOn: boolean;
}

export interface ImagePrepareRequest {
  readonly operation: Operation;
  readonly source: ImageSource;
  /** Name of the prepared image; the same name and source give the same image. */
  readonly name: string;
  readonly storage?: string;
  readonly force: boolean;
}

export interface ImagePrepareResponse extends TaskResponse {
  readonly imageId: string;
  readonly path?: string;
  readonly sizeBytes?: number;
  readonly format?: string;
}

/** Where disk content is exchanged with another provider. */
export interface TransferTarget {
  readonly backend: "s3" | "nfs" | "pvc";
  /** `s3://BUCKET/KEY`, `pvc://CLAIM/PATH` (the claim is mounted into the provider), `nfs://SERVER/PATH`. */
  readonly url: string;
  /** Of s3: `accessKeyID`, `secretAccessKey`, `sessionToken`. */
  readonly credentials: Secret<Readonly<Record<string, string>>>;
  /** Of s3: `endpoint` (default AWS), `region` (default `us-east-1`), `usePathStyle` (`true`; default false). */
  readonly options: Readonly<Record<string, string>>;
}

export interface ExportDiskRequest {
  readonly operation: Operation;
  readonly vmId: string;
  /** Disk name or id; absent: the root disk. */
  readonly disk?: string;
  readonly snapshotId?: string;
  readonly format: string;
  readonly compress: boolean;
  readonly target: TransferTarget;
}

export interface ExportDiskResponse extends TaskResponse {
  readonly exportId: string;
  readonly estimatedSizeBytes?: number;
  /** SHA-256, hex, where it is known beforehand; else the task's status has it in the end. */
  readonly checksum?: string;
}

/**
 * The same owner and name stand for the same disk: another import replaces what an earlier one has left, unless a VM uses
 * it. An `ImportedDisk` image takes the disk as it is; from then on it goes with the VM.
 */
export interface ImportDiskRequest {
  readonly operation: Operation;
  readonly name: string;
  readonly format: string;
  readonly source: TransferTarget;
  readonly storage?: string;
  /** SHA-256, hex; verified when present. */
  readonly expectedChecksum?: string;
}

export interface ImportDiskResponse extends TaskResponse {
  readonly diskId: string;
  readonly path?: string;
  readonly sizeBytes?: number;
  readonly checksum?: string;
}

export interface DiskInfoRequest {
  readonly vmId: string;
  readonly disk?: string;
  readonly snapshotId?: string;
}

export interface DiskInfo {
  readonly id: string;
  readonly format: string;
  readonly virtualSizeBytes: number;
  readonly actualSizeBytes: number;
  readonly path?: string;
  readonly bootable: boolean;
  readonly snapshots: readonly string[];
  readonly backingFile?: string;
}

export interface GuestExecRequest {
  readonly operation: Operation;
  readonly vmId: string;
  /** argv; no shell in between. */
  readonly command: readonly string[];
  /** Default 30 000. */
  readonly timeoutMs?: number;
}

export interface GuestExecResponse {
  readonly exitCode: number;
  /** At most 64 KiB each. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A hypervisor behind the contract.
 *
 * Guarantees an implementation gives: errors are {@linkcode ProviderError}s; mutating calls are idempotent by
 * `operation.id` and refuse an older fence; a VM is created at most once per `operation.ownerUid`; a VM that carries no
 * mark of ours is neither changed nor deleted unless it was addressed by id for adoption; what it cannot do is
 * `NotSupported`, what it was asked wrongly is `InvalidSpec` with the field.
 */
export interface Provider {
  validate(context: CallContext): Promise<ValidateResponse>;
  getCapabilities(context: CallContext): Promise<Capabilities>;
  create(request: CreateRequest, context: CallContext): Promise<CreateResponse>;
  /** Deletes the VM and the disks it was created with. A VM that is gone already is a success. */
  delete(request: DeleteRequest, context: CallContext): Promise<TaskResponse>;
  power(request: PowerRequest, context: CallContext): Promise<TaskResponse>;
  reconfigure(request: ReconfigureRequest, context: CallContext): Promise<ReconfigureResponse>;
  hardwareUpgrade(request: HardwareUpgradeRequest, context: CallContext): Promise<TaskResponse>;
  describe(request: DescribeRequest, context: CallContext): Promise<DescribeResponse>;
  taskStatus(task: TaskRef, context: CallContext): Promise<TaskStatus>;
  listVms(request: ListVmsRequest, context: CallContext): Promise<ListVmsResponse>;
  /** Ends when `context.signal` is aborted. */
  watch(context: CallContext): AsyncIterable<WatchEvent>;
  snapshotCreate(request: SnapshotCreateRequest, context: CallContext): Promise<SnapshotCreateResponse>;
  snapshotDelete(request: SnapshotRequest, context: CallContext): Promise<TaskResponse>;
  snapshotRevert(request: SnapshotRequest, context: CallContext): Promise<TaskResponse>;
  snapshotList(request: { readonly vmId: string }, context: CallContext): Promise<readonly ObservedSnapshot[]>;
  clone(request: CloneRequest, context: CallContext): Promise<CreateResponse>;
  imagePrepare(request: ImagePrepareRequest, context: CallContext): Promise<ImagePrepareResponse>;
  exportDisk(request: ExportDiskRequest, context: CallContext): Promise<ExportDiskResponse>;
  importDisk(request: ImportDiskRequest, context: CallContext): Promise<ImportDiskResponse>;
  getDiskInfo(request: DiskInfoRequest, context: CallContext): Promise<DiskInfo>;
  guestExec(request: GuestExecRequest, context: CallContext): Promise<GuestExecResponse>;
}
