/** What a decision about a VirtualMachine is made from: gathered by `observe`, read by `decide`. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import type { MachineSpec, ObservedMachine, PowerOp, TaskRef, TaskStatus } from "@virtrigaud/contract";

/** A field that cannot be honoured, and what to do about it. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** What the objects add up to. */
export type Wish =
  | { readonly type: "Resolved"; readonly spec: MachineSpec; readonly digest: string }
  /** Something that the object refers to is not there (yet); the controller is woken when it appears. */
  | { readonly type: "Missing"; readonly missing: readonly Problem[] }
  /** The objects are there but can never work together. */
  | {
    readonly type: "Invalid";
    readonly reason: "InvalidSpec" | "UnsupportedField";
    readonly problems: readonly Problem[];
  };

/** The provider of the VM, as far as a decision needs to know. */
export type ProviderView =
  | { readonly type: "NotFound"; readonly name: string }
  | {
    readonly type: "Found";
    readonly name: string;
    readonly providerType: string;
    /** How long to trust a running task before asking again, milliseconds: long where task ends are pushed. */
    readonly taskPollMs: number;
  };

/** What is known of the VM at the hypervisor. */
export type MachineView =
  /** The provider cannot be asked now. Says nothing about the VM. */
  | { readonly type: "Unreachable"; readonly message: string }
  /** Something was changed and the change has not been seen yet: ask before deciding. */
  | { readonly type: "Unsettled" }
  /** Not in the inventory. `proven` once the provider itself said so. */
  | { readonly type: "Absent"; readonly proven: boolean }
  | { readonly type: "Present"; readonly vm: ObservedMachine };

/** What is known of the task that the status names. */
export type TaskView =
  | { readonly type: "Known"; readonly status: TaskStatus; readonly ageMs: number }
  /** The provider does not know it any more (restart); only the hypervisor's state tells how it ended. */
  | { readonly type: "Forgotten" }
  /** Nobody asked yet. */
  | { readonly type: "Unasked" };

/** How often the present wish was applied without the difference going away; kept in memory against endless loops. */
export interface ReconfigureHistory {
  readonly digest: string;
  readonly count: number;
  readonly lastAt: number;
}

/** One immutable picture of everything that matters. */
export interface VmInput {
  readonly vm: VirtualMachine;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Unique to this reconcile: makes operation ids that are new for every intent. */
  readonly nonce: string;
  readonly provider: ProviderView;
  readonly wish: Wish;
  readonly machine: MachineView;
  readonly task: TaskView;
  readonly history?: ReconfigureHistory;
}

/** What can be in flight, as `status.operation.verb` names it. */
export type Verb = "Create" | "Delete" | "PowerOn" | "PowerOff" | "Shutdown" | "Reboot" | "Reconfigure";

/** Exactly one next step. */
export type Step =
  | { readonly type: "Wait" }
  | { readonly type: "AddFinalizer" }
  | { readonly type: "RemoveFinalizer" }
  /** Ask the provider for the VM: proof of absence, or its state after a change. */
  | { readonly type: "Describe"; readonly vmId?: string }
  | { readonly type: "PollTask"; readonly task: TaskRef }
  | { readonly type: "Create"; readonly operationId: string; readonly spec: MachineSpec; readonly powerOn: boolean }
  | { readonly type: "Delete"; readonly operationId: string; readonly vmId: string }
  | {
    readonly type: "Power";
    readonly operationId: string;
    readonly vmId: string;
    readonly op: PowerOp;
    readonly verb: Verb;
    readonly gracefulTimeoutMs: number;
  }
  | { readonly type: "Reconfigure"; readonly operationId: string; readonly vmId: string; readonly spec: MachineSpec };
