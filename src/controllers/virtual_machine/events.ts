/** Events of a VirtualMachine: one for each change of state, found by comparing two statuses. Pure. @module */
import { getCondition, type VirtualMachineStatus } from "@virtrigaud/api";

/** An event to record on the VM. */
export interface VmEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** Reasons of `Ready` that tell of work going on. How it ends is an event; that it goes on would only double them. */
const UNDER_WAY = new Set(["Creating", "Updating", "TaskInProgress", "PowerChanging", "Deleting"]);
/** Reasons of `Ready` that tell of no trouble. */
const CALM = new Set(["ReconcileSuccess", "WaitingForDependencies", "ReconfigurePendingPowerCycle"]);

/** What happened between two statuses. */
export function eventsBetween(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): VmEvent[] {
  const events: VmEvent[] = [];
  const was = getCondition(before?.conditions, "Ready");
  const is = getCondition(after.conditions, "Ready");
  if (before?.id === undefined && after.id !== undefined) {
    events.push({ type: "Normal", reason: "Created", message: `the VM exists as ${after.id}` });
  }
  const power = after.powerState;
  if (power !== undefined && before?.powerState !== undefined && power !== before.powerState && power !== "Unknown") {
    const asked = before.operation !== undefined || was?.reason === "PowerChanging" ||
      was?.reason === "ReconfigurePendingPowerCycle" || before.phase === "Provisioning";
    events.push({
      type: asked ? "Normal" : "Warning",
      reason: power === "On" ? "PoweredOn" : power === "Off" ? "PoweredOff" : "PowerStateChanged",
      message: `power is ${power}, was ${before.powerState}${asked ? "" : ": changed outside of VirtRigaud"}`,
    });
  }
  if (is !== undefined && !UNDER_WAY.has(is.reason) && (was?.status !== is.status || was.reason !== is.reason)) {
    events.push({ type: CALM.has(is.reason) ? "Normal" : "Warning", reason: is.reason, message: is.message });
  }
  return events;
}
