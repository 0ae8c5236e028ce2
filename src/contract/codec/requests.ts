/** Codecs of requests and responses. @module */
import { type ErrorClass } from "../errors.ts";
import type * as wire from "../gen/wire.ts";
import type * as domain from "../provider.ts";
import {
  bool,
  type Codec,
  enumeration,
  flag,
  int32,
  int64,
  invalid,
  list,
  map,
  name,
  optional,
  secret,
  text,
} from "./codec.ts";
import { imageSource, machineSpec, observedMachine } from "./machine.ts";
import { message, union } from "./message.ts";

const id = name(1024);
const words = list(name(256));

export const errorClass = enumeration<ErrorClass, wire.ErrorClass>({
  NotFound: "ERROR_CLASS_NOT_FOUND",
  InvalidSpec: "ERROR_CLASS_INVALID_SPEC",
  Unauthorized: "ERROR_CLASS_UNAUTHORIZED",
  NotSupported: "ERROR_CLASS_NOT_SUPPORTED",
  Retryable: "ERROR_CLASS_RETRYABLE",
  Unavailable: "ERROR_CLASS_UNAVAILABLE",
  RateLimit: "ERROR_CLASS_RATE_LIMIT",
  Timeout: "ERROR_CLASS_TIMEOUT",
  QuotaExceeded: "ERROR_CLASS_QUOTA_EXCEEDED",
  Conflict: "ERROR_CLASS_CONFLICT",
});

const operation = message<domain.Operation, wire.Operation>({
  id: name(128),
  ownerUid: name(128),
  owner: name(512),
  fence: int64(),
});

const taskRef = message<domain.TaskRef, wire.TaskRef>({ id });

/** A request or response without content; `undefined` in the domain. */
export const nothing: Codec<void, Record<never, never> | undefined> = { encode: () => ({}), decode: () => undefined };

export const taskResponse = message<domain.TaskResponse, wire.TaskResponse>({ task: optional(taskRef) });

export const validateResponse = message<domain.ValidateResponse, wire.ValidateResponse>({
  hypervisor: text(),
  version: text(256),
});

export const capabilities = message<domain.Capabilities, wire.GetCapabilitiesResponse>({
  reconfigureOnline: flag,
  diskExpansionOnline: flag,
  snapshots: flag,
  memorySnapshots: flag,
  quiescedSnapshots: flag,
  clones: flag,
  linkedClones: flag,
  imageImport: flag,
  diskExport: flag,
  diskImport: flag,
  exportCompression: flag,
  guestExec: flag,
  hardwareUpgrade: flag,
  pushEvents: flag,
  guestInitReplace: flag,
  diskTypes: words,
  networkTypes: words,
  exportFormats: words,
  importFormats: words,
  exportBackends: words,
  importBackends: words,
  transferModes: words,
});

export const createRequest = message<domain.CreateRequest, wire.CreateRequest>({
  operation,
  spec: machineSpec,
  powerOn: bool,
});

export const createResponse = message<domain.CreateResponse, wire.CreateResponse>({
  vmId: id,
  task: optional(taskRef),
});

export const deleteRequest = message<domain.DeleteRequest, wire.DeleteRequest>({ operation, vmId: id });

export const powerRequest = message<domain.PowerRequest, wire.PowerRequest>({
  operation,
  vmId: id,
  op: enumeration<domain.PowerOp, wire.PowerOp>({
    On: "POWER_OP_ON",
    Off: "POWER_OP_OFF",
    Reboot: "POWER_OP_REBOOT",
    ShutdownGraceful: "POWER_OP_SHUTDOWN_GRACEFUL",
    Reset: "POWER_OP_RESET",
    Suspend: "POWER_OP_SUSPEND",
  }),
  gracefulTimeoutMs: optional(int64()),
});

export const reconfigureRequest = message<domain.ReconfigureRequest, wire.ReconfigureRequest>({
  operation,
  vmId: id,
  spec: machineSpec,
  followGuestInit: optional(bool),
});

export const reconfigureResponse = message<domain.ReconfigureResponse, wire.ReconfigureResponse>({
  needsPowerCycle: list(text(), 256),
  task: optional(taskRef),
  guestInit: optional(
    enumeration<domain.GuestInitChange, wire.GuestInitChange>({
      Unchanged: "GUEST_INIT_CHANGE_UNCHANGED",
      Replaced: "GUEST_INIT_CHANGE_REPLACED",
      Removed: "GUEST_INIT_CHANGE_REMOVED",
    }),
  ),
});

