/** The provider under test, with short ways to say what cases say often. @module */
import { type Clock, until } from "@virtrigaud/resilience";
import {
  type CallContext,
  type Capabilities,
  type DescribeRequest,
  type ErrorClass,
  type GuestInit,
  type MachineSpec,
  type ObservedMachine,
  type Operation,
  type PowerOp,
  type PowerState,
  type Provider,
  ProviderError,
  type ReconfigureRequest,
  type ReconfigureResponse,
  type TaskRef,
  type TaskResponse,
  type TaskStatus,
} from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { type ConformanceProfile, type ConformanceTimeouts, defaultTimeouts } from "./profile.ts";
import type { CreatedVm, CreateOptions, ExpectedError, RunState } from "./vocabulary.ts";
import { Watcher } from "./watcher.ts";

export type { CreatedVm, CreateOptions, ExpectedError, RunState } from "./vocabulary.ts";

/** The provider under test during one case. */
export class Subject {
  readonly provider: Provider;
  readonly profile: ConformanceProfile;
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly timeouts: ConformanceTimeouts;
  readonly state: RunState;
  #signal: AbortSignal;
  readonly #owners: string[] = [];
  readonly #watchers: Watcher[] = [];

  constructor(
    options: {
      readonly provider: Provider;
      readonly profile: ConformanceProfile;
      readonly capabilities: Capabilities;
      readonly clock: Clock;
      readonly state: RunState;
      readonly signal: AbortSignal;
    },
  ) {
    this.provider = options.provider;
    this.profile = options.profile;
    this.capabilities = options.capabilities;
    this.clock = options.clock;
    this.timeouts = { ...defaultTimeouts, ...options.profile.timeouts };
    this.state = options.state;
    this.#signal = options.signal;
  }

