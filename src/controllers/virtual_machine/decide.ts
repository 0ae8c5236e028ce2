/**
 * The next step for a VirtualMachine. A pure function: the same input gives the same answer, and asking has no effect,
 * so that running it without `act` is a plan.
 *
 * The order is that of harm: what is in flight is waited for first, then what is missing is settled, then power and
 * shape; a VM that cannot be decided on is left as it is.
 *
 * @module
 */
import { ADOPTED_LABEL, VM_FINALIZER } from "@virtrigaud/api";
import { decideDeletion, letGo } from "./decide_deletion.ts";
import { decidePresent } from "./decide_present.ts";
import type { Decision } from "./decision.ts";
import { gateOf } from "./failure.ts";
import type { VmInput } from "./input.ts";
import { type Settled, settleOperation } from "./operation.ts";
import { type Ledger, ledgerOf, listed, statusOf, type Verdict } from "./status.ts";
import { elsewhereVerdict, failedVerdict, hold, isElsewhere, unreachableVerdict } from "./verdicts.ts";

/** Answers with exactly one next step, the status to write and when to look again. */
export function decide(input: VmInput): Decision {
  const deleting = input.vm.metadata.deletionTimestamp !== undefined;
  if (deleting && letGo(input)) return { step: { type: "RemoveFinalizer" } };
  if (deleting && !input.vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "Wait" } };
  // In a moment everything is known; what is said now would be taken back then.
  if (input.machine.type === "Connecting" && input.wish.type === "Resolved") return { step: { type: "Wait" } };
  const settled = settleOperation(input);
  if (settled.type === "Waiting") return settled.decision;
  return deleting ? decideDeletion(input, settled.ledger) : decideLife(input, settled);
}

function decideLife(input: VmInput, settled: Extract<Settled, { type: "Idle" }>): Decision {
  const { vm, machine, wish } = input;
  const { ledger } = settled;
  switch (machine.type) {
    case "Unsettled":
      return { step: { type: "Describe", ...(vm.status?.id === undefined ? {} : { vmId: vm.status.id }) } };
    case "Present":
      return decidePresent(input, machine.vm, ledger);
    case "Absent": {
      if (!machine.proven || !settled.forgotten) return decideAbsent(input, machine, ledger);
      const { id: _, ...status } = vm.status ?? {};
      return decideAbsent({ ...input, vm: { ...vm, status } }, machine, ledger);
    }
    case "Connecting":
      return hold(input, ledger, wishVerdict(input));
    case "Unreachable": {
      // That a create came to nothing may be forgotten only with the machine that it named.
      const kept = settled.forgotten ? inFlight(input) : ledger;
      if (wish.type !== "Resolved") return hold(input, kept, wishVerdict(input));
      if (isSettled(input)) return { step: { type: "Wait" } };
      return hold(input, kept, unreachableVerdict(input, machine.message));
    }
  }
}

function decideAbsent(
  input: VmInput,
  machine: Extract<VmInput["machine"], { type: "Absent" }>,
  ledger: Ledger,
): Decision {
  const { vm, wish } = input;
  const { id } = vm.status ?? {};
  if (id !== undefined && !machine.proven) {
    return { step: { type: "Describe", ...(machine.taken === true ? {} : { vmId: id }) } };
  }
  if (isElsewhere(input)) return hold(input, ledger, elsewhereVerdict(input, "Missing"));
  if (id !== undefined && vm.spec.onMissing !== "Recreate") {
    return hold(input, ledger, {
      phase: "Missing",
      ready: false,
      reason: "Missing",
      message:
        `the VM ${id} is gone from the hypervisor: set spec.onMissing to Recreate to make a new one, or delete this object`,
      stalled: true,
    });
  }
  if (wish.type !== "Resolved") return hold(input, ledger, wishVerdict(input));
  if (vm.metadata.labels?.[ADOPTED_LABEL] === "true") {
    return hold(input, ledger, {
      phase: "Pending",
      ready: false,
      reason: "WaitingForDependencies",
      message: "adopts a VM that the provider does not report (yet); it is never created",
    });
  }
  const gate = gateOf(ledger.failures, "Create", wish.digest, input);
  if (gate.type === "Closed") return hold(input, ledger, failedVerdict("Failed", "Create", gate.failure), gate.waitMs);
  if (!vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "AddFinalizer" } };
  return {
    step: {
      type: "Create",
      operationId: `${vm.metadata.uid}/create/${input.nonce}`,
      wish: wish.digest,
      spec: wish.spec,
      powerOn: (vm.spec.powerState ?? "On") === "On",
    },
    status: statusOf(input, undefined, ledger, {
      phase: "Provisioning",
      ready: false,
      reason: "Creating",
      message: "the VM is being created",
    }),
  };
}

/** The bookkeeping as it stands, with what is in flight. */
function inFlight({ vm }: VmInput): Ledger {
  return { ...ledgerOf(vm.status), operation: vm.status?.operation };
}

/**
 * A VM that was Ready or Stalled for this very spec stays so while its provider cannot be asked: nothing speaks against
 * it. Every start of the manager begins so.
 */
function isSettled({ vm }: VmInput): boolean {
  return vm.status?.observedGeneration === vm.metadata.generation &&
    vm.status?.conditions?.some((c) => (c.type === "Ready" || c.type === "Stalled") && c.status === "True") === true;
}

/** What an unresolved wish means for a VM that does not exist yet. */
function wishVerdict({ wish, vm }: VmInput): Verdict {
  const phase = vm.status?.id === undefined ? "Pending" : vm.status.phase ?? "Unknown";
  switch (wish.type) {
    case "Missing":
      return { phase, ready: false, reason: "WaitingForDependencies", message: listed(wish.missing) };
    case "Invalid":
      return {
        phase: vm.status?.id === undefined ? "Failed" : phase,
        ready: false,
        reason: wish.reason,
        message: listed(wish.problems),
        stalled: true,
      };
    case "Resolved":
      return { phase, ready: false, reason: "Unknown", message: "" };
  }
}
