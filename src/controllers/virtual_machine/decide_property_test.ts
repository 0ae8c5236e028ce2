import { assert } from "@virtrigaud/deps";
import { kinds, type VirtualMachine, VM_FINALIZER } from "@virtrigaud/api";
import { Ajv } from "@virtrigaud/deps/schema.ts";
import { fc } from "@virtrigaud/deps/testing.ts";
import {
  type ErrorClass,
  errorClasses,
  type ObservedMachine,
  ProviderError,
  type TaskStatus,
} from "@virtrigaud/contract";
import { sameJson } from "@virtrigaud/runtime";
import { conclude, type Outcome } from "./conclude.ts";
import { decide } from "./decide.ts";
import type { MachineView, Mutation, Step, TaskView, VmInput, Wish } from "./input.ts";
import { machine, NOW, provider, vm, wish } from "./testing/inputs.ts";

/** What the world is like at the start, and how it answers. */
interface Setup {
  readonly vm: VirtualMachine;
  readonly wish: Wish;
  readonly machine: ObservedMachine | undefined;
  readonly reachable: boolean;
  readonly nameHolder: boolean;
  /** Errors of the first calls; later ones succeed. */
  readonly errors: readonly (ErrorClass | undefined)[];
  /** The first steps go on as tasks; then they are done at once. */
  readonly tasks: readonly ("Succeeded" | "Failed" | "Forgotten" | undefined)[];
  readonly onlineOnly: boolean;
}

const isOurs = ({ vm: { metadata } }: World, { ownerUid }: ObservedMachine) =>
  ownerUid === undefined ? metadata.labels?.["virtrigaud.io/adopted"] === "true" : ownerUid === metadata.uid;

/** A hypervisor with at most one machine of interest, and the object that wants it. */
class World {
  vm: VirtualMachine;
  machine: ObservedMachine | undefined;
  now = NOW;
  readonly trace: string[] = [];
  writes = 0;
  mutations = 0;
  /** Looks into Secrets. */
  reads = 0;
  #read = false;
  released = false;
  #task: { readonly id: string; state: TaskStatus["state"] | "Forgotten"; readonly effect: () => void } | undefined;
  #calls = 0;
  #unsettled = false;

  constructor(readonly setup: Setup) {
    this.vm = setup.vm;
    this.machine = setup.machine;
  }

  get input(): VmInput {
    return {
      vm: this.vm,
      now: this.now,
      nonce: `n${this.#calls}`,
      provider,
      wish: this.#wish(),
      machine: this.#view(),
      task: this.#taskView(),
      ...(this.setup.nameHolder && this.machine === undefined ? { nameHolder: "other" } : {}),
    };
  }

