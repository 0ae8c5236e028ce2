/** The answer of `decide`. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import type { Step } from "./input.ts";

/** One step, what the status says meanwhile, and when to look again if nothing wakes the VM earlier. */
export interface Decision {
  readonly step: Step;
  /** Absent: the status stays as it is. Written after the step, together with what the step brought. */
  readonly status?: VirtualMachineStatus;
  /** Milliseconds; absent: not before something changes. */
  readonly requeueAfterMs?: number;
}
