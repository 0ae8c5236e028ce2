/** The status of a VirtualMachine, out of what was seen and what was concluded. Pure. @module */
import {
  type Condition,
  type ConditionUpdate,
  removeCondition,
  setCondition,
  type VirtualMachine,
  type VirtualMachinePhase,
  type VirtualMachineStatus,
} from "@virtrigaud/api";
import type { ObservedMachine, PowerState } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";

/** What a look at the VM came to. */
export interface Verdict {
  readonly phase: VirtualMachinePhase;
  readonly ready: boolean;
  /** Reason of the `Ready` condition. */
  readonly reason: string;
  /** For people; also in `status.message`. */
  readonly message: string;
  /** Nothing goes on until somebody acts: what kstatus reports as failed. */
  readonly stalled?: boolean;
}

/** Bookkeeping that survives a restart of the manager. */
export type Ledger = Pick<VirtualMachineStatus, "operation" | "failure" | "pendingPowerCycle" | "lastReboot">;

/** Conditions that say `True` only while something is going on; absent otherwise. */
const PASSING: Readonly<Partial<Record<VirtualMachinePhase, string>>> = {
  Provisioning: "Provisioning",
  Reconfiguring: "Reconfiguring",
  Deleting: "Deleting",
};

/** The whole new status. Two looks at the same state give equal statuses, whatever the time. */
export function statusOf(
  vm: VirtualMachine,
  seen: ObservedMachine | undefined,
  ledger: Ledger,
  verdict: Verdict,
  now: number,
): VirtualMachineStatus {
  const before = vm.status ?? {};
  const generation = vm.metadata.generation ?? 0;
  const { operation: _o, failure: _f, pendingPowerCycle: _p, lastReboot: _r, ...kept } = before;
  return {
    ...kept,
    ...(seen === undefined ? {} : report(seen)),
    ...defined(ledger),
    ...optional("lastTaskRef", ledger.operation?.taskRef ?? before.lastTaskRef),
    phase: verdict.phase,
    message: verdict.message,
    observedGeneration: generation,
    conditions: conditionsOf(before.conditions ?? [], verdict, ledger, generation, now),
  };
}

/** What the hypervisor reports, in the words of the API. Replaces earlier reports as a whole. */
function report(seen: ObservedMachine): Partial<VirtualMachineStatus> {
  return {
    id: seen.id,
    powerState: powerOf(seen.power),
    ips: [...seen.ips],
    currentResources: { cpu: seen.cpus, memoryMiB: seen.memoryMib },
    disks: seen.disks.map((disk) => ({
      name: disk.name,
      id: disk.id,
      sizeGiB: Math.ceil(disk.sizeGib),
      ...optional("path", disk.path),
    })),
    networks: seen.nics.map((nic) => ({
      name: nic.name,
      mac: nic.mac,
      ips: [...nic.ips],
      ...optional("network", nic.network),
    })),
    guest: {
      agent: seen.guest.agent === "Running" ? "Connected" : seen.guest.agent === "Unknown" ? "Unknown" : "NotConnected",
      ...optional("hostname", seen.guest.hostname),
      ...optional("os", seen.guest.os),
    },
    provider: { ...seen.details },
    ...optional("host", seen.placement?.host),
    ...optional("consoleURL", seen.consoleUrl),
  };
}

function powerOf(power: PowerState): "On" | "Off" | "Suspended" | "Unknown" {
  return power === "Transitional" ? "Unknown" : power;
}

function conditionsOf(
  before: readonly Condition[],
  verdict: Verdict,
  ledger: Ledger,
  observedGeneration: number,
  now: number,
): Condition[] {
  let conditions: readonly Condition[] = before;
  const set = (update: Omit<ConditionUpdate, "observedGeneration">) => {
    conditions = setCondition(conditions, { ...update, observedGeneration }, now);
  };
  const { reason, message } = verdict;
  set({ type: "Ready", status: verdict.ready ? "True" : "False", reason, message });
  const current = PASSING[verdict.phase];
  for (const type of Object.values(PASSING)) {
    if (type === current) set({ type, status: "True", reason, message });
    else conditions = removeCondition(conditions, type);
  }
  if (ledger.pendingPowerCycle !== undefined) {
    set({
      type: "ReconfigurePendingPowerCycle",
      status: "True",
      reason: "PowerCycleRequired",
      message: `waits for the VM to be off: ${ledger.pendingPowerCycle.fields.join(", ")}`,
    });
  } else conditions = removeCondition(conditions, "ReconfigurePendingPowerCycle");
  if (verdict.stalled === true) set({ type: "Stalled", status: "True", reason, message });
  else conditions = removeCondition(conditions, "Stalled");
  return [...conditions];
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