export const hardwareUpgradeRequest = message<domain.HardwareUpgradeRequest, wire.HardwareUpgradeRequest>({
  operation,
  vmId: id,
  targetVersion: int32(1),
});

export const describeRequest: Codec<domain.DescribeRequest, wire.DescribeRequest | undefined> = (() => {
  const fields = message<domain.DescribeRequest, wire.DescribeRequest>({
    vmId: optional(id),
    ownerUid: optional(name(128)),
  });
  const check = (request: domain.DescribeRequest): domain.DescribeRequest => {
    if (request.vmId === undefined && request.ownerUid === undefined) {
      throw invalid("vmId", "is required unless ownerUid is given");
    }
    return request;
  };
  return {
    encode: (value, path) => fields.encode(check(value), path),
    decode: (carried, path) => check(fields.decode(carried, path)),
  };
})();

/** Absence is said outright (`exists: false`); a report that is missing without that is an error and not absence. */
export const describeResponse: Codec<domain.DescribeResponse, wire.DescribeResponse | undefined> = {
  encode: (value, path) =>
    value.exists ? { exists: true, vm: observedMachine.encode(value.vm, `${path}vm`) } : { exists: false },
  decode: (carried, path) =>
    bool.decode(carried?.exists, `${path}exists`)
      ? { exists: true, vm: observedMachine.decode(carried?.vm, `${path}vm`) }
      : { exists: false },
};

/** The domain asks with the bare task. */
export const taskStatusRequest: Codec<domain.TaskRef, wire.TaskStatusRequest | undefined> = {
  encode: (value) => ({ task: taskRef.encode(value, "task") }),
  decode: (carried) => taskRef.decode(carried?.task, "task"),
};

export const taskStatus = message<domain.TaskStatus, wire.TaskStatusResponse>({
  task: taskRef,
  vmId: optional(id),
  state: enumeration<domain.TaskStatus["state"], wire.TaskState>({
    Running: "TASK_STATE_RUNNING",
    Succeeded: "TASK_STATE_SUCCEEDED",
    Failed: "TASK_STATE_FAILED",
  }),
  progressPercent: optional(int32(0, 100)),
  error: optional(
    message<NonNullable<domain.TaskStatus["error"]>, wire.TaskError>({
      class: errorClass,
      reason: optional(name(128)),
      message: text(8192),
      field: optional(text()),
    }),
  ),
  checksum: optional(name(128)),
});

export const listVmsRequest = message<domain.ListVmsRequest, wire.ListVMsRequest>({
  pageSize: optional(int32(1, 1000)),
  pageToken: optional(name(4096)),
});

export const listVmsResponse = message<domain.ListVmsResponse, wire.ListVMsResponse>({
  vms: list(observedMachine, 1000),
  nextPageToken: optional(name(4096)),
});

type Event<T> = Omit<Extract<domain.WatchEvent, { type: T }>, "type">;

export const watchEvent = union<domain.WatchEvent, wire.WatchEvent>({
  ListBegin: ["listBegin", message<Event<"ListBegin">, wire.WatchListBegin>({})],
  Present: ["present", message<Event<"Present">, wire.WatchPresent>({ vm: observedMachine })],
  ListEnd: ["listEnd", message<Event<"ListEnd">, wire.WatchListEnd>({})],
  Gone: ["gone", message<Event<"Gone">, wire.WatchGone>({ vmId: id, ownerUid: optional(name(128)) })],
  Task: ["task", message<Event<"Task">, wire.WatchTask>({ status: taskStatus })],
  Heartbeat: ["heartbeat", message<Event<"Heartbeat">, wire.WatchHeartbeat>({})],
});

export const snapshotCreateRequest = message<domain.SnapshotCreateRequest, wire.SnapshotCreateRequest>({
  operation,
  vmId: id,
  name: name(255),
  description: optional(text()),
  includeMemory: bool,
  quiesce: bool,
});

export const snapshotCreateResponse = message<domain.SnapshotCreateResponse, wire.SnapshotCreateResponse>({
  snapshotId: id,
  task: optional(taskRef),
});

/** Deletion and revert have messages of their own on the wire, of one shape. */
export const snapshotRequest = message<domain.SnapshotRequest, wire.SnapshotDeleteRequest & wire.SnapshotRevertRequest>(
  { operation, vmId: id, snapshotId: id },
);

