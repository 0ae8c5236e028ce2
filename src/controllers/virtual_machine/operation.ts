/** The task that the status names: wait for it, ask about it, or take its end into account. Pure. @module */
import { type StepError, withFailure, withoutFailure } from "./failure.ts";
import type { Decision } from "./decision.ts";
import type { Verb, VmInput } from "./input.ts";
import { type Ledger, ledgerOf, statusOf, type Verdict } from "./status.ts";
import { hold, unreachableVerdict } from "./verdicts.ts";

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
  const { vm, task, now, machine } = input;
  const { operation } = vm.status ?? {};
  const ledger = ledgerOf(vm.status);
  if (operation?.taskRef === undefined) return { type: "Idle", ledger, forgotten: false };

  const verb = operation.verb as Verb;
  const wish = operation.wish ?? "";
  const waiting = (decision: Decision): Settled => ({ type: "Waiting", decision });
  const failed = (error: StepError): Settled => {
    const { pendingPowerCycle, ...rest } = ledger;
    const isOff = machine.type === "Present" && machine.vm.power === "Off";
    const needsOutage = verb === "Reconfigure" && pendingPowerCycle?.wish === wish;
    // A change that failed while the VM was off for it is not worth a second outage. What failed while it runs is asked
    // for once more as a whole, before it is switched off for the other part.
    const failures = withFailure(ledger.failures, error, { verb, wish, final: needsOutage && isOff }, now);
    const kept = needsOutage && !isOff ? rest : ledger;
    return { type: "Idle", ledger: { ...kept, failures }, forgotten: verb === "Create" };
  };
  const poll = (): Settled =>
    machine.type === "Connecting"
      ? waiting({ step: { type: "Wait" } })
      : machine.type === "Unreachable"
      ? waiting(hold(input, { ...ledger, operation }, unreachableVerdict(input, machine.message)))
      : waiting({ step: { type: "PollTask", task: { id: operation.taskRef ?? "" } } });

  switch (task.type) {
    case "Unasked":
      return poll();
    case "Forgotten":
      // Whether it rebooted nobody knows: better once too few than twice.
      return { type: "Idle", ledger: verb === "Reboot" ? rebooted() : ledger, forgotten: verb === "Create" };
    case "Known":
      break;
  }
  const { status, ageMs } = task;
  switch (status.state) {
    case "Succeeded":
      return { type: "Idle", ledger: succeeded(), forgotten: false };
    case "Failed":
      return failed(status.error ?? { class: "Retryable", message: "the task failed without saying why" });
    case "Running": {
      const untilDeadline = operation.deadline === undefined ? Infinity : Date.parse(operation.deadline) - now;
      if (untilDeadline <= 0) {
        if (verb === "Reboot") return { type: "Idle", ledger: rebooted(), forgotten: false };
        return failed({ class: "Timeout", message: `task ${operation.taskRef} did not end by ${operation.deadline}` });
      }
      const pollMs = input.provider.type === "Found" ? input.provider.taskPollMs : 30_000;
      if (ageMs >= pollMs) return poll();
      return waiting({
        step: { type: "Wait" },
        // What the machine goes through meanwhile is not worth a write each; its end tells.
        status: statusOf(input, undefined, { ...ledger, operation }, verdictOf(verb, vm.status?.phase)),
        requeueAfterMs: Math.max(1, Math.min(pollMs - ageMs, untilDeadline)),
      });
    }
  }

  function succeeded(): Ledger {
    const cleared = { ...ledger, failures: withoutFailure(ledger.failures, verb) };
    if (verb === "Reboot") return { ...rebooted(), failures: cleared.failures };
    if (verb !== "Reconfigure") return cleared;
    const change = operation?.userData;
    const told = change === undefined
      ? cleared
      : { ...cleared, userData: { change, time: new Date(now).toISOString() } };
    return ledger.pendingPowerCycle?.wish === wish ? told : { ...told, appliedWish: wish };
  }

  function rebooted(): Ledger {
    return { ...ledger, lastReboot: { request: wish, time: new Date(now).toISOString() } };
  }
}

/** What the status says while `verb` is in flight. */
function verdictOf(verb: Verb, phase: Verdict["phase"] | undefined): Verdict {
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
