/** The mock hypervisor itself, without the provider contract in front of it. @module */
import { randomBytes } from "node:crypto";
import type { Clock } from "@virtrigaud/resilience";
import { systemClock } from "@virtrigaud/resilience";
import { type Capabilities, ProviderError, type TaskRef, type TaskStatus, type WatchEvent } from "@virtrigaud/contract";
import { Faults } from "../faults.ts";
import { applyExternal, type ExternalChange } from "./external.ts";
import { finishBoot } from "./guest.ts";
import { finishImage } from "./images.ts";
import { finishCreate, removeVm } from "./lifecycle.ts";
import type { Action, Effect, TaskError, VmRecord, VolumeRecord } from "./model.ts";
import { observe } from "./observe.ts";
import { defaultOptions, type HypervisorOptions, mockCapabilities } from "./options.ts";
import { finishPower } from "./power.ts";
import { applyReconfigure, finishUpgrade } from "./reconfigure.ts";
import { finishSnapshotCreate, finishSnapshotDelete, finishSnapshotRevert } from "./snapshots.ts";
import { type Journal, Store } from "./store.ts";
import { TaskRunner } from "./tasks.ts";
import { finishExport, finishImport } from "./transfers.ts";
import { WatchHub } from "./watch.ts";
import { storePath, type World } from "./world.ts";

/** What {@linkcode MockHypervisor} is made with; everything has a default. */
export interface MockHypervisorOptions extends Partial<HypervisorOptions> {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: none, the memory ends with the process. */
  readonly journal?: Journal;
  /** Default: without any fault. */
  readonly faults?: Faults;
}

/**
 * A hypervisor in memory. Close it: it holds timers while tasks go on.
 *
 * Guarantees: a change that was acknowledged is in the journal; a task that was started ends, after a restart too.
 */
export class MockHypervisor implements Disposable {
  readonly faults: Faults;
  /** What the capabilities work on; for the provider and for this folder's own tests. */
  readonly world: World;
  readonly #tasks: TaskRunner;
  readonly #hub = new WatchHub();

  constructor(options: MockHypervisorOptions = {}) {
    const { clock = systemClock, journal, faults = new Faults({ clock }), ...shape } = options;
    const resolved: HypervisorOptions = { ...defaultOptions, ...shape };
    const capabilities: Capabilities = { ...mockCapabilities, ...resolved.capabilities };
    this.faults = faults;
    const store: Store = new Store({
      ...journal === undefined ? {} : { journal },
      onCommit: (commit) => this.#hub.publish(store, clock, commit),
    });
    const id = (prefix: string) => `${prefix}-${randomBytes(6).toString("hex")}`;
    this.#tasks = new TaskRunner({
      store,
      clock,
      faults,
      defaultMs: resolved.taskLatencyMs,
      perform: (action) => perform(this.world, action),
      abandon: (action, error) => abandon(this.world, action, error),
      id,
    });
    this.world = {
      store,
      clock,
      options: resolved,
      capabilities,
      faults,
      id,
      start: (action, start) => this.#tasks.start(action, start),
    };
    this.#seed();
    this.#tasks.resume();
  }

  /** All VMs as they are. */
  get vms(): VmRecord[] {
    return [...this.world.store.list("vms")];
  }

  /** All volumes, also those that belong to no VM. */
  get volumes(): VolumeRecord[] {
    return [...this.world.store.list("volumes")];
  }

  /** Every change of state so far, numbered. */
  get effects(): readonly Effect[] {
    return this.world.store.effects;
  }

  /** State of a task. @throws ProviderError `NotFound` with reason `TaskUnknown`. */
  taskStatus(task: TaskRef): TaskStatus {
    return this.#tasks.status(task);
  }

  /** A full list, then every change, until `signal` aborts. */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { store, clock, options } = this.world;
    return this.#hub.watch({
      store,
      clock,
      heartbeatMs: options.heartbeatMs,
      present: (vm) => ({ type: "Present", vm: observe(this.world, vm) }),
      signal,
    });
  }

  /** Lets every watch start again with a full list. */
  resync(): void {
    this.#hub.resync();
  }

  /** Breaks every watch off with an error. */
  cutWatches(): void {
    this.#hub.cut();
  }

  /** Somebody else changes something. Returns the id of the VM that it is about. */
  external(change: ExternalChange): string {
    return this.world.store.transaction(() => applyExternal(this.world, change));
  }

  /** Stops all tasks and watches where they are, as a death of the process would. */
  close(): void {
    this.#tasks.close();
    this.#hub.close();
    this.world.store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #seed(): void {
    const { store, options } = this.world;
    if (store.get("counters", "seeded") !== undefined) return;
    store.transaction(() => {
      store.next("seeded");
      for (const { name, sizeGib } of options.templates) {
        const path = storePath(options.pools[0] ?? "default", name, "qcow2");
        const content = `template/${name}`;
        store.put("images", {
          id: `img-${name}`,
          name,
          source: content,
          sizeGib,
          path,
          format: "qcow2",
          content,
          ready: true,
        });
      }
      for (let number = 1; number <= options.seedVms; number++) {
        applyExternal(this.world, { type: "AddForeignVm", name: `demo-vm-${number}` });
      }
    });
  }
}

/** The effect of an action at its end. */
function perform(world: World, action: Action): void {
  switch (action.type) {
    case "Create":
      return finishCreate(world, action.vmId, action.powerOn);
    case "Power":
      return finishPower(world, action.vmId, action.to);
    case "Boot":
      return finishBoot(world, action.vmId, action.bootNumber);
    case "Delete":
      return removeVm(world, action.vmId);
    case "Reconfigure":
      return applyReconfigure(world, action);
    case "HardwareUpgrade":
      return finishUpgrade(world, action.vmId, action.version);
    case "SnapshotCreate":
      return finishSnapshotCreate(world, action.vmId, action.snapshotId);
    case "SnapshotDelete":
      return finishSnapshotDelete(world, action.vmId, action.snapshotId);
    case "SnapshotRevert":
      return finishSnapshotRevert(world, action.vmId, action.snapshotId);
    case "ImagePrepare":
      return finishImage(world, action.imageId, action.failure);
    case "ExportDisk":
      return finishExport(world, action);
    case "ImportDisk":
      return finishImport(world, action.volume);
  }
}

/** Nothing half-made is left behind by an action that failed. */
function abandon(world: World, action: Action, _error: TaskError): void {
  if (action.type === "Create") removeVm(world, action.vmId);
  if (action.type === "SnapshotCreate") world.store.delete("snapshots", action.snapshotId);
  if (action.type === "ImagePrepare") world.store.delete("images", action.imageId);
}

/** Refuses what the hypervisor was told to lack. @throws ProviderError `NotSupported`. */
export function requireCapability(world: World, capability: keyof Capabilities): void {
  if (world.capabilities[capability] !== false) return;
  throw new ProviderError("NotSupported", `this hypervisor does not offer ${capability}`);
}
