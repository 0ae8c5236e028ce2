/** The status of a VirtualMachine, out of what was seen and what was concluded. Pure. @module */
import type { Condition, VirtualMachinePhase, VirtualMachineStatus } from "@virtrigaud/api";
import type { ObservedMachine, PowerState } from "@virtrigaud/contract";
import { removeCondition, setCondition } from "@virtrigaud/runtime";
import { optional } from "../shared/optional.ts";
import type { Problem, VmInput, Wish } from "./input.ts";

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
export type Ledger = Pick<
  VirtualMachineStatus,
  "operation" | "failures" | "pendingPowerCycle" | "lastReboot" | "appliedWish" | "userData"
>;

/** The bookkeeping of a status, but for what is in flight. */
export function ledgerOf(status: VirtualMachineStatus | undefined): Ledger {
  const { failures, pendingPowerCycle, lastReboot, appliedWish, userData } = status ?? {};
  return { failures, pendingPowerCycle, lastReboot, appliedWish, userData };
}

/** Conditions that say `True` only while something is going on; absent otherwise. */
const PASSING: Readonly<Partial<Record<VirtualMachinePhase, string>>> = {
  Provisioning: "Provisioning",
  Reconfiguring: "Reconfiguring",
  Deleting: "Deleting",
};

/** The whole new status. Two looks at the same state give equal statuses, whatever the time. */
export function statusOf(
  { vm, now, provider, wish }: Pick<VmInput, "vm" | "now" | "provider" | "wish">,
  seen: ObservedMachine | undefined,
  ledger: Ledger,
  verdict: Verdict,
): VirtualMachineStatus {
  const before = vm.status ?? {};
  const generation = vm.metadata.generation ?? 0;
  const { operation: _o, failures: _f, pendingPowerCycle: _p, lastReboot: _r, appliedWish: _a, userData: _u, ...kept } =
    before;
  return {
    ...(seen !== undefined ? withoutReport(kept) : verdict.phase === "Missing" ? goneReport(kept) : kept),
    ...(seen === undefined ? {} : report(seen)),
    ...(seen === undefined || provider.type !== "Found" ? {} : { providerUID: provider.uid }),
    ...defined({ ...ledger, failures: ledger.failures?.length === 0 ? undefined : ledger.failures }),
    ...optional("lastTaskRef", ledger.operation?.taskRef ?? before.lastTaskRef),
    phase: verdict.phase,
    message: verdict.message,
    observedGeneration: generation,
    conditions: conditionsOf(before.conditions ?? [], { verdict, ledger, wish }, generation, now),
  };
}

/** What was reported earlier goes as a whole: a host that is not named any more is not the host any more. */
function withoutReport(status: VirtualMachineStatus): VirtualMachineStatus {
  const { host: _h, consoleURL: _c, ...rest } = status;
  return rest;
}

/** Of a machine that is gone, what it was stays for people who look for it; what it did does not. */
function goneReport(status: VirtualMachineStatus): VirtualMachineStatus {
  const { ips: _i, guest: _g, networks: _n, ...rest } = withoutReport(status);
  return { ...rest, powerState: "Unknown" };
}

/** What the hypervisor reports, in the words of the API. */
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

/** Longest message that the API takes; a provider's error may be longer. */
const MAX_MESSAGE = 32_768;

function conditionsOf(
  before: readonly Condition[],
  { verdict, ledger, wish }: { readonly verdict: Verdict; readonly ledger: Ledger; readonly wish: Wish },
  observedGeneration: number,
  now: number,
): Condition[] {
  let conditions = before;
  const set = (type: string, status: "True" | "False", reason: string, message: string) => {
    const update = { type, status, reason, message: message.slice(0, MAX_MESSAGE), observedGeneration };
    conditions = setCondition<Condition>(conditions, update, now);
  };
  const drop = (type: string) => {
    conditions = removeCondition(conditions, type);
  };
  const { reason, message } = verdict;
  set("Ready", verdict.ready ? "True" : "False", reason, message);
  const current = PASSING[verdict.phase];
  for (const type of Object.values(PASSING)) {
    if (type === current) set(type, "True", reason, message);
    else drop(type);
  }
  const waiting = ledger.pendingPowerCycle?.fields.join(", ");
  if (waiting === undefined) drop("ReconfigurePendingPowerCycle");
  else set("ReconfigurePendingPowerCycle", "True", "PowerCycleRequired", `waits for the VM to be off: ${waiting}`);
  if (wish.type === "Resolved" && wish.init.type !== "Unknown") {
    if (wish.init.type === "Known") drop("UserDataHeld");
    else set("UserDataHeld", "True", wish.init.reason, `${listed(wish.init.problems)}; the VM keeps what it has`);
  }
  if (verdict.stalled === true) set("Stalled", "True", reason, message);
  else drop("Stalled");
  return [...conditions];
}

/** Problems as one line. */
export function listed(problems: readonly Problem[]): string {
  return problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}
