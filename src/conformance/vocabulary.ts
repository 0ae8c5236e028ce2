/** What cases and their subject say to each other. @module */
import type { MachineSpec } from "@virtrigaud/contract";

/** What an error has to be. */
export interface ExpectedError {
  readonly reason?: string;
  /** The field has to begin with this, whether it is named from the request (`spec.name`) or from the wish (`name`). */
  readonly field?: string;
}

/** What cases may choose about a VM. */
export interface CreateOptions {
  readonly ownerUid?: string;
  readonly powerOn?: boolean;
}

/** A VM that a case has created. */
export interface CreatedVm {
  readonly vmId: string;
  readonly ownerUid: string;
  readonly spec: MachineSpec;
}

/** Shared by the cases of one run: fences never go back. */
export interface RunState {
  fence: number;
}
