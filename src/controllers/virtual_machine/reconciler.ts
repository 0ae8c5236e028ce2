/** The loop of one reconcile: observe, decide, act, write; until there is nothing to do but to wait. @module */
import { type VirtualMachine, VM_FINALIZER } from "@virtrigaud/api";
import { type CallContext, ProviderError } from "@virtrigaud/contract";
import { isConflict, type KubeClient } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import {
  addFinalizer,
  done,
  type InformerView,
  type ReconcileContext,
  removeFinalizer,
  requeueAfter,
  type Result,
  sameJson,
  StatusWriter,
} from "@virtrigaud/runtime";
import type { ProviderConnection } from "../connection/connection.ts";
import { VIRTUAL_MACHINES } from "../shared/kinds.ts";
import { act } from "./act.ts";
import { Births } from "./births.ts";
import { conclude } from "./conclude.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { type ManagerMetric, type Metrics, noMetrics } from "@virtrigaud/telemetry";
import { eventsBetween, releaseEvent, type VmEvent } from "./events.ts";
import { type GuestInitReading, readGuestInit } from "./guest_init.ts";
import type { Mutation, ReconfigureHistory, VmInput } from "./input.ts";
import { type ProviderLabels, VmMeter } from "./meter.ts";
import { NamedSecrets } from "./named_secrets.ts";
import { TaskSlots } from "./task_slots.ts";
import { type Findings, foundMachine, observe, referenceKey, type VmSources } from "./observe.ts";

/** What the reconciler works with. */
export interface VmReconcilerOptions {
  readonly client: KubeClient;
  readonly vms: InformerView<VirtualMachine>;
  readonly sources: VmSources;
  readonly clock: Clock;
  /** Unique words for operation ids. */
  readonly nonce: () => string;
  readonly event: (vm: VirtualMachine, event: VmEvent) => void;
  /** Wakes a VM: for Secrets that appear. */
  readonly wake: (key: string) => void;
  /** Default: nothing is measured. */
  readonly metrics?: Metrics<ManagerMetric>;
  /** Tasks in flight at one provider; more wait their turn. Default 100. */
  readonly maxTasksPerProvider?: number;
}

/** Tasks in flight at one provider, unless told otherwise (`MAX_INFLIGHT_TASKS`). */
const DEFAULT_MAX_TASKS = 100;
/** Attempts at writing down what came of a step, while others change the object. */
const MAX_WRITES = 5;
/** Steps of one reconcile; more in a row means that something turns in a circle. */
const MAX_STEPS = 24;
/** A provider that answered with a passing error is not asked again earlier than this about the same VM. */
const CIRCLE_PAUSE_MS = 1_000;

/** Thrown to be tried again with backoff: the provider answered with an error that may pass. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/** What outlives a reconcile, of all VMs; all of it can be lost. */
interface Memory {
  readonly histories: Map<string, ReconfigureHistory>;
  readonly secrets: NamedSecrets;
  /** First-boot configuration that was read and cannot be used, by VM. */
  readonly unusable: Map<string, GuestInitReading & { readonly generation: number | undefined }>;
  readonly births: Births;
  readonly meter: VmMeter;
  readonly slots: TaskSlots;
}

/** Reconciles VirtualMachines, one at a time each. */
export class VmReconciler {
  readonly #options: VmReconcilerOptions;
  readonly #memory: Memory;

  constructor(options: VmReconcilerOptions) {
    this.#options = options;
    const meter = new VmMeter(options.metrics ?? noMetrics, () => options.clock.monotonic());
    const secrets = new NamedSecrets(options.sources.secrets, options.wake);
    const slots = new TaskSlots(options.maxTasksPerProvider ?? DEFAULT_MAX_TASKS, options.wake);
    const births = new Births(options.sources.connections, options.nonce);
    this.#memory = { histories: new Map(), secrets, unusable: new Map(), births, meter, slots };
  }

