/** The libvirt provider: the contract's calls, each handed to the file that knows how. @module */
import { buildInfo, type Secret } from "@virtrigaud/telemetry";
import {
  type CallContext,
  type Capabilities,
  type CloneRequest,
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type DescribeRequest,
  type DescribeResponse,
  type DiskInfo,
  type DiskInfoRequest,
  type ExportDiskRequest,
  type ExportDiskResponse,
  type GuestExecRequest,
  type GuestExecResponse,
  type ImagePrepareRequest,
  type ImagePrepareResponse,
  type ImportDiskRequest,
  type ImportDiskResponse,
  type ListVmsRequest,
  type ListVmsResponse,
  type ObservedSnapshot,
  type PowerRequest,
  type Provider,
  ProviderError,
  type ReconfigureRequest,
  type ReconfigureResponse,
  type SnapshotCreateRequest,
  type SnapshotCreateResponse,
  type SnapshotRequest,
  type TaskRef,
  type TaskResponse,
  type TaskStatus,
  type ValidateResponse,
  type WatchEvent,
} from "@virtrigaud/contract";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { BACKENDS } from "../shared/transfer/mod.ts";
import * as hosts from "./client/host.ts";
import { type HostCredentials, LibvirtSession } from "./client/session.ts";
import { parseUri } from "./client/uri.ts";
import { Changes } from "./changes.ts";
import type { LibvirtContext } from "./context.ts";
import { clone } from "./clone.ts";
import { create } from "./create.ts";
import { deleteVm } from "./delete.ts";
import { describe, listVms } from "./describe.ts";
import { GuestAgents } from "./guest.ts";
import { Starts } from "./half_started.ts";
import { guestExec } from "./guest_exec.ts";
import { HostFacts } from "./host_facts.ts";
import { imagePrepare } from "./images/prepare.ts";
import { Locks } from "./locks.ts";
import { power } from "./power.ts";
import { reconfigure } from "./reconfigure/reconfigure.ts";
import { Resting } from "./rest.ts";
import * as snapshots from "./snapshots.ts";
import { Tasks } from "./tasks.ts";
import { diskInfo } from "./transfers/disk_info.ts";
import { EXPORT_FORMATS, exportDisk } from "./transfers/export.ts";
import { IMPORT_FORMATS, importDisk } from "./transfers/import.ts";
import { watch } from "./watch.ts";

/** Version of this provider. */
export const LIBVIRT_PROVIDER_VERSION = buildInfo().version;

const CLAIMS = "/mnt/migration-storage";

/** Settings of {@linkcode LibvirtProvider}. */
export interface LibvirtProviderOptions {
  /** libvirt URI: see the README for those that are understood. */
  readonly endpoint: string;
  /** Version that `validate` reports. */
  readonly version: string;
  /** Asked at every connection over SSH or TLS. Default: none, which is enough for a local socket. */
  readonly credentials?: () => Promise<HostCredentials> | HostCredentials;
  /** Accept any host key. Default false. */
  readonly insecureSkipVerify?: boolean;
  /** Pool for disks that name none. Default `default`. */
  readonly defaultPool?: string;
  /** Folder under which claims for disk transfers are mounted. Default `/mnt/migration-storage`. */
  readonly claims?: string;
  /** Network for cards that name none. Default `default`. */
  readonly defaultNetwork?: string;
  /** Password of the consoles of machines that are made or changed from now on. Default: none. */
  readonly graphicsPassword?: () => Promise<Secret<string> | undefined> | Secret<string> | undefined;
  readonly clock?: Clock;
}

/** A libvirt host behind the contract. Connects when it is first asked something. */
export class LibvirtProvider implements Provider, AsyncDisposable {
  readonly #version: string;
  readonly #context: LibvirtContext;

