/** The contract's client: a {@linkcode Provider} at the other end of a gRPC channel. @module */
import type { CallContext } from "../provider.ts";
import type * as contract from "../provider.ts";
import { type RequestOf, type ResponseOf, rpcs, type UnaryMethod } from "../codec/rpcs.ts";
import type { Transport } from "./transport.ts";
import type { CallPolicy } from "./policy.ts";

/** What carries calls: a {@linkcode Transport} over gRPC, or in tests anything that does the same in this process. */
export type Wire = Pick<Transport, "unary" | "watch">;

/** Calls a provider through a {@linkcode CallPolicy} (breaker, retry, deadline, ...) and a {@linkcode Wire}. */
export class ProviderClient implements contract.Provider {
  readonly #transport: Wire;
  readonly #policy: CallPolicy;

  constructor(transport: Wire, policy: CallPolicy) {
    this.#transport = transport;
    this.#policy = policy;
  }

  validate(context: CallContext) {
    return this.#call("validate", undefined, context);
  }
  getCapabilities(context: CallContext) {
    return this.#call("getCapabilities", undefined, context);
  }
  create(request: contract.CreateRequest, context: CallContext) {
    return this.#call("create", request, context);
  }
  delete(request: contract.DeleteRequest, context: CallContext) {
    return this.#call("delete", request, context);
  }
  power(request: contract.PowerRequest, context: CallContext) {
    return this.#call("power", request, context);
  }
  reconfigure(request: contract.ReconfigureRequest, context: CallContext) {
    return this.#call("reconfigure", request, context);
  }
  hardwareUpgrade(request: contract.HardwareUpgradeRequest, context: CallContext) {
    return this.#call("hardwareUpgrade", request, context);
  }
  describe(request: contract.DescribeRequest, context: CallContext) {
    return this.#call("describe", request, context);
  }
  taskStatus(task: contract.TaskRef, context: CallContext) {
    return this.#call("taskStatus", task, context);
  }
  listVms(request: contract.ListVmsRequest, context: CallContext) {
    return this.#call("listVms", request, context);
  }
  watch(context: CallContext): AsyncIterable<contract.WatchEvent> {
    return this.#transport.watch(context);
  }
  snapshotCreate(request: contract.SnapshotCreateRequest, context: CallContext) {
    return this.#call("snapshotCreate", request, context);
  }
  snapshotDelete(request: contract.SnapshotRequest, context: CallContext) {
    return this.#call("snapshotDelete", request, context);
  }
  snapshotRevert(request: contract.SnapshotRequest, context: CallContext) {
    return this.#call("snapshotRevert", request, context);
  }
  snapshotList(request: { readonly vmId: string }, context: CallContext) {
    return this.#call("snapshotList", request, context);
  }
  clone(request: contract.CloneRequest, context: CallContext) {
    return this.#call("clone", request, context);
  }
  imagePrepare(request: contract.ImagePrepareRequest, context: CallContext) {
    return this.#call("imagePrepare", request, context);
  }
  exportDisk(request: contract.ExportDiskRequest, context: CallContext) {
    return this.#call("exportDisk", request, context);
  }
  importDisk(request: contract.ImportDiskRequest, context: CallContext) {
    return this.#call("importDisk", request, context);
  }
  getDiskInfo(request: contract.DiskInfoRequest, context: CallContext) {
    return this.#call("getDiskInfo", request, context);
  }
  guestExec(request: contract.GuestExecRequest, context: CallContext) {
    return this.#call("guestExec", request, context);
  }

  async #call<M extends UnaryMethod>(
    method: M,
    request: RequestOf<M>,
    context: CallContext,
  ): Promise<ResponseOf<M>> {
    const rpc = rpcs[method];
    // Before any policy: a request that cannot travel says nothing about the provider.
    const wire = rpc.request.encode(request, "") as object;
    return await this.#policy.run(rpc, context, (attempt) => this.#transport.unary(rpc, wire, attempt)) as ResponseOf<
      M
    >;
  }
}
