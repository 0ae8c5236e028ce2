/** The mock hypervisor behind the provider contract. @module */
import { buildInfo } from "@virtrigaud/telemetry";
import type {
  CallContext,
  Capabilities,
  CloneRequest,
  CreateRequest,
  CreateResponse,
  DeleteRequest,
  DescribeRequest,
  DescribeResponse,
  DiskInfo,
  DiskInfoRequest,
  ExportDiskRequest,
  ExportDiskResponse,
  GuestExecRequest,
  GuestExecResponse,
  HardwareUpgradeRequest,
  ImagePrepareRequest,
  ImagePrepareResponse,
  ImportDiskRequest,
  ImportDiskResponse,
  ListVmsRequest,
  ListVmsResponse,
  ObservedSnapshot,
  Operation,
  PowerRequest,
  Provider,
  ReconfigureRequest,
  ReconfigureResponse,
  SnapshotCreateRequest,
  SnapshotCreateResponse,
  SnapshotRequest,
  TaskRef,
  TaskResponse,
  TaskStatus,
  ValidateResponse,
  WatchEvent,
} from "@virtrigaud/contract";
import { CallLog } from "./calls.ts";
import type { Method } from "./faults.ts";
import { cloneVm } from "./hypervisor/clones.ts";
import { runInGuest } from "./hypervisor/guest.ts";
import { type MockHypervisor, requireCapability } from "./hypervisor/hypervisor.ts";
import { prepareImage } from "./hypervisor/images.ts";
import { createVm, deleteVm } from "./hypervisor/lifecycle.ts";
import { observe, observeSnapshots } from "./hypervisor/observe.ts";
import { answerOnce } from "./hypervisor/operations.ts";
import { changePower } from "./hypervisor/power.ts";
import { reconfigure, upgradeHardware } from "./hypervisor/reconfigure.ts";
import { createSnapshot, deleteSnapshot, revertSnapshot } from "./hypervisor/snapshots.ts";
import { diskInfo, exportDisk, importDisk } from "./hypervisor/transfers.ts";
import { invalid, ownVm, vmOf, type World } from "./hypervisor/world.ts";

const MAX_PAGE = 1000;

/** Version that the provider reports. */
export const MOCK_VERSION = buildInfo().version;

/** A {@linkcode Provider} on a {@linkcode MockHypervisor}. Every call passes the hypervisor's faults. */
export class MockProvider implements Provider {
  /** What was asked of it so far. */
  readonly calls: CallLog;
  readonly #hypervisor: MockHypervisor;
  readonly #world: World;

