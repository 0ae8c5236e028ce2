/** What the answer to a step means for the status. Pure. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import type { GuestInitChange, ProviderError, TaskRef } from "@virtrigaud/contract";
import type { Decision } from "./decision.ts";
import { isForced } from "./decide_deletion.ts";
import { joinWish } from "./init_version.ts";
import {
  type FailedStep,
  isNameConflict,
  isPassing,
  isTerminal,
  reasonOf,
  type StepError,
  withFailure,
  withoutFailure,
} from "./failure.ts";
import type { Mutation, Verb, VmInput } from "./input.ts";
import { rebootRequest } from "./power.ts";
import { ledgerOf, statusOf } from "./status.ts";
import { doing } from "./verdicts.ts";

/** What `act` brought back from a step that changes something. */
export type Outcome =
  | {
    readonly type: "Done";
    readonly vmId?: string;
    readonly task?: TaskRef;
    readonly needsPowerCycle?: readonly string[];
    readonly guestInit?: GuestInitChange;
  }
  | { readonly type: "Failed"; readonly error: ProviderError };

/** What to do after the step. */
export type Conclusion =
  /** Write the status, then wait for the task. */
  | { readonly type: "Wait"; readonly status: VirtualMachineStatus; readonly requeueAfterMs: number }
  /** The step is over: look again at once, and write what is found then; now already if `persist`. */
  | { readonly type: "LookAgain"; readonly status: VirtualMachineStatus; readonly persist: boolean }
  /** Write the status and come back after `afterMs`, or with backoff. */
  | {
    readonly type: "Retry";
    readonly status: VirtualMachineStatus;
    readonly error: ProviderError;
    readonly afterMs?: number;
  }
  /** Another manager leads: write nothing. */
  | { readonly type: "Deposed"; readonly error: ProviderError };

/** How long a task may take before it counts as failed, milliseconds. */
const DEADLINE_MS: Readonly<Record<Verb, number>> = {
  Create: 60 * 60_000,
  Delete: 30 * 60_000,
  PowerOn: 10 * 60_000,
  PowerOff: 10 * 60_000,
  Shutdown: 60 * 60_000,
  Reboot: 60 * 60_000,
  Reconfigure: 60 * 60_000,
};

/** Verb of a step, as the status names it. */
export function verbOf(step: Mutation): Verb {
  return step.type === "Power" ? step.verb : step.type;
}

/** Takes the outcome of `step` into the status. */
export function conclude(input: VmInput, decision: Decision, step: Mutation, outcome: Outcome): Conclusion {
  const base = decision.status ?? input.vm.status ?? {};
  if (outcome.type === "Failed") return concludeFailure(input, base, step, outcome.error);
  const pending = outcome.needsPowerCycle ?? [];
  const isOff = input.machine.type === "Present" && input.machine.vm.power === "Off";
  if (pending.length > 0 && isOff && outcome.task === undefined) {
    const message = `the provider wants the VM to be off to change ${pending.join(", ")}, and it is off`;
    return recorded(input, base, step, { class: "NotSupported", message }, { final: true });
  }
  const verb = verbOf(step);
  // The end of a task clears what failed before it; until then it counts on.
  const cleared = outcome.task === undefined ? { ...base, failures: withoutFailure(base.failures, verb) } : base;
  const status = concluded(input, cleared, step, outcome, isOff ? [] : pending);
  // A reboot that is forgotten is done again; all else shows at the machine.
  if (outcome.task === undefined) return { type: "LookAgain", status, persist: verb === "Reboot" };
  return {
    type: "Wait",
    status: {
      ...status,
      operation: {
        id: step.operationId,
        verb,
        taskRef: outcome.task.id,
        startedAt: new Date(input.now).toISOString(),
        deadline: new Date(input.now + DEADLINE_MS[verb]).toISOString(),
        attempt: (base.failures?.find((f) => f.verb === verb && f.wish === step.wish)?.attempt ?? 0) + 1,
        generation: input.vm.metadata.generation ?? 0,
        wish: step.wish,
        ...(outcome.guestInit === undefined || outcome.guestInit === "Unchanged"
          ? {}
          : { userData: outcome.guestInit }),
      },
      lastTaskRef: outcome.task.id,
      ...(verb === "Reconfigure"
        ? { reconfigureTaskRef: outcome.task.id, lastReconfigureTime: new Date(input.now).toISOString() }
        : {}),
    },
    requeueAfterMs: input.provider.type === "Found" ? input.provider.taskPollMs : 30_000,
  };
}

