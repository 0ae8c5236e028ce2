/** The loop of one reconcile: observe, decide, act, write; until there is nothing to do but to wait. @module */
import { type VirtualMachine, VM_FINALIZER } from "@virtrigaud/api";
import { type CallContext, ProviderError } from "@virtrigaud/contract";
import type { KubeClient } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import {
  addFinalizer,
  done,
  type InformerView,
  type ReconcileContext,
  removeFinalizer,
  requeueAfter,
  type Result,
  StatusWriter,
} from "@virtrigaud/runtime";
import type { ProviderConnection } from "../connection/connection.ts";
import { VIRTUAL_MACHINES } from "../shared/kinds.ts";
import { act } from "./act.ts";
import { conclude, type Mutation } from "./conclude.ts";
import { decide } from "./decide.ts";
import { retains } from "./decide_deletion.ts";
import type { Decision } from "./decision.ts";
import { eventsBetween, type VmEvent } from "./events.ts";
import { guestInitSecrets } from "./guest_init.ts";
import type { ReconfigureHistory, VmInput } from "./input.ts";
import { type Findings, foundMachine, observe, referenceKey, type VmSources } from "./observe.ts";

/** What the reconciler works with. */
export interface VmReconcilerOptions {
  readonly client: KubeClient;
  readonly vms: InformerView<VirtualMachine>;
  readonly sources: VmSources;
  readonly clock: Clock;
  /** Grows with every change of leader; travels with every change that is asked of a provider. */
  readonly fence: () => number;
  /** Unique words for operation ids. */
  readonly nonce: () => string;
  readonly event: (vm: VirtualMachine, event: VmEvent) => void;
  /** Wakes a VM: for Secrets that appear. */
  readonly wake: (key: string) => void;
}

/** Steps of one reconcile; more in a row means that something turns in a circle. */
const MAX_STEPS = 12;
/** A provider that answered with a passing error is not asked again earlier than this about the same VM. */
const CIRCLE_PAUSE_MS = 1_000;

/** Thrown to be tried again with backoff: the provider answered with an error that may pass. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/** Reconciles VirtualMachines, one at a time each. */
export class VmReconciler {
  readonly #options: VmReconcilerOptions;
  readonly #histories = new Map<string, ReconfigureHistory>();

  constructor(options: VmReconcilerOptions) {
    this.#options = options;
  }

