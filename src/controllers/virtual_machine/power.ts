/** What power a machine needs, and the step towards it. Pure. @module */
import { FORCE_SYNC_ANNOTATION, REBOOT_REQUESTED_AT_ANNOTATION, type VirtualMachine } from "@virtrigaud/api";
import type { ObservedMachine, PowerOp } from "@virtrigaud/contract";
import { digestOf } from "../shared/digest.ts";
import type { Decision } from "./decision.ts";
import type { PowerVerb, Problem, VmInput } from "./input.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";
import { tryDuration } from "./units.ts";

const DEFAULT_GRACE_MS = 60_000;

/** A change of power. */
export interface PowerNeed {
  readonly verb: PowerVerb;
  readonly op: PowerOp;
  /** What it carries out; a failure for one wish does not stand in the way of another. */
  readonly wish: string;
  /** Replaces what the status says meanwhile. */
  readonly reason?: { readonly phase: Verdict["phase"]; readonly reason: string; readonly message: string };
}

/** What stands between the power that is and the one that is wanted. */
export function powerNeed({ vm }: VmInput, seen: ObservedMachine, ledger: Ledger): PowerNeed | undefined {
  const wanted = vm.spec.powerState ?? "On";
  const wish = `${wanted}/${vm.metadata.generation ?? 0}/${vm.metadata.annotations?.[FORCE_SYNC_ANNOTATION] ?? ""}`;
  switch (seen.power) {
    case "On": {
      if (wanted === "Off") return { verb: "PowerOff", op: "Off", wish };
      if (wanted === "OffGraceful") return { verb: "Shutdown", op: "ShutdownGraceful", wish };
      const request = rebootRequest(vm, ledger);
      return request === undefined ? undefined : { verb: "Reboot", op: "Reboot", wish: request };
    }
    case "Off":
      return wanted === "On" ? { verb: "PowerOn", op: "On", wish } : undefined;
    case "Suspended":
      return wanted === "On" ? { verb: "PowerOn", op: "On", wish } : { verb: "PowerOff", op: "Off", wish };
    case "Transitional":
    case "Unknown":
      return undefined;
  }
}

/** The shutdown that a change needs which cannot be made while the VM runs. */
export function shutdownFor(shape: string, fields: readonly string[]): PowerNeed {
  const reason = {
    phase: "Reconfiguring",
    reason: "ReconfigurePendingPowerCycle",
    message: `is shut down to change ${fields.join(", ")}`,
  } as const;
  return { verb: "Shutdown", op: "ShutdownGraceful", wish: shape, reason };
}

const MESSAGES: Readonly<Record<PowerVerb, string>> = {
  PowerOn: "is being powered on",
  PowerOff: "is being powered off",
  Shutdown: "is being shut down",
  Reboot: "is being rebooted",
};

/** The step towards `need`. */
export function powerDecision(input: VmInput, seen: ObservedMachine, ledger: Ledger, need: PowerNeed): Decision {
  const { vm, nonce } = input;
  const { verb, op, wish } = need;
  const ignored: Problem[] = [];
  const grace = vm.spec.lifecycle?.gracefulShutdownTimeout ?? "60s";
  const attempt = (ledger.failures?.find((failure) => failure.verb === verb && failure.wish === wish)?.attempt ?? 0) +
    1;
  const phase = seen.power === "On" ? "Running" : seen.power === "Suspended" ? "Suspended" : "Stopped";
  return {
    step: {
      type: "Power",
      // A reboot is the one change of power that is not idempotent by itself: its id is that of the request.
      operationId: `${vm.metadata.uid}/${verb === "Reboot" ? `reboot/${digestOf(wish)}/${attempt}` : `power/${nonce}`}`,
      wish,
      vmId: seen.id,
      op,
      verb,
      gracefulTimeoutMs: tryDuration(grace, "spec.lifecycle.gracefulShutdownTimeout", ignored) ?? DEFAULT_GRACE_MS,
    },
    status: statusOf(input, seen, ledger, {
      ready: false,
      ...(need.reason ?? { phase, reason: "PowerChanging", message: MESSAGES[verb] }),
    }),
  };
}

/** Value of a reboot annotation that has not been answered yet. */
export function rebootRequest(vm: VirtualMachine, { lastReboot }: Pick<Ledger, "lastReboot">): string | undefined {
  const request = vm.metadata.annotations?.[REBOOT_REQUESTED_AT_ANNOTATION];
  return request === undefined || request === "" || request === lastReboot?.request ? undefined : request;
}

/** A machine that is off starts anew anyway, which answers a reboot request. */
export function answeredByPowerOff(input: VmInput, seen: ObservedMachine, ledger: Ledger): Ledger {
  const request = rebootRequest(input.vm, ledger);
  if (request === undefined || seen.power !== "Off") return ledger;
  return { ...ledger, lastReboot: { request, time: new Date(input.now).toISOString() } };
}