function concluded(
  input: VmInput,
  base: VirtualMachineStatus,
  step: Mutation,
  outcome: Extract<Outcome, { type: "Done" }>,
  pending: readonly string[],
): VirtualMachineStatus {
  const time = new Date(input.now).toISOString();
  switch (step.type) {
    case "Create": {
      // A VM that boots for the first time has answered every request to boot anew.
      const request = rebootRequest(input.vm, base);
      return {
        ...base,
        ...(outcome.vmId === undefined ? {} : { id: outcome.vmId }),
        ...(input.provider.type === "Found" ? { providerUID: input.provider.uid } : {}),
        ...(input.wish.type === "Resolved" ? { appliedWish: bornWith(input.wish) } : {}),
        ...(request === undefined ? {} : { lastReboot: { request, time } }),
      };
    }
    case "Delete":
      return base;
    case "Power":
      if (step.verb !== "Reboot" || outcome.task !== undefined) return base;
      return { ...base, lastReboot: { request: step.wish, time } };
    case "Reconfigure": {
      const { pendingPowerCycle: _, ...unchanged } = base;
      const { guestInit } = outcome;
      const rest = outcome.task !== undefined || guestInit === undefined || guestInit === "Unchanged"
        ? unchanged
        : { ...unchanged, userData: { change: guestInit, time } };
      if (pending.length > 0) return { ...rest, pendingPowerCycle: { wish: step.wish, fields: [...pending] } };
      return outcome.task === undefined ? { ...rest, appliedWish: step.wish } : rest;
    }
  }
}

/** What a machine is made by. */
const bornWith = ({ shape, init }: Extract<VmInput["wish"], { type: "Resolved" }>): string =>
  joinWish({ shape, init: init.type === "Known" ? init.version : "" });

function concludeFailure(input: VmInput, base: VirtualMachineStatus, step: Mutation, error: ProviderError): Conclusion {
  if (error.reason === "StaleFence") return { type: "Deposed", error };
  const verb = verbOf(step);
  const { vm } = input;
  const givenUp = verb === "Delete" && isForced(input);
  if (!isPassing(error) || givenUp) {
    const isOffForIt = verb === "Reconfigure" && base.pendingPowerCycle?.wish === step.wish;
    const isFirst = !base.failures?.some((failure) => failure.verb === verb && failure.wish === step.wish);
    // A change that failed while the VM was off for it is not worth a second outage, but a second question: it may have
    // been made all the same. A name is waited for by event.
    const atOnce = isOffForIt && isFirst && !isTerminal(error.class);
    const final = (isOffForIt && !atOnce) || (isNameConflict(error) && input.nameHolder !== undefined);
    return recorded(input, base, step, error, { final, atOnce });
  }
  const verdict = {
    phase: verb === "Create"
      ? "Provisioning" as const
      : verb === "Delete"
      ? "Deleting" as const
      : vm.status?.phase ?? "Unknown",
    ready: false,
    reason: reasonOf(error),
    message: `${doing(verb)} failed: ${error.message}`,
  };
  return {
    type: "Retry",
    status: statusOf({ ...input, vm: { ...vm, status: base } }, undefined, ledgerOf(base), verdict),
    error,
    ...(error.retryAfterMs === undefined ? {} : { afterMs: error.retryAfterMs }),
  };
}

/** The failure goes into the bookkeeping; the next look finds it there, does the rest and says it. */
function recorded(
  input: VmInput,
  base: VirtualMachineStatus,
  step: Mutation,
  error: StepError,
  tries: Pick<FailedStep, "final" | "atOnce">,
): Conclusion {
  const failures = withFailure(base.failures, error, { verb: verbOf(step), wish: step.wish, ...tries }, input.now);
  return { type: "LookAgain", status: { ...base, failures }, persist: false };
}
