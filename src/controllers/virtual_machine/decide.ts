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
import { decideDeletion } from "./decide_deletion.ts";
import { decidePresent } from "./decide_present.ts";
import type { Decision } from "./decision.ts";
import { gateOf, reasonOf } from "./failure.ts";
import type { VmInput } from "./input.ts";
import { type Settled, settleOperation } from "./operation.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";

/** Answers with exactly one next step, the status to write and when to look again. */
export function decide(input: VmInput): Decision {
  const settled = settleOperation(input);
  if (settled.type === "Waiting") return settled.decision;
  if (input.vm.metadata.deletionTimestamp !== undefined) return decideDeletion(input, settled.ledger);
  return decideLife(input, settled);
}

function decideLife(input: VmInput, settled: Extract<Settled, { type: "Idle" }>): Decision {
  const { vm, machine, provider, wish } = input;
  const { ledger } = settled;
  switch (machine.type) {
    case "Unsettled":
      return { step: { type: "Describe", ...(vm.status?.id === undefined ? {} : { vmId: vm.status.id }) } };
    case "Present":
      return decidePresent(input, machine.vm, ledger);
    case "Absent": {
      if (!machine.proven || !settled.forgotten) return decideAbsent(input, ledger);
      const { id: _, ...status } = vm.status ?? {};
      return decideAbsent({ ...input, vm: { ...vm, status } }, ledger);
    }
    case "Unreachable": {
      if (wish.type !== "Resolved") return hold(input, ledger, wishVerdict(input));
      if (isSettled(input)) return { step: { type: "Wait" } };
      return hold(input, ledger, {
        phase: vm.status?.id === undefined ? "Pending" : vm.status.phase ?? "Unknown",
        ready: false,
        reason: "ProviderUnavailable",
        message: `Provider "${provider.name}" cannot be asked: ${machine.message}`,
      });
    }
  }
}

function decideAbsent(input: VmInput, ledger: Ledger): Decision {
  const { vm, machine, wish, now } = input;
  const { id } = vm.status ?? {};
  if (id !== undefined && machine.type === "Absent" && !machine.proven) return { step: { type: "Describe", vmId: id } };
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
  const gate = gateOf(ledger.failure, "Create", wish.digest, now);
  if (gate.type === "Closed") {
    return hold(input, ledger, {
      phase: "Failed",
      ready: false,
      reason: reasonOf(gate.failure),
      message: `creating the VM failed: ${gate.failure.message}`,
      stalled: gate.waitMs === undefined,
    }, gate.waitMs);
  }
  if (!vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "AddFinalizer" } };
  return {
    step: {
      type: "Create",
      operationId: `${vm.metadata.uid}/create/${input.nonce}`,
      spec: wish.spec,
      powerOn: (vm.spec.powerState ?? "On") === "On",
    },
    status: statusOf(vm, undefined, ledger, {
      phase: "Provisioning",
      ready: false,
      reason: "Creating",
      message: "the VM is being created",
    }, now),
  };
}

/** A VM that was Ready for this very spec stays so while its provider cannot be asked: nothing speaks against it. */
function isSettled({ vm }: VmInput): boolean {
  return vm.status?.observedGeneration === vm.metadata.generation &&
    vm.status?.conditions?.some((c) => c.type === "Ready" && c.status === "True") === true;
}

/** What an unresolved wish means for a VM that does not exist yet. */
function wishVerdict({ wish, vm }: VmInput): Verdict {
  const phase = vm.status?.id === undefined ? "Pending" : vm.status.phase ?? "Unknown";
  switch (wish.type) {
    case "Missing":
      return {
        phase,
        ready: false,
        reason: "WaitingForDependencies",
        message: wish.missing.map(({ field, message }) => `${field}: ${message}`).join("; "),
      };
    case "Invalid":
      return {
        phase: vm.status?.id === undefined ? "Failed" : phase,
        ready: false,
        reason: wish.reason,
        message: wish.problems.map(({ field, message }) => `${field}: ${message}`).join("; "),
        stalled: true,
      };
    case "Resolved":
      return { phase, ready: false, reason: "Unknown", message: "" };
  }
}

function hold(input: VmInput, ledger: Ledger, verdict: Verdict, waitMs?: number): Decision {
  return {
    step: { type: "Wait" },
    status: statusOf(input.vm, undefined, ledger, verdict, input.now),
    ...(waitMs === undefined ? {} : { requeueAfterMs: waitMs }),
  };
}
