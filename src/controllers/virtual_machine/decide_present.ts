/** The next step for a VirtualMachine whose machine is there: power and shape. Pure. @module */
import { ADOPTED_LABEL, REBOOT_REQUESTED_AT_ANNOTATION, REMOVE_DISKS_ANNOTATION, VM_FINALIZER } from "@virtrigaud/api";
import type { MachineSpec, ObservedMachine, PowerOp } from "@virtrigaud/contract";
import type { Decision } from "./decision.ts";
import { type Differences, differencesOf } from "./differences.ts";
import { gateOf, reasonOf, retryDelayMs } from "./failure.ts";
import type { Problem, Verb, VmInput } from "./input.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";
import { tryDuration } from "./units.ts";

const DEFAULT_GRACE_MS = 60_000;

/** Reboot that was asked for, then the shape, then power; what cannot be done is said and the rest is done. */
export function decidePresent(input: VmInput, seen: ObservedMachine, before: Ledger): Decision {
  const { vm } = input;
  if (!vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "AddFinalizer" } };
  if (seen.ownerUid !== undefined && seen.ownerUid !== vm.metadata.uid) {
    return conclude(input, seen, before, {
      phase: "Failed",
      ready: false,
      reason: "NameConflict",
      message: `the VM ${seen.id} carries the mark of another object (${seen.ownerUid}) and is left alone`,
      stalled: true,
    });
  }
  const ledger = withoutStaleReboot(input, seen, before);
  const shape = shapeOf(input, seen);
  const power = powerStep(input, seen);
  if (power?.verb === "Reboot") return power.gated(ledger);

  // A suspended machine has to wake up before anything about it can change.
  if (shape.fields.length > 0 && seen.power !== "Suspended" && seen.power !== "Transitional") {
    const step = reconfigureStep(input, seen, ledger, shape);
    if (step !== undefined) return step;
  }
  const settledLedger = shape.fields.length > 0 ? ledger : withoutReconfigure(ledger);
  if (power !== undefined) return power.gated(settledLedger);
  return conclude(input, seen, settledLedger, restingVerdict(input, seen, settledLedger, shape), shape.waitMs);
}

type Shape = Differences & { readonly spec?: MachineSpec; readonly digest: string; readonly waitMs?: number };

function shapeOf(input: VmInput, seen: ObservedMachine): Shape {
  const { vm, wish, now, history } = input;
  if (wish.type !== "Resolved") return { fields: [], refused: [], keptDisks: [], digest: "" };
  const differences = differencesOf(wish.spec, seen, {
    adopted: vm.metadata.labels?.[ADOPTED_LABEL] === "true",
    removableDisks: new Set((vm.metadata.annotations?.[REMOVE_DISKS_ANNOTATION] ?? "").split(",").map((n) => n.trim())),
  });
  const spec = { ...wish.spec, disks: [...wish.spec.disks, ...differences.keptDisks] };
  const again = history !== undefined && history.digest === wish.digest && differences.fields.length > 0
    ? history.lastAt + retryDelayMs({ class: "Retryable" }, history.count) - now
    : 0;
  return { ...differences, spec, digest: wish.digest, ...(again > 0 ? { waitMs: again } : {}) };
}

function reconfigureStep(input: VmInput, seen: ObservedMachine, ledger: Ledger, shape: Shape): Decision | undefined {
  const { vm, now } = input;
  if (shape.spec === undefined || shape.waitMs !== undefined) return undefined;
  if (gateOf(ledger.failure, "Reconfigure", shape.digest, now).type === "Closed") return undefined;
  const pending = ledger.pendingPowerCycle?.wish === shape.digest ? ledger.pendingPowerCycle : undefined;
  if (pending !== undefined && seen.power === "On") {
    if (vm.spec.updatePolicy === "OnlineOnly") return undefined;
    return powerDecision(input, seen, ledger, "ShutdownGraceful", "Shutdown", {
      phase: "Reconfiguring",
      ready: false,
      reason: "ReconfigurePendingPowerCycle",
      message: `is shut down to change ${pending.fields.join(", ")}`,
    });
  }
  return {
    step: {
      type: "Reconfigure",
      operationId: `${vm.metadata.uid}/reconfigure/${input.nonce}`,
      vmId: seen.id,
      spec: shape.spec,
    },
    status: statusOf(vm, seen, ledger, {
      phase: "Reconfiguring",
      ready: false,
      reason: "Updating",
      message: `is being changed: ${shape.fields.join(", ")}`,
    }, now),
  };
}

interface PowerStep {
  readonly verb: Verb;
  gated(ledger: Ledger): Decision;
}

function powerStep(input: VmInput, seen: ObservedMachine): PowerStep | undefined {
  const { vm, now } = input;
  const wanted = vm.spec.powerState ?? "On";
  const step = (op: PowerOp, verb: Verb, message: string): PowerStep => ({
    verb,
    gated(ledger) {
      const gate = gateOf(ledger.failure, verb, powerWish(input), now);
      if (gate.type === "Closed") {
        return conclude(input, seen, ledger, {
          phase: phaseOf(seen),
          ready: false,
          reason: reasonOf(gate.failure),
          message: `${message} failed: ${gate.failure.message}`,
          stalled: gate.waitMs === undefined,
        }, gate.waitMs);
      }
      return powerDecision(input, seen, ledger, op, verb, {
        phase: phaseOf(seen),
        ready: false,
        reason: "PowerChanging",
        message: `${message} is under way`,
      });
    },
  });
  switch (seen.power) {
    case "On":
      if (wanted === "Off") return step("Off", "PowerOff", "powering off");
      if (wanted === "OffGraceful") return step("ShutdownGraceful", "Shutdown", "shutting down");
      return rebootRequest(input) === undefined ? undefined : step("Reboot", "Reboot", "rebooting");
    case "Off":
      return wanted === "On" ? step("On", "PowerOn", "powering on") : undefined;
    case "Suspended":
      return wanted === "On" ? step("On", "PowerOn", "resuming") : step("Off", "PowerOff", "powering off");
    case "Transitional":
    case "Unknown":
      return undefined;
  }
}

