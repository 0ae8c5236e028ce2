/** The next step for a VirtualMachine whose machine is there: power and shape. Pure. @module */
import { ADOPTED_LABEL, type VirtualMachine, VM_FINALIZER } from "@virtrigaud/api";
import type { ObservedMachine } from "@virtrigaud/contract";
import type { Decision } from "./decision.ts";
import { gateOf } from "./failure.ts";
import type { VmInput } from "./input.ts";
import { answeredByPowerOff, powerDecision, type PowerNeed, powerNeed, shutdownFor } from "./power.ts";
import { type Shape, shapeOf, UNRECORDED_WISH } from "./shape.ts";
import { type Ledger, listed, statusOf, type Verdict } from "./status.ts";
import { failedVerdict, hold } from "./verdicts.ts";

/** Reboot that was asked for, then the shape, then power; what cannot be done is said and the rest is done. */
export function decidePresent(input: VmInput, seen: ObservedMachine, before: Ledger): Decision {
  if (!input.vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "AddFinalizer" } };
  if (isBeingBorn(input.vm, seen)) return hold(withoutId(input), before, BEING_BORN);
  const answered = answeredByPowerOff(input, seen, withWish(input.vm, seen, before));
  const shape = shapeOf(input, seen, answered);
  const need = powerNeed(input, seen, answered);
  const ledger = tidied(answered, shape, need);
  const open = need !== undefined && gateOf(ledger.failures, need.verb, need.wish, input).type === "Open";
  // Off comes before changes, which are easier then; on comes after them.
  if (need !== undefined && open && need.verb !== "PowerOn") return powerDecision(input, seen, ledger, need);
  if (shape.differs && seen.power !== "Suspended" && seen.power !== "Transitional") {
    const step = reconfigureStep(input, seen, ledger, shape, need);
    if (step !== undefined) return step;
  }
  if (need !== undefined && open) return powerDecision(input, seen, ledger, need);
  return rest(input, seen, ledger, shape, need);
}

function reconfigureStep(
  input: VmInput,
  seen: ObservedMachine,
  ledger: Ledger,
  shape: Shape,
  need: PowerNeed | undefined,
): Decision | undefined {
  const { vm } = input;
  if (shape.spec === undefined || shape.init === "Unknown") return undefined;
  if (gateOf(ledger.failures, "Reconfigure", shape.digest, input).type === "Closed") return undefined;
  const pending = ledger.pendingPowerCycle;
  if (pending !== undefined && seen.power !== "Off") {
    // A VM that is to be off anyway has failed to go off, and one more way to ask would not help.
    if (!shape.mayPowerCycle || need?.verb === "PowerOff" || need?.verb === "Shutdown") return undefined;
    const shutdown = shutdownFor(shape.digest, pending.fields);
    return gateOf(ledger.failures, shutdown.verb, shutdown.wish, input).type === "Closed"
      ? undefined
      : powerDecision(input, seen, ledger, shutdown);
  }
  // A VM that is off for this change is not left off for the sake of patience.
  if (shape.waitMs !== undefined && pending === undefined) return undefined;
  if (shape.init === "Unread") return { step: { type: "ReadGuestInit" } };
  return {
    step: {
      type: "Reconfigure",
      operationId: `${vm.metadata.uid}/reconfigure/${input.nonce}`,
      wish: shape.digest,
      vmId: seen.id,
      spec: shape.spec,
      followGuestInit: shape.init === "Follow",
    },
    status: statusOf(input, seen, ledger, {
      phase: "Reconfiguring",
      ready: false,
      reason: "Updating",
      message: `is being changed: ${shape.fields.join(", ")}`,
    }),
  };
}

const BEING_BORN: Verdict = {
  phase: "Provisioning",
  ready: false,
  reason: "Creating",
  message: "the VM is being created",
};

/**
 * A machine whose making was not written down and still goes on. It is nothing to hold on to yet: should it come to
 * nothing, no machine was lost and another one is made.
 */
function isBeingBorn({ metadata, status }: VirtualMachine, seen: ObservedMachine): boolean {
  const isUnsettled = seen.power === "Transitional" && seen.attention === undefined;
  return isUnsettled && status?.id !== seen.id && metadata.labels?.[ADOPTED_LABEL] !== "true";
}