  /** A new call. */
  get context(): CallContext {
    return { signal: this.#signal, requestId: crypto.randomUUID() };
  }

  /** The UID of a new owner; its VM is removed after the case. */
  owner(): string {
    const uid = crypto.randomUUID();
    this.#owners.push(uid);
    return uid;
  }

  /** A new operation of this owner. */
  operation(ownerUid: string, options: { readonly id?: string; readonly fence?: number } = {}): Operation {
    return {
      id: options.id ?? crypto.randomUUID(),
      ownerUid,
      owner: `vcts/${ownerUid.slice(0, 8)}`,
      fence: options.fence ?? this.state.fence,
    };
  }

  /** A small VM of a name that nothing else has. */
  spec(overrides: Partial<MachineSpec> = {}): MachineSpec {
    const { network } = this.profile;
    return {
      name: `${this.profile.namePrefix ?? "vcts"}-${crypto.randomUUID().slice(0, 8)}`,
      hardware: this.profile.hardware,
      image: this.profile.image,
      rootDisk: { sizeGib: this.profile.rootGib },
      disks: [],
      nics: [{ name: "eth0", addresses: [], ...network === undefined ? {} : { backing: network } }],
      tags: [],
      ...overrides,
    };
  }

  /** First-boot configuration that gives the guest this name. */
  guestInit(hostname: string): GuestInit {
    return this.profile.guestInit?.(hostname) ?? {
      type: "CloudInit",
      userData: new Secret("#cloud-config\n{}\n"),
      metaData: new Secret(JSON.stringify({ "local-hostname": hostname })),
    };
  }

  /** Creates a VM and waits until it is complete. */
  async create(overrides: Partial<MachineSpec> = {}, options: CreateOptions = {}): Promise<CreatedVm> {
    const { ownerUid = this.owner(), powerOn = false } = options;
    const spec = this.spec(overrides);
    const request = { operation: this.operation(ownerUid), spec, powerOn };
    const { vmId, task } = await this.provider.create(request, this.context);
    await this.finish(task);
    return { vmId, ownerUid, spec };
  }

  /** Waits for the success of a task. @throws when it fails, is unknown, or takes too long. */
  async finish(task: TaskRef | undefined): Promise<void> {
    const status = await this.end(task);
    if (status?.state !== "Failed") return;
    throw new Error(`task ${status.task.id} failed: ${status.error?.class}: ${status.error?.message}`);
  }

  /** Waits for the end of a task, good or bad. */
  async end(task: TaskRef | undefined): Promise<TaskStatus | undefined> {
    if (task === undefined) return undefined;
    return await this.until(`the end of task ${task.id}`, this.timeouts.taskMs, async () => {
      const status = await this.provider.taskStatus(task, this.context);
      return status.state === "Running" ? undefined : status;
    });
  }

  /** Starts something and waits for its success. */
  async done<T extends TaskResponse>(response: Promise<T>): Promise<T> {
    const answer = await response;
    await this.finish(answer.task);
    return answer;
  }

  /** Changes the power and waits until the VM shows it. */
  async power({ vmId, ownerUid }: CreatedVm, op: PowerOp, shows: PowerState): Promise<void> {
    const gracefulTimeoutMs = this.timeouts.taskMs / 2;
    const request = { operation: this.operation(ownerUid), vmId, op, gracefulTimeoutMs };
    await this.done(this.provider.power(request, this.context));
    await this.until(`power ${shows} of ${vmId} after ${op}`, this.timeouts.taskMs, async () => {
      return (await this.describe(vmId)).power === shows ? true : undefined;
    });
  }

  /** Applies a wish and waits for the end. */
  reconfigure(
    { vmId, ownerUid }: CreatedVm,
    spec: MachineSpec,
    how: Pick<ReconfigureRequest, "followGuestInit"> = {},
  ): Promise<ReconfigureResponse> {
    const request = { operation: this.operation(ownerUid), vmId, spec, ...how };
    return this.done(this.provider.reconfigure(request, this.context));
  }

  /** Deletes a VM and waits for the end. */
  async delete({ vmId, ownerUid }: Pick<CreatedVm, "vmId" | "ownerUid">): Promise<void> {
    await this.done(this.provider.delete({ operation: this.operation(ownerUid), vmId }, this.context));
  }

  /** What a VM is. @throws when it does not exist. */
  async describe(vmId: string): Promise<ObservedMachine> {
    const answer = await this.provider.describe({ vmId }, this.context);
    if (!answer.exists) throw new Error(`describe says that VM ${vmId} does not exist`);
    return answer.vm;
  }

  /** Whether describe finds a VM. */
  async exists(request: DescribeRequest): Promise<boolean> {
    return (await this.provider.describe(request, this.context)).exists;
  }

  /** All VMs, over as many pages as it takes. */
  async list(pageSize?: number): Promise<ObservedMachine[]> {
    const vms: ObservedMachine[] = [];
    for (let pageToken: string | undefined, first = true; first || pageToken !== undefined; first = false) {
      const page = await this.provider.listVms(
        { ...pageSize === undefined ? {} : { pageSize }, ...pageToken === undefined ? {} : { pageToken } },
        this.context,
      );
      vms.push(...page.vms);
      if (vms.length > 100_000) throw new Error("listVms does not come to an end: its page tokens go in a circle");
      pageToken = page.nextPageToken;
    }
    return vms;
  }

  /** Waits until `look` finds something. @throws when it does not within `ms`. */
  async until<T>(what: string, ms: number, look: () => Promise<T | undefined>): Promise<T> {
    const { clock, timeouts: { pollMs } } = this;
    return await until(what, look, {
      limitMs: ms,
      everyMs: pollMs,
      transient: () => false,
      clock,
      signal: this.#signal,
    });
  }

  /** Waits until the guest has an address (or its agent answers, where it gets none). */
  booted(vmId: string): Promise<ObservedMachine> {
    const { address, agent } = this.profile.guest;
    return this.until(`guest of ${vmId} to boot`, this.timeouts.bootMs, async () => {
      const vm = await this.describe(vmId);
      const ready = vm.power === "On" && (!address || vm.ips.length > 0) && (!agent || vm.guest.agent === "Running");
      return ready ? vm : undefined;
    });
  }

  /** Opens a watch and waits for its first full list. */
  async watch(): Promise<Watcher> {
    const watcher = new Watcher(this.provider, this.clock, crypto.randomUUID());
    this.#watchers.push(watcher);
    const listed = () => watcher.events.some(({ type }) => type === "ListEnd");
    await watcher.until("a first full list", this.timeouts.eventMs, listed);
    return watcher;
  }

  /** Expects a refusal of this class, at once or as the failure of the task. Returns the error. */
  async refuses(
    what: string,
    call: Promise<unknown>,
    errorClass: ErrorClass,
    expected: ExpectedError = {},
  ): Promise<ProviderError> {
    let error: unknown;
    try {
      const failure = await this.#failedTask(await call);
      if (failure !== undefined) error = new ProviderError(failure.class, failure.message, failure);
    } catch (thrown) {
      error = thrown;
    }
    const wanted = [errorClass, expected.reason, expected.field].filter((part) => part !== undefined).join("/");
    if (error === undefined) throw new Error(`${what}: expected ${wanted}, but the call succeeded`);
    if (!(error instanceof ProviderError)) {
      throw new Error(`${what}: expected ${wanted}, got an error outside the taxonomy: ${error}`, { cause: error });
    }
    const { reason, field } = expected;
    const matches = error.class === errorClass && (reason === undefined || error.reason === reason) &&
      (field === undefined || error.field?.replace(/^spec\./, "").startsWith(field) === true);
    if (!matches) {
      const got = [error.class, error.reason, error.field].filter((part) => part !== undefined).join("/");
      throw new Error(`${what}: expected ${wanted}, got ${got} (${error.message})`, { cause: error });
    }
    return error;
  }

  async #failedTask(answer: unknown): Promise<TaskStatus["error"]> {
    if (typeof answer !== "object" || answer === null || !("task" in answer)) return undefined;
    const { task } = answer;
    if (typeof task !== "object" || task === null || !("id" in task) || typeof task.id !== "string") return undefined;
    return (await this.end({ id: task.id }))?.error;
  }

  /** Removes what the case has created. @throws when something cannot be removed. */
  async cleanUp(): Promise<void> {
    // Also after the case was given up.
    this.#signal = new AbortController().signal;
    try {
      await this.#removeVms();
    } finally {
      for (const watcher of this.#watchers) await watcher.close(this.timeouts.eventMs);
    }
  }

  async #removeVms(): Promise<void> {
    // Newest first: clones before what they were made from.
    for (const ownerUid of this.#owners.reverse()) {
      const answer = await this.provider.describe({ ownerUid }, this.context);
      if (!answer.exists) continue;
      const { id: vmId } = answer.vm;
      await this.until(`deletion of ${vmId} after the case`, this.timeouts.taskMs, async () => {
        try {
          await this.delete({ vmId, ownerUid });
          return true;
        } catch (error) {
          // Something that the case started still holds the VM.
          if (ProviderError.is(error, "Conflict") && error.reason === "Locked") return undefined;
          throw error;
        }
      });
    }
  }
}