  /** Brings one VM closer to what is asked for. */
  async reconcile(key: string, context: ReconcileContext): Promise<Result> {
    const stored = this.#options.vms.get(key);
    const undone = await this.#memory.births.undo(key, stored, context);
    if (undone !== undefined) return undone;
    if (stored === undefined) {
      const { histories, secrets, unusable, meter, slots } = this.#memory;
      slots.forget(key);
      histories.delete(key);
      secrets.forget(key);
      unusable.delete(key);
      meter.forget(key);
      return done;
    }
    return await new Run(this.#options, this.#memory, key, stored, context).toEnd();
  }

  /** The decision that would be taken now, without taking it. */
  async plan(key: string, signal: AbortSignal): Promise<Decision | undefined> {
    const vm = this.#options.vms.get(key);
    if (vm === undefined) return undefined;
    const { sources, clock, nonce } = this.#options;
    return decide(await observe(vm, sources, { now: clock.now(), nonce: nonce(), findings: {}, signal }));
  }
}

/** One reconcile of one VM. */
class Run {
  /** As it is on the API server. */
  #stored: VirtualMachine;
  /** Whether a provider was asked for a change. */
  #acted = false;
  /** With the status as it is known now, written or not. */
  #vm: VirtualMachine;
  #findings: Findings = {};
  readonly #nonce: string;

  constructor(
    readonly options: VmReconcilerOptions,
    readonly memory: Memory,
    readonly key: string,
    vm: VirtualMachine,
    readonly context: ReconcileContext,
  ) {
    this.#stored = vm;
    this.#vm = vm;
    this.#nonce = options.nonce();
  }

  async toEnd(): Promise<Result> {
    this.memory.meter.seen(this.key, this.#vm.status, this.#vm.status, this.#labels);
    this.#noteTask();
    try {
      return await this.#steps();
    } finally {
      this.#noteTask();
    }
  }

  async #steps(): Promise<Result> {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const result = await this.#once(steps);
      if (result !== undefined) return result;
    }
    this.context.log.warn("gave up after many steps in a row; looks again soon", { steps: MAX_STEPS });
    return requeueAfter(CIRCLE_PAUSE_MS);
  }

  async #once(round: number): Promise<Result | undefined> {
    const { sources, clock } = this.options;
    this.memory.secrets.update(this.key, this.#vm);
    const history = this.memory.histories.get(this.key);
    const unusable = this.memory.unusable.get(this.key);
    const input = await observe(this.#vm, sources, {
      now: clock.now(),
      nonce: `${this.#nonce}-${round}`,
      findings: this.#findings,
      ...(history === undefined ? {} : { history }),
      ...(unusable === undefined || unusable.generation !== this.#vm.metadata.generation ? {} : { unusable }),
      signal: this.context.signal,
    });
    const decision = decide(input);
    const { step } = decision;
    switch (step.type) {
      case "Wait":
        await this.#writeStatus(decision.status);
        if (input.machine.type === "Unreachable" && input.machine.asked === true) {
          throw new StepFailed(`asking about VM ${this.key}: ${input.machine.message}`);
        }
        return decision.requeueAfterMs === undefined ? done : requeueAfter(decision.requeueAfterMs);
      case "AddFinalizer":
        this.#stored = await addFinalizer(this.#kind, this.#stored, VM_FINALIZER, { signal: this.context.signal });
        this.#vm = { ...this.#stored, ...(this.#vm.status === undefined ? {} : { status: this.#vm.status }) };
        return undefined;
      case "RemoveFinalizer":
        return await this.#release(input);
      case "Describe":
        return await this.#describe(step.vmId);
      case "PollTask":
        return await this.#poll(step.task.id);
      case "ReadGuestInit":
        return await this.#readGuestInit();
      case "Create":
      case "Delete":
      case "Power":
      case "Reconfigure":
        return await this.#change(input, decision, step);
    }
  }

