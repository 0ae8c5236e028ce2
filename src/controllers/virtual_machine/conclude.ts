/** What the answer to a step means for the status. Pure. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import { ProviderError, type TaskRef } from "@virtrigaud/contract";
import type { Decision } from "./decision.ts";
import { powerWish, rebootRequest } from "./decide_present.ts";
import { failureOf, isTerminal, reasonOf } from "./failure.ts";
import type { Step, Verb, VmInput } from "./input.ts";
import { statusOf, type Verdict } from "./status.ts";

/** What `act` brought back from a step that changes something. */
export type Outcome =
  | {
    readonly type: "Done";
    readonly vmId?: string;
    readonly task?: TaskRef;
    readonly needsPowerCycle?: readonly string[];
  }
  | { readonly type: "Failed"; readonly error: ProviderError };

/** What to do after the step. */
export type Conclusion =
  /** Write the status, then wait for the task. */
  | { readonly type: "Wait"; readonly status: VirtualMachineStatus; readonly requeueAfterMs: number }
  /** The step is over: look again at once, and write what is found then. */
  | { readonly type: "LookAgain"; readonly status?: VirtualMachineStatus }
  /** Write the status and come back as `retry` says. */
  | {
    readonly type: "Retry";
    readonly status: VirtualMachineStatus;
    readonly error: ProviderError;
    readonly retry: Retry;
  };

/** When a failed step is tried again. `Never`: not before the wish changes. */
export type Retry =
  | { readonly type: "Never" }
  | { readonly type: "Backoff" }
  | { readonly type: "After"; readonly ms: number };

/** A step that changes something. */
export type Mutation = Extract<Step, { type: "Create" | "Delete" | "Power" | "Reconfigure" }>;

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

/** Digest of what the step carries out; a failure counts for this wish only. */
export function wishOf(step: Mutation, input: VmInput): string {
  switch (step.type) {
    case "Create":
    case "Reconfigure":
      return input.wish.type === "Resolved" ? input.wish.digest : "";
    case "Power":
      return powerWish(input);
    case "Delete":
      return "";
  }
}

/** Takes the outcome of `step` into the status. */
export function conclude(input: VmInput, decision: Decision, step: Mutation, outcome: Outcome): Conclusion {
  const base = decision.status ?? input.vm.status ?? {};
  if (outcome.type === "Failed") return concludeFailure(input, base, step, outcome.error);
  const verb = verbOf(step);
  const wish = wishOf(step, input);
  const { failure: _, ...clean } = base;
  const pending = outcome.needsPowerCycle ?? [];
  const status: VirtualMachineStatus = {
    ...clean,
    ...(outcome.vmId === undefined ? {} : { id: outcome.vmId }),
    ...(pending.length === 0 ? {} : { pendingPowerCycle: { wish, fields: [...pending] } }),
    ...(verb === "Reboot"
      ? { lastReboot: { request: rebootRequest(input) ?? "", time: new Date(input.now).toISOString() } }
      : {}),
  };
  if (outcome.task === undefined) {
    const memorable = pending.length > 0 || verb === "Reboot";
    return memorable ? { type: "LookAgain", status } : { type: "LookAgain" };
  }
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
        attempt: (base.failure?.verb === verb && base.failure.wish === wish ? base.failure.attempt : 0) + 1,
        generation: input.vm.metadata.generation ?? 0,
        wish,
      },
      lastTaskRef: outcome.task.id,
      ...(verb === "Reconfigure" ? { reconfigureTaskRef: outcome.task.id } : {}),
    },
    requeueAfterMs: input.provider.type === "Found" ? input.provider.taskPollMs : 30_000,
  };
}

function concludeFailure(input: VmInput, base: VirtualMachineStatus, step: Mutation, error: ProviderError): Conclusion {
  const verb = verbOf(step);
  const { vm, now } = input;
  const { failure, pendingPowerCycle, lastReboot } = base;
  const doing: Record<Verb, string> = {
    Create: "creating the VM",
    Delete: "deleting the VM",
    PowerOn: "powering the VM on",
    PowerOff: "powering the VM off",
    Shutdown: "shutting the VM down",
    Reboot: "rebooting the VM",
    Reconfigure: "changing the VM",
  };
  const terminal = isTerminal(error.class);
  const verdict: Verdict = {
    phase: verb === "Create"
      ? (terminal ? "Failed" : "Provisioning")
      : verb === "Delete"
      ? "Deleting"
      : vm.status?.phase ?? "Unknown",
    ready: false,
    reason: reasonOf(error),
    message: `${doing[verb]} failed: ${error.message}`,
    ...(terminal ? { stalled: true } : {}),
  };
  // What may pass by itself is not counted in the status: every count would be a write, and a crowd of VMs on a sick
  // provider would write without end.
  const passing = error.class === "Unavailable" || error.class === "Timeout" || error.class === "RateLimit" ||
    error.class === "Retryable" || error.class === "Unauthorized";
  if (passing) {
    return {
      type: "Retry",
      status: statusOf({ ...vm, status: base }, undefined, { failure, pendingPowerCycle, lastReboot }, verdict, now),
      error,
      retry: error.retryAfterMs === undefined ? { type: "Backoff" } : { type: "After", ms: error.retryAfterMs },
    };
  }
  const next = failureOf(error, verb, wishOf(step, input), failure, now);
  return {
    type: "Retry",
    status: statusOf(
      { ...vm, status: base },
      undefined,
      { failure: next, pendingPowerCycle, lastReboot },
      verdict,
      now,
    ),
    error,
    retry: next.retryAfter === undefined
      ? { type: "Never" }
      : { type: "After", ms: Math.max(1, Date.parse(next.retryAfter) - now) },
  };
}