  #wish(): Wish {
    const { wish } = this.setup;
    if (wish.type !== "Resolved" || wish.init.type !== "Known") return wish;
    return { ...wish, init: { ...wish.init, read: this.#read || this.machine === undefined } };
  }

  /** One reconcile, as the reconciler does it. `undefined`: nothing is to be done until something changes. */
  reconcile(): number | undefined {
    this.#read = false;
    for (let steps = 0; steps < 24; steps++) {
      const decision = decide(this.input);
      const { step } = decision;
      this.trace.push(step.type === "Power" ? `Power ${step.op}` : step.type);
      this.#check(step);
      switch (step.type) {
        case "Wait":
          this.#write(decision.status);
          return decision.requeueAfterMs;
        case "AddFinalizer":
          this.vm = { ...this.vm, metadata: { ...this.vm.metadata, finalizers: [VM_FINALIZER] } };
          break;
        case "RemoveFinalizer":
          this.released = true;
          this.vm = { ...this.vm, metadata: { ...this.vm.metadata, finalizers: [] } };
          return undefined;
        case "Describe":
          this.#unsettled = false;
          this.#proven = true;
          break;
        case "PollTask":
          this.#asked = true;
          break;
        case "ReadGuestInit":
          assert(!this.#read, "what has been read is read again at once");
          this.#read = true;
          this.reads++;
          break;
        default: {
          const result = this.#change(decision, step);
          if (result !== "again") return result;
        }
      }
    }
    assert(false, `a reconcile turns in a circle: ${this.trace.join(", ")}`);
  }

  #proven = false;
  #asked = false;

  #view(): MachineView {
    if (!this.setup.reachable) return { type: "Unreachable", message: "the stream broke" };
    if (this.#unsettled) return { type: "Unsettled" };
    const found = this.machine;
    if (found !== undefined && isOurs(this, found)) return { type: "Present", vm: found };
    return { type: "Absent", proven: this.#proven, ...(found === undefined ? {} : { taken: !this.#proven }) };
  }

  #taskView(): TaskView {
    const id = this.vm.status?.operation?.taskRef;
    if (id === undefined) return { type: "Unasked" };
    if (this.#task?.id !== id) return this.#asked ? { type: "Forgotten" } : { type: "Unasked" };
    const { state } = this.#task;
    if (state === "Forgotten") return this.#asked ? { type: "Forgotten" } : { type: "Unasked" };
    const error = { class: "Retryable", message: "the task failed" } as const;
    const status: TaskStatus = { task: { id }, state, ...(state === "Failed" ? { error } : {}) };
    return { type: "Known", ageMs: 0, status };
  }

  /** A task that was started goes on. */
  get waits(): boolean {
    return this.#task?.state === "Running" && this.vm.status?.operation?.taskRef === this.#task.id;
  }

  /** What must never be done. */
  #check(step: Step): void {
    const view = this.#view();
    const mutates = "operationId" in step;
    if (mutates) assert(view.type !== "Unreachable", `${step.type} at an unreachable provider`);
    if (step.type === "Create") assert(view.type === "Absent", `Create while the machine is ${view.type}`);
    if (mutates && step.type !== "Create") {
      assert(this.machine !== undefined && isOurs(this, this.machine), `${step.type} of a machine that is not ours`);
    }
    if (step.type === "Reconfigure" && step.followGuestInit) assert(this.#read, "a change to what nobody has read");
    if (step.type !== "RemoveFinalizer") return;
    const { metadata, spec } = this.vm;
    const gone = view.type === "Absent" && view.proven;
    const kept = spec.deletionPolicy === "Retain" || metadata.labels?.["virtrigaud.io/adopted"] === "true";
    const forced = metadata.annotations?.["virtrigaud.io/force-delete"] === "true";
    assert(gone || kept || forced, `the finalizer leaves although the machine is ${view.type}`);
  }

  #change(decision: ReturnType<typeof decide>, step: Mutation): "again" | number | undefined {
    const { input } = this;
    this.mutations++;
    const call = this.#calls++;
    const failing = this.setup.errors[call];
    let outcome: Outcome;
    if (failing !== undefined) {
      const reason = failing === "Conflict" && step.type === "Create" ? { reason: "NameConflict" } : {};
      outcome = { type: "Failed", error: new ProviderError(failing, "on demand", reason) };
    } else {
      const offline = step.type === "Reconfigure" && this.machine?.power === "On" && this.setup.onlineOnly;
      const end = this.setup.tasks[call];
      const effect = () => offline ? undefined : this.#effect(step);
      if (end === undefined) effect();
      else this.#task = { id: `t${call}`, state: "Running", effect: end === "Failed" ? () => {} : effect };
      outcome = {
        type: "Done",
        ...(step.type === "Create" ? { vmId: "vm-1" } : {}),
        ...(end === undefined ? {} : { task: { id: `t${call}` } }),
        ...(offline ? { needsPowerCycle: ["hardware.cpus"] } : {}),
        ...(step.type === "Reconfigure" && step.followGuestInit ? { guestInit: "Replaced" } : {}),
      };
    }
    this.#unsettled = true;
    this.#asked = false;
    this.#proven = false;
    const conclusion = conclude(input, decision, step, outcome);
    switch (conclusion.type) {
      case "LookAgain":
        this.vm = { ...this.vm, status: conclusion.status };
        return "again";
      case "Wait":
        this.#write(conclusion.status);
        return conclusion.requeueAfterMs;
      case "Retry":
        this.#write(conclusion.status);
        return conclusion.afterMs ?? 1_000;
      case "Deposed":
        return 1_000;
    }
  }

  #effect(step: Mutation): void {
    const shape = this.setup.wish.type === "Resolved" ? this.setup.wish.spec.hardware : undefined;
    switch (step.type) {
      case "Create":
        this.machine = machine({ power: step.powerOn ? "On" : "Off" });
        return;
      case "Delete":
        this.machine = undefined;
        return;
      case "Power":
        if (this.machine === undefined) return;
        this.machine = {
          ...this.machine,
          power: step.op === "Off" || step.op === "ShutdownGraceful" ? "Off" : "On",
        };
        return;
      case "Reconfigure":
        if (this.machine === undefined || shape === undefined) return;
        this.machine = { ...this.machine, cpus: shape.cpus, memoryMib: shape.memoryMib };
    }
  }

  /** The next thing that happens without anybody deciding it: a task ends, or time goes by. */
  tick(ms: number | undefined): void {
    const task = this.#task;
    if (task !== undefined && this.waits) {
      const call = Number(task.id.slice(1));
      task.effect();
      task.state = this.setup.tasks[call] ?? "Succeeded";
      this.#unsettled = true;
    }
    this.now += ms ?? 0;
    this.#proven = false;
    this.#asked = false;
  }

  #write(status: VirtualMachine["status"]): void {
    if (status === undefined || sameJson(this.vm.status, status)) return;
    this.writes++;
    this.vm = { ...this.vm, status };
    const valid = validate(JSON.parse(JSON.stringify(status)));
    assert(valid, `a status that the schema refuses: ${JSON.stringify(validate.errors)}`);
  }
}