/** What the id stood for came to nothing or is gone. */
function withoutId(input: VmInput): VmInput {
  const { id: _, ...status } = input.vm.status ?? {};
  return { ...input, vm: { ...input.vm, status } };
}

/**
 * A machine of ours that shows up for the first time although nobody wrote down that it was made, or in the place of
 * another one: what it was given does not all show.
 */
function withWish({ metadata, status }: VirtualMachine, seen: ObservedMachine, ledger: Ledger): Ledger {
  const isRecorded = status?.id === undefined ? ledger.appliedWish !== undefined : status.id === seen.id;
  return isRecorded || metadata.labels?.[ADOPTED_LABEL] === "true"
    ? ledger
    : { ...ledger, appliedWish: UNRECORDED_WISH };
}

/** Bookkeeping without what no longer matters: another wish's failures, a change that is made. */
function tidied(ledger: Ledger, shape: Shape, need: PowerNeed | undefined): Ledger {
  const pending = shape.differs && ledger.pendingPowerCycle?.wish === shape.digest
    ? ledger.pendingPowerCycle
    : undefined;
  const failures = ledger.failures?.filter(({ verb, wish }) =>
    (verb === "Reconfigure" && shape.differs && wish === shape.digest) ||
    (verb === "Shutdown" && pending !== undefined && wish === shape.digest) ||
    (verb === need?.verb && wish === need.wish)
  );
  const isMade = shape.spec !== undefined && !shape.differs;
  return { ...ledger, failures, pendingPowerCycle: pending, ...(isMade ? { appliedWish: shape.digest } : {}) };
}

function rest(
  input: VmInput,
  seen: ObservedMachine,
  ledger: Ledger,
  shape: Shape,
  need: PowerNeed | undefined,
): Decision {
  const verdict = restingVerdict(input, seen, ledger, shape, need);
  const waits = [
    shape.waitMs,
    ...(ledger.failures ?? []).map(({ retryAfter }) =>
      retryAfter === undefined ? undefined : Date.parse(retryAfter) - input.now
    ),
  ].filter((ms): ms is number => ms !== undefined && ms > 0);
  return {
    step: { type: "Wait" },
    status: statusOf(input, seen, ledger, verdict),
    ...(waits.length === 0 ? {} : { requeueAfterMs: Math.min(...waits) }),
  };
}

function restingVerdict(
  input: VmInput,
  seen: ObservedMachine,
  { failures = [], pendingPowerCycle }: Ledger,
  shape: Shape,
  need: PowerNeed | undefined,
): Verdict {
  const { wish } = input;
  const phase = phaseOf(seen);
  const not = (reason: string, message: string, stalled = false): Verdict => ({
    phase,
    ready: false,
    reason,
    message,
    ...(stalled ? { stalled } : {}),
  });
  if (seen.attention !== undefined) return not("AttentionRequired", seen.attention, true);
  if (wish.type === "Missing") return not("WaitingForDependencies", listed(wish.missing));
  if (wish.type === "Invalid") return not(wish.reason, listed(wish.problems), true);
  const failure = failures.find(({ verb }) => verb === "Reconfigure") ?? failures[0];
  if (failure !== undefined) {
    const verb = failure.verb === "Reconfigure" ? "Reconfigure" : failure.verb === "Shutdown" ? "Shutdown" : need?.verb;
    return failedVerdict(phase, verb ?? "Reconfigure", failure);
  }
  if (pendingPowerCycle !== undefined) {
    return not(
      "ReconfigurePendingPowerCycle",
      `waits for the VM to be off, ${shape.whyNoPowerCycle}: ${pendingPowerCycle.fields.join(", ")}`,
    );
  }
  if (shape.differs) return not("Updating", `differs from what was asked for: ${shape.fields.join(", ")}`);
  if (shape.refused.length > 0) return not("InvalidSpec", listed(shape.refused), true);
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

/** Phase of a VM that nothing is being done to. */
export function phaseOf(seen: ObservedMachine): Verdict["phase"] {
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
