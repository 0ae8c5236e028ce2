/** The task that the status names: wait for it, ask about it, or take its end into account. Pure. @module */
import { type StepError } from "./failure.ts";
import { failureOf } from "./failure.ts";
import type { Decision } from "./decision.ts";
import type { Verb, VmInput } from "./input.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";

/** Whether something is in flight. */
export type Settled =
  | { readonly type: "Waiting"; readonly decision: Decision }
  | {
    readonly type: "Idle";
    readonly ledger: Ledger;
    /** A create ended, and not well: if there is no VM, none was lost. */
    readonly forgotten: boolean;
  };

/** Looks at `status.operation`. */
export function settleOperation(input: VmInput): Settled {
  const { vm, task, now } = input;
  const { operation, failure, pendingPowerCycle, lastReboot } = vm.status ?? {};
  const ledger: Ledger = { failure, pendingPowerCycle, lastReboot };
  if (operation?.taskRef === undefined) return { type: "Idle", ledger, forgotten: false };

  const verb = operation.verb as Verb;
  const waitedOut = operation.deadline !== undefined && Date.parse(operation.deadline) <= now;
  const failed = (error: StepError): Settled => ({
    type: "Idle",
    ledger: { ...ledger, failure: failureOf(error, verb, operation.wish ?? "", failure, now) },
    forgotten: verb === "Create",
  });

  switch (task.type) {
    case "Unasked":
      return { type: "Waiting", decision: { step: { type: "PollTask", task: { id: operation.taskRef } } } };
    case "Forgotten":
      return { type: "Idle", ledger, forgotten: verb === "Create" };
    case "Known":
      break;
  }
  const { status, ageMs } = task;
  switch (status.state) {
    case "Succeeded":
      return { type: "Idle", ledger: { ...ledger, failure: undefined }, forgotten: false };
    case "Failed":
      return failed(status.error ?? { class: "Retryable", message: "the task failed without saying why" });
    case "Running": {
      if (waitedOut) {
        return failed({ class: "Timeout", message: `task ${operation.taskRef} did not end by ${operation.deadline}` });
      }
      const pollMs = input.provider.type === "Found" ? input.provider.taskPollMs : 30_000;
      if (ageMs >= pollMs) {
        return { type: "Waiting", decision: { step: { type: "PollTask", task: { id: operation.taskRef } } } };
      }
      const untilDeadline = operation.deadline === undefined ? Infinity : Date.parse(operation.deadline) - now;
      // A machine that is being made changes from moment to moment, and each would be a write that the end makes anyway.
      const seen = verb !== "Create" && input.machine.type === "Present" ? input.machine.vm : undefined;
      return {
        type: "Waiting",
        decision: {
          step: { type: "Wait" },
          status: statusOf(vm, seen, { ...ledger, operation }, verdictOf(verb, vm.status?.phase), now),
          requeueAfterMs: Math.max(1, Math.min(pollMs - ageMs, untilDeadline)),
        },
      };
    }
  }
}

/** What the status says while `verb` is in flight. */
export function verdictOf(verb: Verb, phase: Verdict["phase"] | undefined): Verdict {
  const waiting = { ready: false, reason: "TaskInProgress" } as const;
  switch (verb) {
    case "Create":
      return { ...waiting, phase: "Provisioning", reason: "Creating", message: "the VM is being created" };
    case "Delete":
      return { ...waiting, phase: "Deleting", reason: "Deleting", message: "the VM is being deleted" };
    case "Reconfigure":
      return { ...waiting, phase: "Reconfiguring", reason: "Updating", message: "the VM is being changed" };
    case "PowerOn":
      return { ...waiting, phase: phase ?? "Stopped", message: "the VM is being powered on" };
    case "PowerOff":
      return { ...waiting, phase: phase ?? "Running", message: "the VM is being powered off" };
    case "Shutdown":
      return { ...waiting, phase: phase ?? "Running", message: "the guest was asked to shut down" };
    case "Reboot":
      return { ...waiting, phase: phase ?? "Running", message: "the VM is being rebooted" };
  }
}
