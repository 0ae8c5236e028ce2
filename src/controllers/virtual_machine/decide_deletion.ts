/** The next step for a VirtualMachine that is being deleted: the finalizer leaves only on proven absence. Pure. @module */
import { ADOPTED_LABEL, DELETE_ADOPTED_ANNOTATION, FORCE_DELETE_ANNOTATION, VM_FINALIZER } from "@virtrigaud/api";
import type { Decision } from "./decision.ts";
import { gateOf } from "./failure.ts";
import type { VmInput } from "./input.ts";
import { type Ledger, statusOf } from "./status.ts";
import { elsewhereVerdict, failedVerdict, hold, isElsewhere, unreachableVerdict } from "./verdicts.ts";

/** Whether the machine stays when the object goes. An adopted one was there first and stays unless asked otherwise. */
export function retains({ vm }: Pick<VmInput, "vm">): boolean {
  if (vm.spec.deletionPolicy === "Retain") return true;
  return vm.metadata.labels?.[ADOPTED_LABEL] === "true" &&
    vm.metadata.annotations?.[DELETE_ADOPTED_ANNOTATION] !== "true";
}

/** Whether the object is to go even if the machine may stay. */
export function isForced({ vm }: Pick<VmInput, "vm">): boolean {
  return vm.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === "true";
}

/** Whether the object goes without anybody being asked, whatever is in flight. */
export function letGo(input: VmInput): boolean {
  if (!input.vm.metadata.finalizers?.includes(VM_FINALIZER)) return false;
  return retains(input) || (isForced(input) && input.machine.type === "Unreachable");
}

/** Deletes the machine, proves that it is gone, lets the object go. */
export function decideDeletion(input: VmInput, ledger: Ledger): Decision {
  const { vm, machine } = input;
  const { id, phase } = vm.status ?? {};
  switch (machine.type) {
    case "Connecting":
      return { step: { type: "Wait" } };
    case "Unreachable":
      return hold(input, ledger, unreachableVerdict(input, machine.message));
    case "Unsettled":
      return { step: { type: "Describe", ...(id === undefined ? {} : { vmId: id }) } };
    case "Absent":
      if (!machine.proven) {
        return { step: { type: "Describe", ...(id === undefined || machine.taken === true ? {} : { vmId: id }) } };
      }
      // That this provider does not have it proves nothing about the one that made it.
      if (isElsewhere(input) && !isForced(input)) return hold(input, ledger, elsewhereVerdict(input, "Deleting"));
      return { step: { type: "RemoveFinalizer" } };
    case "Present": {
      const gate = gateOf(ledger.failures, "Delete", "", input);
      if (gate.type === "Closed") {
        if (isForced(input)) return { step: { type: "RemoveFinalizer" } };
        return hold(input, ledger, failedVerdict("Deleting", "Delete", gate.failure), gate.waitMs);
      }
      return {
        step: {
          type: "Delete",
          operationId: `${vm.metadata.uid}/delete/${input.nonce}`,
          wish: "",
          vmId: machine.vm.id,
        },
        // Through which Provider it is deleted has to be known when it is gone: only that one's word is proof.
        status: statusOf(input, phase === "Deleting" && !isElsewhere(input) ? undefined : machine.vm, ledger, {
          phase: "Deleting",
          ready: false,
          reason: "Deleting",
          message: "the VM is being deleted",
        }),
      };
    }
  }
}
