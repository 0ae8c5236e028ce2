/** What a decision about a VirtualMachine is made from: gathered by `observe`, read by `decide`. @module */
import type { VirtualMachine } from "@virtrigaud/api";
import type { MachineSpec, ObservedMachine, PowerOp, TaskRef, TaskStatus } from "@virtrigaud/contract";

/** A field that cannot be honoured, and what to do about it. */
export interface Problem {
  readonly field: string;
  readonly message: string;
}

/** What is known of the first-boot configuration that a VM is to have. */
export type InitView =
  /** Its Secrets have not been looked for yet. */
  | { readonly type: "Unknown" }
  /** It cannot be had, or not be given to a machine that exists, which keeps what it has. */
  | {
    readonly type: "Held";
    readonly reason: "SecretMissing" | "InvalidUserData" | "NotSupported";
    readonly problems: readonly Problem[];
  }
  /** `version`: {@linkcode initVersion}. `read`: the specification has its content. */
  | { readonly type: "Known"; readonly version: string; readonly read: boolean };

/** What the objects add up to. */
export type Wish =
  | {
    readonly type: "Resolved";
    readonly spec: MachineSpec;
    /** Digest of all that a VM is made from. Of first-boot configuration, which is secret, only the version is in it. */
    readonly digest: string;
    /** Digest of what can be changed about a VM that is there, but for its first-boot configuration. */
    readonly shape: string;
    readonly init: InitView;
  }
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
    /** UID of the Provider object. */
    readonly uid: string;
    /** How long to trust a running task before asking again, milliseconds: long where task ends are pushed. */
    readonly taskPollMs: number;
  };

/** What is known of the VM at the hypervisor. */
export type MachineView =
  /** The provider is being connected to: nothing has been heard yet, and nothing speaks of trouble. */
  | { readonly type: "Connecting" }
  /** The provider cannot be asked now. Says nothing about the VM. */
  | {
    readonly type: "Unreachable";
    readonly message: string;
    /** Found out by a question that failed: nobody tells when it would succeed, so that it has to be asked again. */
    readonly asked?: boolean;
  }
  /** Something was changed and the change has not been seen yet: ask before deciding. */
  | { readonly type: "Unsettled" }
  /**
   * Not in the inventory. `proven` once the provider itself said so. `taken`: the id that the VM had belongs to a
   * machine that is not ours.
   */
  | { readonly type: "Absent"; readonly proven: boolean; readonly taken?: boolean }
  /** Ours: it carries our mark, or none and was adopted. */
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
  /** Id of a machine of the VM's name that is not ours. */
  readonly nameHolder?: string;
}

/** What can be in flight, as `status.operation.verb` names it. */
export type Verb = "Create" | "Delete" | "Reconfigure" | PowerVerb;
/** The part of {@linkcode Verb} that is about power. */
export type PowerVerb = "PowerOn" | "PowerOff" | "Shutdown" | "Reboot";

/**
 * A step that changes something. `wish` is the digest of what it carries out: a failure counts for this wish only.
 * `operationId` names the intent towards the provider.
 */
export type Mutation =
  & { readonly operationId: string; readonly wish: string }
  & (
    | { readonly type: "Create"; readonly spec: MachineSpec; readonly powerOn: boolean }
    | { readonly type: "Delete"; readonly vmId: string }
    | {
      readonly type: "Power";
      readonly vmId: string;
      readonly op: PowerOp;
      readonly verb: PowerVerb;
      readonly gracefulTimeoutMs: number;
    }
    | {
      readonly type: "Reconfigure";
      readonly vmId: string;
      readonly spec: MachineSpec;
      /** See `ReconfigureRequest`. */
      readonly followGuestInit: boolean;
    }
  );

/** Exactly one next step. */
export type Step =
  | { readonly type: "Wait" }
  | { readonly type: "AddFinalizer" }
  | { readonly type: "RemoveFinalizer" }
  /** Ask the provider for the VM: proof of absence, or its state after a change. Without id: by owner alone. */
  | { readonly type: "Describe"; readonly vmId?: string }
  | { readonly type: "PollTask"; readonly task: TaskRef }
  /** Read the Secrets that the first-boot configuration comes from: it is to be replaced. */
  | { readonly type: "ReadGuestInit" }
  | Mutation;