/** Digest of what power is wanted: a failure for one wish does not stand in the way of another. */
export function powerWish({ vm }: Pick<VmInput, "vm">): string {
  return `${vm.spec.powerState ?? "On"}/${vm.metadata.generation ?? 0}`;
}

function powerDecision(
  input: VmInput,
  seen: ObservedMachine,
  ledger: Ledger,
  op: PowerOp,
  verb: Verb,
  verdict: Verdict,
): Decision {
  const { vm, now } = input;
  const request = rebootRequest(input);
  const grace: Problem[] = [];
  return {
    step: {
      type: "Power",
      // A reboot is the one power change that is not idempotent by itself: its id is that of the request.
      operationId: verb === "Reboot"
        ? `${vm.metadata.uid}/reboot/${request}`
        : `${vm.metadata.uid}/power/${input.nonce}`,
      vmId: seen.id,
      op,
      verb,
      gracefulTimeoutMs: tryDuration(
        vm.spec.lifecycle?.gracefulShutdownTimeout ?? "60s",
        "spec.lifecycle.gracefulShutdownTimeout",
        grace,
      ) ??
        DEFAULT_GRACE_MS,
    },
    status: statusOf(vm, seen, ledger, verdict, now),
  };
}

/** Value of a reboot annotation that has not been answered yet. */
export function rebootRequest({ vm }: Pick<VmInput, "vm">): string | undefined {
  const request = vm.metadata.annotations?.[REBOOT_REQUESTED_AT_ANNOTATION];
  return request === undefined || request === "" || request === vm.status?.lastReboot?.request ? undefined : request;
}

/** A machine that is off starts anew anyway, which answers a reboot request. */
function withoutStaleReboot(input: VmInput, seen: ObservedMachine, ledger: Ledger): Ledger {
  const request = rebootRequest(input);
  if (request === undefined || seen.power !== "Off") return ledger;
  return { ...ledger, lastReboot: { request, time: new Date(input.now).toISOString() } };
}

function withoutReconfigure(ledger: Ledger): Ledger {
  return {
    ...ledger,
    pendingPowerCycle: undefined,
    ...(ledger.failure?.verb === "Reconfigure" || ledger.failure?.verb === "Create" ? { failure: undefined } : {}),
  };
}

function restingVerdict(input: VmInput, seen: ObservedMachine, ledger: Ledger, shape: Shape): Verdict {
  const { wish } = input;
  const phase = phaseOf(seen);
  const not = (reason: string, message: string, stalled = false): Verdict => ({
    phase,
    ready: false,
    reason,
    message,
    ...(stalled ? { stalled } : {}),
  });
  const list = (problems: readonly Problem[]) =>
    problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
  if (seen.attention !== undefined) return not("AttentionRequired", seen.attention, true);
  if (wish.type === "Missing") return not("WaitingForDependencies", list(wish.missing));
  if (wish.type === "Invalid") return not(wish.reason, list(wish.problems), true);
  if (shape.fields.length > 0) {
    const { failure, pendingPowerCycle } = ledger;
    if (failure?.verb === "Reconfigure" && failure.wish === shape.digest) {
      return not(reasonOf(failure), `changing the VM failed: ${failure.message}`, failure.retryAfter === undefined);
    }
    if (pendingPowerCycle?.wish === shape.digest) {
      return not(
        "ReconfigurePendingPowerCycle",
        `waits for the VM to be off, because spec.updatePolicy is OnlineOnly: ${pendingPowerCycle.fields.join(", ")}`,
      );
    }
    return not("Updating", `differs from what was asked for: ${shape.fields.join(", ")}`);
  }
  if (shape.refused.length > 0) return not("InvalidSpec", list(shape.refused), true);
  if (seen.power === "Transitional" || seen.power === "Unknown") {
    return not("PowerChanging", "the hypervisor reports no settled power state");
  }
  return {
    phase,
    ready: true,
    reason: "ReconcileSuccess",
    message: `the VM is ${seen.power === "On" ? "running" : "off"} as asked`,
  };
}

function phaseOf(seen: ObservedMachine): Verdict["phase"] {
  switch (seen.power) {
    case "On":
      return "Running";
    case "Off":
      return "Stopped";
    case "Suspended":
      return "Suspended";
    case "Transitional":
    case "Unknown":
      return "Unknown";
  }
}

function conclude(input: VmInput, seen: ObservedMachine, ledger: Ledger, verdict: Verdict, waitMs?: number): Decision {
  const gateWait = ledger.failure?.retryAfter === undefined
    ? undefined
    : Date.parse(ledger.failure.retryAfter) - input.now;
  const wait = waitMs ?? (verdict.ready || gateWait === undefined || gateWait <= 0 ? undefined : gateWait);
  return {
    step: { type: "Wait" },
    status: statusOf(input.vm, seen, ledger, verdict, input.now),
    ...(wait === undefined ? {} : { requeueAfterMs: wait }),
  };
}