  async #change(input: VmInput, decision: Decision, step: Mutation): Promise<Result | undefined> {
    const connection = this.#connection();
    if (connection === undefined) return done;
    // What is being deleted makes room, so that it never waits for room.
    if (step.type !== "Delete" && !this.memory.slots.mayStart(this.key, connection.key)) return done;
    if (step.type === "Reconfigure") this.#remember(step.wish, input.now);
    // A reboot is remembered before it is asked for: asked twice, it would happen twice.
    if (step.type === "Power" && step.verb === "Reboot") await this.#rememberReboot(input, decision, step);
    else if (step.type === "Power") await this.#tellPower(decision);
    this.#acted = true;
    if (step.type === "Create") this.memory.births.begin(this.key, this.#vm);
    const { inventory } = connection;
    const { session } = inventory;
    const outcome = await act(step, this.#vm, connection, this.context.signal);
    if (outcome.type === "Done" && outcome.task !== undefined) inventory.startTask(outcome.task, session);
    const { meter } = this.memory;
    if (outcome.type === "Failed") meter.refused(step, outcome.error, this.#labels);
    else if (outcome.task === undefined) meter.stepped(step, this.#labels);
    const { guestInit } = this.#findings;
    this.#findings = {
      ...(step.type === "Create" ? { machine: { type: "Unsettled" } } : {}),
      ...(guestInit === undefined ? {} : { guestInit }),
    };
    const conclusion = conclude(input, decision, step, outcome);
    switch (conclusion.type) {
      case "LookAgain":
        if (conclusion.persist) await this.#writeStatus(conclusion.status);
        else this.#vm = { ...this.#vm, status: conclusion.status };
        return undefined;
      case "Wait":
        await this.#writeStatus(conclusion.status);
        return requeueAfter(conclusion.requeueAfterMs);
      case "Retry":
        await this.#writeStatus(conclusion.status);
        if (conclusion.afterMs !== undefined) return requeueAfter(conclusion.afterMs);
        throw new StepFailed(`${step.type} of VM ${this.key}: ${conclusion.error.message}`, {
          cause: conclusion.error,
        });
      case "Deposed":
        throw new StepFailed(`${step.type} of VM ${this.key}: another manager leads: ${conclusion.error.message}`, {
          cause: conclusion.error,
        });
    }
  }

  async #rememberReboot(input: VmInput, decision: Decision, step: Extract<Mutation, { type: "Power" }>): Promise<void> {
    const startedAt = new Date(input.now).toISOString();
    if (input.vm.status?.operation?.id === step.operationId) return;
    await this.#writeStatus({
      ...decision.status ?? input.vm.status,
      operation: { id: step.operationId, verb: step.verb, startedAt, wish: step.wish },
    });
  }

  /** A machine that somebody else switched is told as it is before it is switched back: that may take long, or fail. */
  async #tellPower({ status }: Decision): Promise<void> {
    if (status?.powerState !== this.#stored.status?.powerState) await this.#writeStatus(status);
  }

  async #describe(vmId: string | undefined): Promise<Result | undefined> {
    const connection = this.#connection();
    if (connection === undefined) return done;
    const ids = {
      ...(vmId === undefined ? {} : { vmId }),
      ...(this.#vm.metadata.uid === undefined ? {} : { ownerUid: this.#vm.metadata.uid }),
    };
    const mark = connection.inventory.mark();
    const answer = await this.#ask((call) => connection.client.describe(ids, call), connection);
    if (answer instanceof ProviderError) {
      this.#findings = { ...this.#findings, machine: { type: "Unreachable", message: answer.message, asked: true } };
      return undefined;
    }
    if (answer.exists) connection.inventory.learn(answer.vm, mark);
    else connection.inventory.learnAbsence(ids, mark);
    this.#findings = { ...this.#findings, machine: foundMachine(this.#vm, answer) };
    return undefined;
  }

  async #readGuestInit(): Promise<Result | undefined> {
    // Whoever does not know this kind of change would not refuse it either.
    if (this.#connection()?.capabilities === undefined) return requeueAfter(CIRCLE_PAUSE_MS);
    const guestInit = await readGuestInit(this.#vm, this.options.sources.secrets, this.context.signal);
    this.#findings = { ...this.#findings, guestInit };
    const { generation } = this.#vm.metadata;
    if (guestInit.content?.type === "Unusable") this.memory.unusable.set(this.key, { ...guestInit, generation });
    else this.memory.unusable.delete(this.key);
    return undefined;
  }

  async #poll(taskId: string): Promise<Result | undefined> {
    const connection = this.#connection();
    if (connection === undefined) return done;
    const answer = await this.#ask((call) => connection.client.taskStatus({ id: taskId }, call), connection);
    if (!(answer instanceof ProviderError)) {
      connection.inventory.learnTask(answer);
      const known = connection.inventory.task(taskId) ?? { status: answer, ageMs: 0 };
      const machine = known.status.state === "Running" ? {} : { machine: { type: "Unsettled" } as const };
      this.#findings = { ...this.#findings, ...machine, task: { type: "Known", ...known } };
      return undefined;
    }
    if (answer.class === "NotFound") {
      // Nobody knows how the task ended: what the hypervisor has now is the only truth left.
      this.#findings = { ...this.#findings, task: { type: "Forgotten" }, machine: { type: "Unsettled" } };
    } else {
      this.#findings = { ...this.#findings, machine: { type: "Unreachable", message: answer.message, asked: true } };
    }
    return undefined;
  }

  async #ask<T>(
    question: (call: CallContext) => Promise<T>,
    connection: ProviderConnection,
  ): Promise<T | ProviderError> {
    try {
      return await question(connection.context(this.context.signal));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.memory.meter.failed(error);
      if (error.reason === "StaleFence") {
        throw new StepFailed(`asking about VM ${this.key}: another manager leads: ${error.message}`, { cause: error });
      }
      return error;
    }
  }

  async #release(input: VmInput): Promise<Result> {
    this.options.event(this.#stored, releaseEvent(input));
    await removeFinalizer(this.#kind, this.#stored, VM_FINALIZER, { signal: this.context.signal });
    return done;
  }

  get #kind() {
    return { client: this.options.client, type: VIRTUAL_MACHINES, informer: this.options.vms };
  }

  async #writeStatus(status: VirtualMachine["status"]): Promise<void> {
    if (status === undefined) return;
    const before = this.#stored;
    const { client, vms, event } = this.options;
    const writer = new StatusWriter(client, VIRTUAL_MACHINES, vms);
    this.#vm = this.#stored = await this.#put(writer, before, status);
    if (this.#stored === before) return;
    this.memory.births.written(this.key, this.#stored);
    this.memory.meter.seen(this.key, before.status, status, this.#labels);
    for (const each of eventsBetween(before.status, status)) event(this.#stored, each);
  }

  /**
   * After a step the status says what came of it, such as the task to wait for. That must not be lost to a user who
   * changed the spec meanwhile: then it is written over the new version, unless somebody else has written the status.
   */
  async #put(
    writer: StatusWriter<VirtualMachine>,
    object: VirtualMachine,
    status: VirtualMachine["status"],
  ): Promise<VirtualMachine> {
    const call = { signal: this.context.signal };
    for (let [known, tries] = [object, 1];; tries++) {
      try {
        return await writer.put(known, status, call);
      } catch (error) {
        if (!this.#acted || !isConflict(error) || tries === MAX_WRITES) throw error;
        known = await this.options.client.get(VIRTUAL_MACHINES, object.metadata, call);
        if (known.metadata.uid !== object.metadata.uid || !sameJson(known.status, object.status)) throw error;
      }
    }
  }

  get #providerKey(): string {
    return referenceKey(this.#vm, this.#vm.spec.providerRef);
  }

  get #labels(): ProviderLabels {
    const provider = this.#providerKey;
    return { provider, provider_type: this.options.sources.providers.get(provider)?.spec.type ?? "unknown" };
  }

  #connection(): ProviderConnection | undefined {
    return this.options.sources.connections.get(this.#providerKey);
  }

  #noteTask(): void {
    const running = this.#stored.status?.operation?.taskRef !== undefined;
    this.memory.slots.note(this.key, this.#providerKey, running);
  }

  #remember(digest: string, now: number): void {
    const { histories } = this.memory;
    const before = histories.get(this.key);
    const count = before?.digest === digest ? before.count + 1 : 1;
    histories.set(this.key, { digest, count, lastAt: now });
  }
}