  /** Brings one VM closer to what is asked for. */
  async reconcile(key: string, context: ReconcileContext): Promise<Result> {
    const stored = this.#options.vms.get(key);
    if (stored === undefined) {
      this.#histories.delete(key);
      return done;
    }
    const run = new Run(this.#options, this.#histories, key, stored, context);
    return await run.toEnd();
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
  #vm: VirtualMachine;
  #findings: Findings = {};
  readonly #nonce: string;

  constructor(
    readonly options: VmReconcilerOptions,
    readonly histories: Map<string, ReconfigureHistory>,
    readonly key: string,
    vm: VirtualMachine,
    readonly context: ReconcileContext,
  ) {
    this.#vm = vm;
    this.#nonce = options.nonce();
  }

  async toEnd(): Promise<Result> {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const result = await this.#once(steps);
      if (result !== undefined) return result;
    }
    this.context.log.warn("gave up after many steps in a row; looks again soon", { steps: MAX_STEPS });
    return requeueAfter(CIRCLE_PAUSE_MS);
  }

  async #once(round: number): Promise<Result | undefined> {
    const { sources, clock } = this.options;
    const history = this.histories.get(this.key);
    const input = await observe(this.#vm, sources, {
      now: clock.now(),
      nonce: `${this.#nonce}-${round}`,
      findings: this.#findings,
      ...(history === undefined ? {} : { history }),
      signal: this.context.signal,
    });
    const decision = decide(input);
    const { step } = decision;
    switch (step.type) {
      case "Wait":
        this.#followMissingSecrets(input);
        await this.#writeStatus(decision.status);
        return decision.requeueAfterMs === undefined ? done : requeueAfter(decision.requeueAfterMs);
      case "AddFinalizer":
        this.#vm = await addFinalizer(this.#kind, this.#vm, VM_FINALIZER, { signal: this.context.signal });
        return undefined;
      case "RemoveFinalizer":
        return await this.#release(input);
      case "Describe":
        return await this.#describe(step.vmId);
      case "PollTask":
        return await this.#poll(step.task.id);
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
    if (step.type === "Reconfigure" && input.wish.type === "Resolved") this.#remember(input.wish.digest, input.now);
    // A reboot is remembered before it is asked for: asked twice, it would happen twice.
    if (step.type === "Power" && step.verb === "Reboot") await this.#rememberReboot(input, decision, step);
    const outcome = await act(step, this.#vm, connection, this.options.fence(), this.context.signal);
    if (outcome.type === "Done" && outcome.task !== undefined) connection.inventory.startTask(outcome.task);
    this.#findings = {};
    const conclusion = conclude(input, decision, step, outcome);
    if (conclusion.status !== undefined) await this.#writeStatus(conclusion.status);
    switch (conclusion.type) {
      case "LookAgain":
        return undefined;
      case "Wait":
        return requeueAfter(conclusion.requeueAfterMs);
      case "Retry":
        switch (conclusion.retry.type) {
          case "Never":
            return done;
          case "After":
            return requeueAfter(conclusion.retry.ms);
          case "Backoff":
            throw new StepFailed(`${step.type} of VM ${this.key}: ${conclusion.error.message}`, {
              cause: conclusion.error,
            });
        }
    }
  }

  async #rememberReboot(input: VmInput, decision: Decision, step: Extract<Mutation, { type: "Power" }>): Promise<void> {
    const startedAt = new Date(input.now).toISOString();
    if (input.vm.status?.operation?.id === step.operationId) return;
    await this.#writeStatus({
      ...decision.status ?? input.vm.status,
      operation: { id: step.operationId, verb: step.verb, startedAt },
    });
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
      this.#findings = { ...this.#findings, machine: { type: "Unreachable", message: answer.message } };
      return undefined;
    }
    if (answer.exists) connection.inventory.learn(answer.vm, mark);
    else connection.inventory.learnAbsence(ids, mark);
    this.#findings = { ...this.#findings, machine: foundMachine(answer) };
    return undefined;
  }

  async #poll(taskId: string): Promise<Result | undefined> {
    const connection = this.#connection();
    if (connection === undefined) return done;
    const answer = await this.#ask((call) => connection.client.taskStatus({ id: taskId }, call), connection);
    if (!(answer instanceof ProviderError)) {
      connection.inventory.learnTask(answer);
      const known = connection.inventory.task(taskId) ?? { status: answer, ageMs: 0 };
      this.#findings = { ...this.#findings, task: { type: "Known", ...known } };
      return undefined;
    }
    if (answer.class !== "NotFound") {
      throw new StepFailed(`asking about task ${taskId} of VM ${this.key}: ${answer.message}`, { cause: answer });
    }
    // Nobody knows how the task ended: what the hypervisor has now is the only truth left.
    this.#findings = { ...this.#findings, task: { type: "Forgotten" }, machine: { type: "Unsettled" } };
    return undefined;
  }

  async #ask<T>(
    question: (call: CallContext) => Promise<T>,
    connection: ProviderConnection,
  ): Promise<T | ProviderError> {
    try {
      return await question(connection.context(this.context.signal));
    } catch (error) {
      if (error instanceof ProviderError) return error;
      throw error;
    }
  }

  async #release(input: VmInput): Promise<Result> {
    const { machine, vm } = input;
    const id = vm.status?.id ?? "";
    if (retains(input)) {
      this.options.event(vm, {
        type: "Normal",
        reason: "Retained",
        message: `the VM ${id} stays at the hypervisor, unmanaged`,
      });
    } else if (machine.type === "Absent") {
      this.options.event(vm, {
        type: "Normal",
        reason: "Deleted",
        message: `the VM ${id} is gone from the hypervisor`,
      });
    } else {
      this.options.event(vm, {
        type: "Warning",
        reason: "ForceDeleted",
        message: `the object was let go on request although the VM ${id} may still exist`,
      });
    }
    await removeFinalizer(this.#kind, this.#vm, VM_FINALIZER, { signal: this.context.signal });
    return done;
  }

  get #kind() {
    return { client: this.options.client, type: VIRTUAL_MACHINES, informer: this.options.vms };
  }

  async #writeStatus(status: VirtualMachine["status"]): Promise<void> {
    if (status === undefined) return;
    const before = this.#vm;
    const { client, vms, event } = this.options;
    const writer = new StatusWriter(client, VIRTUAL_MACHINES, vms);
    this.#vm = await writer.put(before, status, { signal: this.context.signal });
    if (this.#vm === before) return;
    for (const each of eventsBetween(before.status, status)) event(this.#vm, each);
  }

  #followMissingSecrets({ wish, vm }: VmInput): void {
    if (wish.type !== "Missing" || !wish.missing.some(({ field }) => field.endsWith(".secretRef"))) return;
    for (const name of guestInitSecrets(vm)) {
      const { namespace } = vm.metadata;
      const secret = { name, ...(namespace === undefined ? {} : { namespace }) };
      this.options.sources.secrets.follow(secret, this.key, () => this.options.wake(this.key), { once: true });
    }
  }

  #connection(): ProviderConnection | undefined {
    return this.options.sources.connections.get(referenceKey(this.#vm, this.#vm.spec.providerRef));
  }

  #remember(digest: string, now: number): void {
    const before = this.histories.get(this.key);
    const count = before?.digest === digest ? before.count + 1 : 1;
    this.histories.set(this.key, { digest, count, lastAt: now });
  }
}
