/** The RPCs of the contract as one table, from which client and server are made. @module */
import type { Provider } from "../provider.ts";
import type { Codec } from "./codec.ts";
import * as codec from "./requests.ts";

/** Group of calls that share a deadline (`RPC_TIMEOUT_*`). */
export type DeadlineGroup = "validate" | "describe" | "mutating" | "taskStatus";

/** One unary RPC. */
export interface Rpc<Q, R> {
  /** Name in the service. */
  readonly rpc: string;
  readonly deadline: DeadlineGroup;
  /** Mutating calls carry an operation, need the write scope, and pass fence and ledger. */
  readonly mutating: boolean;
  readonly request: Codec<Q, unknown>;
  readonly response: Codec<R, unknown>;
}

/** Unary methods of {@linkcode Provider}; `watch` is the one stream and stands apart. */
export type UnaryMethod = Exclude<keyof Provider, "watch">;

/** Request type of a method; `void` for those that take a context only. */
export type RequestOf<M extends UnaryMethod> = Parameters<Provider[M]> extends [infer Q, unknown] ? Q : void;

/** Response type of a method. */
export type ResponseOf<M extends UnaryMethod> = Awaited<ReturnType<Provider[M]>>;

const rpc = <Q, R, WQ, WR>(
  name: string,
  deadline: DeadlineGroup,
  request: Codec<Q, WQ>,
  response: Codec<R, WR>,
): Rpc<Q, R> => ({
  rpc: name,
  deadline,
  mutating: deadline === "mutating",
  request: request as Codec<Q, unknown>,
  response: response as Codec<R, unknown>,
});

/** Every unary RPC by the method of {@linkcode Provider} that it is. */
export const rpcs: { readonly [M in UnaryMethod]: Rpc<RequestOf<M>, ResponseOf<M>> } = {
  validate: rpc("Validate", "validate", codec.nothing, codec.validateResponse),
  getCapabilities: rpc("GetCapabilities", "describe", codec.nothing, codec.capabilities),
  create: rpc("Create", "mutating", codec.createRequest, codec.createResponse),
  delete: rpc("Delete", "mutating", codec.deleteRequest, codec.taskResponse),
  power: rpc("Power", "mutating", codec.powerRequest, codec.taskResponse),
  reconfigure: rpc("Reconfigure", "mutating", codec.reconfigureRequest, codec.reconfigureResponse),
  hardwareUpgrade: rpc("HardwareUpgrade", "mutating", codec.hardwareUpgradeRequest, codec.taskResponse),
  describe: rpc("Describe", "describe", codec.describeRequest, codec.describeResponse),
  taskStatus: rpc("TaskStatus", "taskStatus", codec.taskStatusRequest, codec.taskStatus),
  listVms: rpc("ListVMs", "describe", codec.listVmsRequest, codec.listVmsResponse),
  snapshotCreate: rpc("SnapshotCreate", "mutating", codec.snapshotCreateRequest, codec.snapshotCreateResponse),
  snapshotDelete: rpc("SnapshotDelete", "mutating", codec.snapshotRequest, codec.taskResponse),
  snapshotRevert: rpc("SnapshotRevert", "mutating", codec.snapshotRequest, codec.taskResponse),
  snapshotList: rpc("SnapshotList", "describe", codec.snapshotListRequest, codec.snapshotListResponse),
  clone: rpc("Clone", "mutating", codec.cloneRequest, codec.createResponse),
  imagePrepare: rpc("ImagePrepare", "mutating", codec.imagePrepareRequest, codec.imagePrepareResponse),
  exportDisk: rpc("ExportDisk", "mutating", codec.exportDiskRequest, codec.exportDiskResponse),
  importDisk: rpc("ImportDisk", "mutating", codec.importDiskRequest, codec.importDiskResponse),
  getDiskInfo: rpc("GetDiskInfo", "describe", codec.diskInfoRequest, codec.diskInfo),
  guestExec: rpc("GuestExec", "mutating", codec.guestExecRequest, codec.guestExecResponse),
};

/** Name of the stream in the service. */
export const WATCH_RPC = "Watch";
