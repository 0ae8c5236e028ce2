/** What to say while nothing can be done about a VM. Pure. @module */
import { FORCE_DELETE_ANNOTATION } from "@virtrigaud/api";
import type { Decision } from "./decision.ts";
import { type Failure, reasonOf } from "./failure.ts";
import type { Verb, VmInput } from "./input.ts";
import { type Ledger, statusOf, type Verdict } from "./status.ts";

const HOW_TO_GIVE_UP = `to give the VM up, set the annotation ${FORCE_DELETE_ANNOTATION} to "true"`;

/** Says why and waits; `waitMs` absent: until something changes. */
export function hold(input: VmInput, ledger: Ledger, verdict: Verdict, waitMs?: number): Decision {
  return {
    step: { type: "Wait" },
    status: statusOf(input, undefined, ledger, verdict),
    ...(waitMs === undefined ? {} : { requeueAfterMs: waitMs }),
  };
}

/** The provider cannot be asked. */
export function unreachableVerdict({ vm, provider }: VmInput, message: string): Verdict {
  if (vm.metadata.deletionTimestamp !== undefined) {
    return {
      phase: "Deleting",
      ready: false,
      reason: provider.type === "NotFound" ? "ProviderNotFound" : "ProviderUnavailable",
      message: `the VM cannot be deleted: ${message}. The object stays until the provider is back; ${HOW_TO_GIVE_UP}`,
    };
  }
  return {
    phase: vm.status?.id === undefined ? "Pending" : vm.status.phase ?? "Unknown",
    ready: false,
    reason: "ProviderUnavailable",
    message: `Provider "${provider.name}" cannot be asked: ${message}`,
  };
}

const DOING: Readonly<Record<Verb, string>> = {
  Create: "creating the VM",
  Delete: "deleting the VM",
  PowerOn: "powering the VM on",
  PowerOff: "powering the VM off",
  Shutdown: "shutting the VM down",
  Reboot: "rebooting the VM",
  Reconfigure: "changing the VM",
};

/** What was being done when something failed. */
export function doing(verb: Verb): string {
  return DOING[verb];
}

/** A step that failed and is not tried now. */
export function failedVerdict(phase: Verdict["phase"], verb: Verb, failure: Failure): Verdict {
  return {
    phase,
    ready: false,
    reason: reasonOf(failure),
    message: `${doing(verb)} failed: ${failure.message}`,
    stalled: failure.retryAfter === undefined,
  };
}

/** Whether the machine may still be at the hypervisor of another Provider object than the present one. */
export function isElsewhere({ vm, provider }: VmInput): boolean {
  const { id, providerUID } = vm.status ?? {};
  return id !== undefined && providerUID !== undefined && provider.type === "Found" && provider.uid !== providerUID;
}

/** The VM was made through another Provider than it refers to now. */
export function elsewhereVerdict(input: VmInput, phase: Verdict["phase"]): Verdict {
  return {
    phase,
    ready: false,
    reason: "ProviderChanged",
    message:
      `the VM ${input.vm.status?.id} was made through another Provider object and "${input.provider.name}" does ` +
      `not have it: set spec.providerRef back; a VM does not move by changing it` +
      (phase === "Deleting" ? `; ${HOW_TO_GIVE_UP}` : ""),
    stalled: true,
  };
}