export const snapshotListRequest = message<{ readonly vmId: string }, wire.SnapshotListRequest>({ vmId: id });

export const snapshotListResponse: Codec<
  readonly domain.ObservedSnapshot[],
  wire.SnapshotListResponse | undefined
> = (() => {
  const snapshots = list(
    message<domain.ObservedSnapshot, wire.SnapshotInfo>({
      id,
      name: text(),
      description: optional(text(65_536)),
      parentId: optional(id),
      createdAt: name(64),
      hasMemory: bool,
      sizeBytes: optional(int64()),
      current: bool,
    }),
  );
  return {
    encode: (value) => ({ snapshots: snapshots.encode(value, "snapshots") }),
    decode: (carried) => snapshots.decode(carried?.snapshots, "snapshots"),
  };
})();

export const cloneRequest = message<domain.CloneRequest, wire.CloneRequest>({
  operation,
  sourceVmId: id,
  snapshotId: optional(id),
  linked: bool,
  spec: machineSpec,
  powerOn: bool,
});

export const imagePrepareRequest = message<domain.ImagePrepareRequest, wire.ImagePrepareRequest>({
  operation,
  source: imageSource,
  name: name(255),
  storage: optional(name(1024)),
  force: bool,
});

export const imagePrepareResponse = message<domain.ImagePrepareResponse, wire.ImagePrepareResponse>({
  imageId: id,
  path: optional(text()),
  sizeBytes: optional(int64()),
  format: optional(name(64)),
  task: optional(taskRef),
});

const transferTarget = message<domain.TransferTarget, wire.TransferTarget>({
  backend: enumeration<domain.TransferTarget["backend"], wire.TransferBackend>({
    s3: "TRANSFER_BACKEND_S3",
    nfs: "TRANSFER_BACKEND_NFS",
    pvc: "TRANSFER_BACKEND_PVC",
  }),
  url: name(4096),
  credentials: secret(map),
  options: map,
});

export const exportDiskRequest = message<domain.ExportDiskRequest, wire.ExportDiskRequest>({
  operation,
  vmId: id,
  disk: optional(id),
  snapshotId: optional(id),
  format: name(64),
  compress: bool,
  target: transferTarget,
});

export const exportDiskResponse = message<domain.ExportDiskResponse, wire.ExportDiskResponse>({
  exportId: id,
  estimatedSizeBytes: optional(int64()),
  checksum: optional(name(128)),
  task: optional(taskRef),
});

export const importDiskRequest = message<domain.ImportDiskRequest, wire.ImportDiskRequest>({
  operation,
  name: name(255),
  format: name(64),
  source: transferTarget,
  storage: optional(name(1024)),
  expectedChecksum: optional(name(128)),
});

export const importDiskResponse = message<domain.ImportDiskResponse, wire.ImportDiskResponse>({
  diskId: id,
  path: optional(text()),
  sizeBytes: optional(int64()),
  checksum: optional(name(128)),
  task: optional(taskRef),
});

export const diskInfoRequest = message<domain.DiskInfoRequest, wire.GetDiskInfoRequest>({
  vmId: id,
  disk: optional(id),
  snapshotId: optional(id),
});

export const diskInfo = message<domain.DiskInfo, wire.GetDiskInfoResponse>({
  id,
  format: name(64),
  virtualSizeBytes: int64(),
  actualSizeBytes: int64(),
  path: optional(text()),
  bootable: bool,
  snapshots: list(text()),
  backingFile: optional(text()),
});

export const guestExecRequest: Codec<domain.GuestExecRequest, wire.GuestExecRequest | undefined> = (() => {
  const fields = message<domain.GuestExecRequest, wire.GuestExecRequest>({
    operation,
    vmId: id,
    command: list(text(65_536), 256),
    timeoutMs: optional(int64(1)),
  });
  const check = (request: domain.GuestExecRequest): domain.GuestExecRequest => {
    if (request.command.length === 0) throw invalid("command", "must name a program");
    return request;
  };
  return {
    encode: (value, path) => fields.encode(check(value), path),
    decode: (carried, path) => check(fields.decode(carried, path)),
  };
})();

export const guestExecResponse = message<domain.GuestExecResponse, wire.GuestExecResponse>({
  exitCode: int32(-(2 ** 31)),
  stdout: text(65_536),
  stderr: text(65_536),
});
