/** Events of a VirtualMachine: one for each change of state, found by comparing two statuses. Pure. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import { retains } from "./decide_deletion.ts";
import type { VmInput } from "./input.ts";
import { isElsewhere } from "./verdicts.ts";
import { getCondition } from "@virtrigaud/runtime";

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

/** Why the object is let go. */
export function releaseEvent(input: VmInput): VmEvent {
  const { machine, vm } = input;
  const id = vm.status?.id;
  if (retains(input)) {
    return { type: "Normal", reason: "Retained", message: `the VM ${id} stays at the hypervisor, unmanaged` };
  }
  if (machine.type === "Absent" && !isElsewhere(input)) {
    return { type: "Normal", reason: "Deleted", message: `the VM ${id} is gone from the hypervisor` };
  }
  return {
    type: "Warning",
    reason: "ForceDeleted",
    message: `the object was let go on request although the VM ${id} may still exist`,
  };
}

/** What happened between two statuses. */
export function eventsBetween(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): VmEvent[] {
  const events: VmEvent[] = [];
  const was = getCondition(before?.conditions, "Ready");
  const is = getCondition(after.conditions, "Ready");
  const isCreated = isBorn(after) && !isBorn(before);
  if (isCreated) {
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
  const { userData } = after;
  if (userData !== undefined && userData.time !== before?.userData?.time) {
    const message = userData.change === "Replaced"
      ? "user-data, meta-data or addresses of the VM were replaced: the guest sees them when it boots next"
      : "user-data was taken away from the VM: the guest finds none when it boots next";
    events.push({ type: "Normal", reason: `UserData${userData.change}`, message });
  }
  const held = getCondition(after.conditions, "UserDataHeld");
  if (held !== undefined && getCondition(before?.conditions, "UserDataHeld")?.reason !== held.reason) {
    events.push({ type: "Warning", reason: `UserData${held.reason}`, message: held.message });
  }
  const reboot = after.failures?.find(({ verb }) => verb === "Reboot");
  if (reboot !== undefined && !before?.failures?.some((f) => f.verb === "Reboot" && f.attempt === reboot.attempt)) {
    events.push({ type: "Warning", reason: "RebootFailed", message: reboot.message });
  }
  // A new VM that is as it was asked for is one piece of news, not two.
  if (isCreated && is?.status === "True") return events;
  if (is !== undefined && !UNDER_WAY.has(is.reason) && (was?.status !== is.status || was.reason !== is.reason)) {
    events.push({ type: CALM.has(is.reason) ? "Normal" : "Warning", reason: is.reason, message: is.message });
  }
  return events;
}

/** Its creation is over, and the machine was seen. */
function isBorn(status: VirtualMachineStatus | undefined): boolean {
  return status?.id !== undefined && status.powerState !== undefined && status.operation?.verb !== "Create";
}