const schema = kinds.find(({ kind }) => kind === "VirtualMachine")?.schema.properties?.["status"];
const ajv = new Ajv({ strict: false, unicodeRegExp: false });
ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
ajv.addFormat("int32", { type: "number", validate: Number.isInteger });
ajv.addFormat("int64", { type: "number", validate: Number.isInteger });
const validate = ajv.compile(JSON.parse(JSON.stringify(schema)));

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const observed = fc.record({
  power: fc.constantFrom("On" as const, "Off" as const, "Suspended" as const, "Transitional" as const),
  cpus: fc.constantFrom(1, 2),
  ownerUid: fc.constantFrom("uid-1", "uid-1", "uid-1", "uid-9", undefined),
}).map(({ ownerUid, ...change }) => {
  const { ownerUid: _, ...rest } = machine(change);
  return ownerUid === undefined ? rest : { ...rest, ownerUid };
});
const failure = fc.record({
  verb: fc.constantFrom("Create", "Delete", "PowerOn", "PowerOff", "Shutdown", "Reboot", "Reconfigure"),
  class: fc.constantFrom(...errorClasses),
  message: fc.constant("earlier"),
  wish: fc.constantFrom("shape-1", "shape-1.init-1", "whole-shape-1", "On/1/", "Off/1/", "", "now"),
  attempt: fc.integer({ min: 1, max: 9 }),
  retryAfter: fc.constantFrom(undefined, new Date(NOW - 1).toISOString(), new Date(NOW + 5_000).toISOString()),
}).map(({ retryAfter, ...rest }) => retryAfter === undefined ? rest : { ...rest, retryAfter });
const status = fc.record({
  id: maybe(fc.constant("vm-1")),
  providerUID: fc.constantFrom(undefined, "provider-1", "provider-1", "provider-0"),
  appliedWish: fc.constantFrom(undefined, "shape-0", "shape-1", "shape-1.init-0", "shape-1.init-1", "shape-0.init-1"),
  pendingPowerCycle: maybe(
    fc.constantFrom("shape-1", "shape-1.init-1").map((wish) => ({ wish, fields: ["hardware.cpus"] })),
  ),
  failures: maybe(fc.uniqueArray(failure, { maxLength: 3, selector: ({ verb }) => verb })),
  operation: maybe(fc.record({
    id: fc.constant("op"),
    verb: failure.map(({ verb }) => verb),
    taskRef: fc.constant("lost"),
    wish: fc.constantFrom("shape-1", "shape-1.init-1", "whole-shape-1", "now"),
    startedAt: fc.constant(new Date(NOW).toISOString()),
    deadline: fc.constant(new Date(NOW + 60_000).toISOString()),
  })),
}).map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));