  constructor(hypervisor: MockHypervisor) {
    this.#hypervisor = hypervisor;
    this.#world = hypervisor.world;
    this.calls = new CallLog(this.#world.clock);
  }

  validate(context: CallContext): Promise<ValidateResponse> {
    return this.#read("validate", context, () => ({ hypervisor: "mock hypervisor 1", version: MOCK_VERSION }));
  }

  getCapabilities(context: CallContext): Promise<Capabilities> {
    return this.#read("getCapabilities", context, (world) => world.capabilities);
  }

  create(request: CreateRequest, context: CallContext): Promise<CreateResponse> {
    return this.#change("create", request, context, (world) => createVm(world, request));
  }

  delete(request: DeleteRequest, context: CallContext): Promise<TaskResponse> {
    return this.#change("delete", request, context, (world) => deleteVm(world, request));
  }

  power(request: PowerRequest, context: CallContext): Promise<TaskResponse> {
    return this.#change("power", request, context, (world) => changePower(world, request));
  }

  reconfigure(request: ReconfigureRequest, context: CallContext): Promise<ReconfigureResponse> {
    return this.#change("reconfigure", request, context, (world) => {
      if (request.followGuestInit === true) requireCapability(world, "guestInitReplace");
      return reconfigure(world, request);
    });
  }

  hardwareUpgrade(request: HardwareUpgradeRequest, context: CallContext): Promise<TaskResponse> {
    return this.#change("hardwareUpgrade", request, context, (world) => {
      requireCapability(world, "hardwareUpgrade");
      return upgradeHardware(world, request);
    });
  }

  describe(request: DescribeRequest, context: CallContext): Promise<DescribeResponse> {
    return this.#read("describe", context, (world): DescribeResponse => {
      const { vmId, ownerUid } = request;
      if (vmId === undefined && ownerUid === undefined) throw invalid("vmId", "give vmId, ownerUid or both");
      const byId = vmId === undefined ? undefined : world.store.get("vms", vmId);
      // An id may have passed to somebody else's VM; that one is not what was asked for.
      const isAnother = ownerUid !== undefined && byId?.ownerUid !== undefined && byId.ownerUid !== ownerUid;
      const byOwner = ownerUid === undefined ? undefined : world.store.vmByOwner(ownerUid);
      const vm = isAnother ? byOwner : byId ?? byOwner;
      return vm === undefined ? { exists: false } : { exists: true, vm: observe(world, vm) };
    });
  }

  taskStatus(task: TaskRef, context: CallContext): Promise<TaskStatus> {
    return this.#read("taskStatus", context, () => this.#hypervisor.taskStatus(task));
  }

  listVms(request: ListVmsRequest, context: CallContext): Promise<ListVmsResponse> {
    return this.#read("listVms", context, (world) => {
      const size = request.pageSize ?? MAX_PAGE;
      if (!Number.isInteger(size) || size < 1 || size > MAX_PAGE) {
        throw invalid("pageSize", `${size} is not a whole number from 1 to ${MAX_PAGE}`);
      }
      // In order of ids, so that a page goes on where the last one ended, whatever was created or deleted in between.
      const rest = [...world.store.list("vms")]
        .filter(({ id }) => request.pageToken === undefined || id > request.pageToken)
        .sort((a, b) => a.id < b.id ? -1 : 1);
      const page = rest.slice(0, size);
      const last = page.at(-1);
      return {
        vms: page.map((vm) => observe(world, vm)),
        ...rest.length > size && last !== undefined ? { nextPageToken: last.id } : {},
      };
    });
  }

  async *watch(context: CallContext): AsyncIterable<WatchEvent> {
    this.calls.note("watch");
    await this.#hypervisor.faults.call("watch", "before", context.signal);
    yield* this.#hypervisor.watch(context.signal);
  }

  snapshotCreate(request: SnapshotCreateRequest, context: CallContext): Promise<SnapshotCreateResponse> {
    return this.#change("snapshotCreate", request, context, (world) => {
      requireCapability(world, "snapshots");
      return createSnapshot(world, request);
    });
  }

  snapshotDelete(request: SnapshotRequest, context: CallContext): Promise<TaskResponse> {
    return this.#change("snapshotDelete", request, context, (world) => {
      requireCapability(world, "snapshots");
      return deleteSnapshot(world, request);
    });
  }

  snapshotRevert(request: SnapshotRequest, context: CallContext): Promise<TaskResponse> {
    return this.#change("snapshotRevert", request, context, (world) => {
      requireCapability(world, "snapshots");
      return revertSnapshot(world, request);
    });
  }

  snapshotList(request: { readonly vmId: string }, context: CallContext): Promise<readonly ObservedSnapshot[]> {
    return this.#read("snapshotList", context, (world) => {
      requireCapability(world, "snapshots");
      return observeSnapshots(world, vmOf(world, request.vmId));
    });
  }

  clone(request: CloneRequest, context: CallContext): Promise<CreateResponse> {
    return this.#change("clone", request, context, (world) => {
      requireCapability(world, "clones");
      return cloneVm(world, request);
    });
  }

  imagePrepare(request: ImagePrepareRequest, context: CallContext): Promise<ImagePrepareResponse> {
    return this.#change("imagePrepare", request, context, (world) => {
      requireCapability(world, "imageImport");
      return prepareImage(world, request);
    });
  }

  exportDisk(request: ExportDiskRequest, context: CallContext): Promise<ExportDiskResponse> {
    return this.#change("exportDisk", request, context, (world) => {
      requireCapability(world, "diskExport");
      return exportDisk(world, request);
    });
  }

  importDisk(request: ImportDiskRequest, context: CallContext): Promise<ImportDiskResponse> {
    return this.#change("importDisk", request, context, (world) => {
      requireCapability(world, "diskImport");
      return importDisk(world, request);
    });
  }

  getDiskInfo(request: DiskInfoRequest, context: CallContext): Promise<DiskInfo> {
    return this.#read("getDiskInfo", context, (world) => diskInfo(world, request));
  }

  guestExec(request: GuestExecRequest, context: CallContext): Promise<GuestExecResponse> {
    return this.#change("guestExec", request, context, (world) => {
      requireCapability(world, "guestExec");
      if (request.command.length === 0) throw invalid("command", "expected a program and its arguments");
      const vm = ownVm(world, request.vmId, request.operation.ownerUid);
      return runInGuest(vm, request.command, request.timeoutMs ?? 30_000);
    });
  }

  #read<T>(method: Method, context: CallContext, answer: (world: World) => T): Promise<T> {
    this.calls.note(method);
    return this.#answer(method, context, answer);
  }

  async #answer<T>(method: Method, { signal }: CallContext, answer: (world: World) => T): Promise<T> {
    const { faults } = this.#hypervisor;
    await faults.call(method, "before", signal);
    const result = answer(this.#world);
    await faults.call(method, "after", signal);
    return result;
  }

  #change<T>(
    method: Method,
    { operation }: { readonly operation: Operation },
    context: CallContext,
    change: (world: World) => T,
  ): Promise<T> {
    this.calls.note(method, operation.ownerUid);
    return this.#answer(method, context, (world) => answerOnce(world, method, operation, () => change(world)));
  }
}