  /** @throws {ProviderError} `InvalidSpec` when the endpoint is no libvirt URI that can be followed. */
  constructor(options: LibvirtProviderOptions) {
    const clock = options.clock ?? systemClock;
    const parsed = parseUri(options.endpoint);
    const isCheckable = parsed.transport === "ssh" || parsed.transport === "tls";
    const endpoint = isCheckable && options.insecureSkipVerify ? { ...parsed, verify: false } : parsed;
    const session = new LibvirtSession({ endpoint, credentials: options.credentials ?? (() => ({})), clock });
    this.#version = options.version;
    this.#context = {
      session,
      clock,
      host: new HostFacts(session),
      agents: new GuestAgents(session, clock),
      starts: new Starts(clock),
      tasks: new Tasks(),
      locks: new Locks(),
      changes: new Changes(),
      resting: new Resting(),
      defaultPool: options.defaultPool ?? "default",
      defaultNetwork: options.defaultNetwork ?? "default",
      graphicsPassword: async () => await options.graphicsPassword?.(),
      claims: options.claims ?? CLAIMS,
    };
  }

  /** The credentials have changed: the next call connects with the new ones. */
  renewCredentials(): void {
    this.#context.session.renew();
  }

  /** Ends tasks and the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#context.tasks.close();
    this.#context.host.close();
    // What libvirt is asked to do right now is not waited for; it would last as long as its copies do.
    await this.#context.session.close();
    await ended;
  }

  async validate({ signal }: CallContext): Promise<ValidateResponse> {
    const { session, host } = this.#context;
    const [libvirt, qemu, platform] = await Promise.all([
      hosts.libvirtVersion(session, { signal }),
      hosts.hypervisorVersion(session, { signal }),
      host.platform(),
    ]);
    return { hypervisor: `QEMU ${qemu} (${platform.domainType}), libvirt ${libvirt}`, version: this.#version };
  }

  getCapabilities(_context: CallContext): Promise<Capabilities> {
    return Promise.resolve(capabilities);
  }

  create(request: CreateRequest, { signal }: CallContext): Promise<CreateResponse> {
    return create(this.#context, request, { signal });
  }

  delete(request: DeleteRequest, { signal }: CallContext): Promise<TaskResponse> {
    return deleteVm(this.#context, request, { signal });
  }

  power(request: PowerRequest, { signal }: CallContext): Promise<TaskResponse> {
    return power(this.#context, request, { signal });
  }

  reconfigure(request: ReconfigureRequest, { signal }: CallContext): Promise<ReconfigureResponse> {
    return reconfigure(this.#context, request, { signal });
  }

  describe(request: DescribeRequest, { signal }: CallContext): Promise<DescribeResponse> {
    return describe(this.#context, request, { signal });
  }

  taskStatus(task: TaskRef, _context: CallContext): Promise<TaskStatus> {
    // An unknown task is a rejected promise, not a thrown error.
    return Promise.try(() => this.#context.tasks.status(task));
  }

  listVms(request: ListVmsRequest, { signal }: CallContext): Promise<ListVmsResponse> {
    return listVms(this.#context, request, { signal });
  }

  watch({ signal }: CallContext): AsyncIterable<WatchEvent> {
    return watch(this.#context, signal);
  }

  snapshotCreate(request: SnapshotCreateRequest, { signal }: CallContext): Promise<SnapshotCreateResponse> {
    return snapshots.snapshotCreate(this.#context, request, { signal });
  }

  snapshotDelete(request: SnapshotRequest, { signal }: CallContext): Promise<TaskResponse> {
    return snapshots.snapshotDelete(this.#context, request, { signal });
  }

  snapshotRevert(request: SnapshotRequest, { signal }: CallContext): Promise<TaskResponse> {
    return snapshots.snapshotRevert(this.#context, request, { signal });
  }

  snapshotList(request: { readonly vmId: string }, { signal }: CallContext): Promise<readonly ObservedSnapshot[]> {
    return snapshots.snapshotList(this.#context, request, { signal });
  }

  clone(request: CloneRequest, { signal }: CallContext): Promise<CreateResponse> {
    return clone(this.#context, request, { signal });
  }

  imagePrepare(request: ImagePrepareRequest, { signal }: CallContext): Promise<ImagePrepareResponse> {
    return imagePrepare(this.#context, request, { signal });
  }

  exportDisk(request: ExportDiskRequest, { signal }: CallContext): Promise<ExportDiskResponse> {
    return exportDisk(this.#context, request, { signal });
  }

  importDisk(request: ImportDiskRequest, { signal }: CallContext): Promise<ImportDiskResponse> {
    return importDisk(this.#context, request, { signal });
  }

  getDiskInfo(request: DiskInfoRequest, { signal }: CallContext): Promise<DiskInfo> {
    return diskInfo(this.#context, request, { signal });
  }

  guestExec(request: GuestExecRequest, { signal }: CallContext): Promise<GuestExecResponse> {
    return guestExec(this.#context, request, { signal });
  }

  readonly hardwareUpgrade = notSupported("hardwareUpgrade");
}

const notSupported = (call: string) => (): Promise<never> =>
  Promise.reject(new ProviderError("NotSupported", `${call} is not supported by the libvirt provider`));

const capabilities: Capabilities = {
  reconfigureOnline: true,
  diskExpansionOnline: true,
  snapshots: true,
  memorySnapshots: true,
  quiescedSnapshots: true,
  clones: true,
  linkedClones: true,
  imageImport: true,
  diskExport: true,
  diskImport: true,
  exportCompression: false,
  guestExec: true,
  hardwareUpgrade: false,
  pushEvents: true,
  guestInitReplace: true,
  diskTypes: ["thin", "thick"],
  networkTypes: ["network", "bridge"],
  exportFormats: EXPORT_FORMATS,
  importFormats: IMPORT_FORMATS,
  exportBackends: BACKENDS,
  importBackends: BACKENDS,
  transferModes: ["relay"],
};