const setups: fc.Arbitrary<Setup> = fc.record({
  vm: fc.record({
    status: maybe(status),
    deleting: fc.boolean(),
    finalizers: fc.constantFrom<string[]>([VM_FINALIZER], [VM_FINALIZER], []),
    adopted: fc.constantFrom(false, false, true),
    annotations: fc.constantFrom<Record<string, string>>({}, {}, { "virtrigaud.io/force-delete": "true" }, {
      "virtrigaud.io/reboot-requested-at": "now",
    }),
    spec: fc.record({
      powerState: fc.constantFrom("On" as const, "Off" as const, "OffGraceful" as const),
      deletionPolicy: fc.constantFrom("Delete" as const, "Delete" as const, "Retain" as const),
      onMissing: fc.constantFrom("Hold" as const, "Recreate" as const),
      updatePolicy: fc.constantFrom("Automatic" as const, "OnlineOnly" as const),
    }),
  }).map(({ adopted, ...change }) =>
    vm({ ...change, ...(adopted ? { labels: { "virtrigaud.io/adopted": "true" } } : {}) })
  ),
  wish: fc.constantFrom<Wish>(
    wish(),
    wish(),
    wish({}, "shape-1", { type: "Known", version: "init-1", read: false }),
    wish({}, "shape-1", { type: "Unknown" }),
    wish({}, "shape-1", {
      type: "Held",
      reason: "SecretMissing",
      problems: [{ field: "spec.userData", message: "x" }],
    }),
    { type: "Missing", missing: [{ field: "spec.classRef", message: "is missing" }] },
    { type: "Invalid", reason: "InvalidSpec", problems: [{ field: "spec.tags", message: "is wrong" }] },
  ),
  machine: maybe(observed),
  reachable: fc.constantFrom(true, true, true, false),
  nameHolder: fc.boolean(),
  errors: fc.array(maybe(fc.constantFrom(...errorClasses)), { maxLength: 4 }),
  tasks: fc.array(fc.constantFrom(undefined, "Succeeded" as const, "Failed" as const, "Forgotten" as const), {
    maxLength: 6,
  }),
  onlineOnly: fc.boolean(),
});

const RUNS = 3_000;
/** More rounds than any history of errors and tasks that {@linkcode setups} makes can need. */
const MAX_ROUNDS = 60;

/** Goes on until nothing is left to wait for. */
function settled(world: World): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { writes, mutations } = world;
    const next = world.reconcile();
    if (world.released) return;
    if (next === undefined && !world.waits && world.writes === writes && world.mutations === mutations) return;
    world.tick(next);
  }
  assert(false, `never comes to rest: ${world.trace.join(", ")}`);
}

Deno.test("from every state a VM comes to rest in a bounded number of steps, and then is silent", () => {
  fc.assert(
    fc.property(setups, (setup) => {
      const world = new World(setup);
      settled(world);
      if (world.released) return;
      const { writes, mutations, reads } = world;
      world.now += 1;
      world.reconcile();
      assert(world.reads === reads, `a second look reads Secrets: ${world.trace.join(", ")}`);
      assert(world.writes === writes, `a second look writes: ${world.trace.join(", ")}`);
      assert(world.mutations === mutations, `a second look changes something: ${world.trace.join(", ")}`);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("deciding twice over one picture gives one answer, and applying its status changes nothing about a wait", () => {
  fc.assert(
    fc.property(setups, (setup) => {
      const { input } = new World(setup);
      const first = decide(input);
      assert(sameJson(first, decide(input)));
      if (first.step.type !== "Wait" || first.status === undefined) return;
      const second = decide({ ...input, vm: { ...input.vm, status: first.status } });
      // The end of a task leaves its place free: the next step may follow then, but a wait stays as it was written.
      if (second.step.type === "Wait" && second.status !== undefined && input.task.type === "Unasked") {
        assert(sameJson(second.status, first.status), "the same look writes something else");
      }
    }),
    { numRuns: RUNS },
  );
});

Deno.test("a final refusal is asked for at most once more than there are kinds of steps", () => {
  const refusing = setups.map((setup): Setup => ({
    ...setup,
    reachable: true,
    errors: Array.from({ length: 100 }, (): ErrorClass => "InvalidSpec"),
    vm: vm({
      spec: setup.vm.spec,
      ...(setup.vm.metadata.annotations === undefined ? {} : { annotations: setup.vm.metadata.annotations }),
    }),
  }));
  fc.assert(
    fc.property(refusing, (setup) => {
      const world = new World(setup);
      settled(world);
      assert(world.mutations <= 3, `${world.mutations} calls: ${world.trace.join(", ")}`);
    }),
    { numRuns: RUNS },
  );
});
