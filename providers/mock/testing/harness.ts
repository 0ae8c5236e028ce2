/** A mock hypervisor under fake time, and requests to throw at it. @module */
import { setImmediate } from "node:timers";
import { FakeClock } from "@virtrigaud/resilience";
import type {
  CallContext,
  CreateRequest,
  MachineSpec,
  ObservedMachine,
  Operation,
  TaskResponse,
} from "@virtrigaud/contract";
import { MockHypervisor, type MockHypervisorOptions, MockProvider } from "../mod.ts";
import { Faults } from "../faults.ts";

/** Settles by turns that take microseconds: nothing in this process does I/O. */
export class QuickClock extends FakeClock {
  override async settle(turns = 4): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(() => resolve(undefined)));
  }
}

/** Hypervisor, provider, clock, and short ways to say the usual things. */
export class Harness implements Disposable {
  readonly clock: FakeClock;
  readonly faults: Faults;
  readonly hypervisor: MockHypervisor;
  readonly provider: MockProvider;
  readonly context: CallContext = { signal: new AbortController().signal, requestId: "test" };
  #operations = 0;

  constructor(options: Omit<MockHypervisorOptions, "clock" | "faults"> & { readonly clock?: FakeClock } = {}) {
    this.clock = options.clock ?? new QuickClock();
    this.faults = new Faults({
      clock: this.clock,
      crash: () => {
        throw new Error("crashed");
      },
    });
    this.hypervisor = new MockHypervisor({ ...options, clock: this.clock, faults: this.faults });
    this.provider = new MockProvider(this.hypervisor);
  }

  /** A new operation of `ownerUid`. */
  operation(ownerUid = "uid-a", options: { readonly id?: string; readonly fence?: number } = {}): Operation {
    const id = options.id ?? `op-${++this.#operations}`;
    return { id, ownerUid, owner: `default/${ownerUid}`, fence: options.fence ?? 1 };
  }

  request(spec: Partial<MachineSpec> = {}, options: { ownerUid?: string; powerOn?: boolean } = {}): CreateRequest {
    const { ownerUid, powerOn = false } = options;
    return { operation: this.operation(ownerUid), spec: { ...tinySpec, ...spec }, powerOn };
  }

  /** Creates a VM and waits for the end of the task, and of the boot. */
  async vm(spec: Partial<MachineSpec> = {}, options: { ownerUid?: string; powerOn?: boolean } = {}): Promise<string> {
    const { vmId } = await this.provider.create(this.request(spec, options), this.context);
    await this.clock.advance(1000);
    return vmId;
  }

  /** Lets time go by until `work` is done. */
  readonly drive = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const end = () => void (done = true);
    work.then(end, end);
    await this.clock.advanceUntil(() => done);
    return await work;
  };

  /** Waits for the end of a task, whatever it is. */
  async settle(response: Promise<TaskResponse>): Promise<void> {
    const { task } = await response;
    if (task === undefined) return;
    await this.clock.advanceUntil(() => this.hypervisor.world.store.get("tasks", task.id)?.state !== "Running");
  }

  async describe(vmId: string): Promise<ObservedMachine> {
    const answer = await this.provider.describe({ vmId }, this.context);
    if (!answer.exists) throw new Error(`VM ${vmId} does not exist`);
    return answer.vm;
  }

  [Symbol.dispose](): void {
    this.hypervisor.close();
  }
}

/** A small VM from a template, with one card. */
export const tinySpec: MachineSpec = {
  name: "web",
  hardware: { cpus: 1, memoryMib: 256, firmware: "BIOS" },
  image: { type: "Template", template: "tiny" },
  rootDisk: {},
  disks: [],
  nics: [{ name: "eth0", addresses: [] }],
  tags: [],
};
