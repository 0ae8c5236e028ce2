/** The next step for a VirtualMachine that is being deleted: the finalizer leaves only on proven absence. Pure. @module */
import { ADOPTED_LABEL, DELETE_ADOPTED_ANNOTATION, FORCE_DELETE_ANNOTATION, VM_FINALIZER } from "@virtrigaud/api";
import type { Decision } from "./decision.ts";
import { gateOf, reasonOf } from "./failure.ts";
import type { VmInput } from "./input.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";

/** Whether the machine stays when the object goes. An adopted one was there first and stays unless asked otherwise. */
export function retains({ vm }: Pick<VmInput, "vm">): boolean {
  if (vm.spec.deletionPolicy === "Retain") return true;
  return vm.metadata.labels?.[ADOPTED_LABEL] === "true" &&
    vm.metadata.annotations?.[DELETE_ADOPTED_ANNOTATION] !== "true";
}

/** Deletes the machine, proves that it is gone, lets the object go. */
export function decideDeletion(input: VmInput, ledger: Ledger): Decision {
  const { vm, machine, now } = input;
  if (!vm.metadata.finalizers?.includes(VM_FINALIZER)) return { step: { type: "Wait" } };
  if (retains(input)) return { step: { type: "RemoveFinalizer" } };

  const { id, phase } = vm.status ?? {};
  const forced = vm.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === "true";
  switch (machine.type) {
    case "Unreachable": {
      if (forced) return { step: { type: "RemoveFinalizer" } };
      return hold(input, ledger, {
        phase: "Deleting",
        ready: false,
        reason: input.provider.type === "NotFound" ? "ProviderNotFound" : "ProviderUnavailable",
        message:
          `the VM cannot be deleted: ${machine.message}. The object stays until the provider is back; to give the VM up, ` +
          `set the annotation ${FORCE_DELETE_ANNOTATION} to "true"`,
      });
    }
    case "Unsettled":
      return { step: { type: "Describe", ...(id === undefined ? {} : { vmId: id }) } };
    case "Absent":
      if (!machine.proven) return { step: { type: "Describe", ...(id === undefined ? {} : { vmId: id }) } };
      return { step: { type: "RemoveFinalizer" } };
    case "Present": {
      if (machine.vm.ownerUid !== undefined && machine.vm.ownerUid !== vm.metadata.uid) {
        // Not ours (any more): somebody else's mark is on it.
        return { step: { type: "RemoveFinalizer" } };
      }
      const gate = gateOf(ledger.failure, "Delete", "", now);
      if (gate.type === "Closed") {
        if (forced) return { step: { type: "RemoveFinalizer" } };
        return hold(input, ledger, {
          phase: "Deleting",
          ready: false,
          reason: reasonOf(gate.failure),
          message: `deleting the VM failed: ${gate.failure.message}`,
          stalled: gate.waitMs === undefined,
        }, gate.waitMs);
      }
      return {
        step: { type: "Delete", operationId: `${vm.metadata.uid}/delete/${input.nonce}`, vmId: machine.vm.id },
        status: statusOf(vm, phase === "Deleting" ? undefined : machine.vm, ledger, {
          phase: "Deleting",
          ready: false,
          reason: "Deleting",
          message: "the VM is being deleted",
        }, now),
      };
    }
  }
}

function hold(input: VmInput, ledger: Ledger, verdict: Verdict, waitMs?: number): Decision {
  return {
    step: { type: "Wait" },
    status: statusOf(input.vm, undefined, ledger, verdict, input.now),
    ...(waitMs === undefined ? {} : { requeueAfterMs: waitMs }),
  };
}
