/** What the suite has to know about the endpoint that it is run against. @module */
import type { GuestInit, Hardware, ImageSource, Nic, StaticAddress, TransferTarget } from "@virtrigaud/contract";

/** How long the suite waits, milliseconds. */
export interface ConformanceTimeouts {
  /** For the end of a task. Default 60 000. */
  readonly taskMs: number;
  /** From power on to a guest that answers. Default 180 000. */
  readonly bootMs: number;
  /** For a change to show in a watch. Default 30 000. */
  readonly eventMs: number;
  /** Between two looks. Default 250. */
  readonly pollMs: number;
  /** For a whole case, so that a call that never answers does not stop the suite. Default 900 000. */
  readonly caseMs: number;
}

/** Defaults of {@linkcode ConformanceTimeouts}. */
export const defaultTimeouts: ConformanceTimeouts = Object.freeze({
  taskMs: 60_000,
  bootMs: 180_000,
  eventMs: 30_000,
  pollMs: 250,
  caseMs: 900_000,
});

/** What the guest in the image can do. Cases about it are skipped where it cannot. */
export interface GuestAbilities {
  /** Asks for an address and gets one. */
  readonly address: boolean;
  /** Has an agent that answers, with commands `echo` and `true`. */
  readonly agent: boolean;
  /** Takes its host name from cloud-init. */
  readonly cloudInit: boolean;
  /** Shuts down when it is asked to. */
  readonly shutdown: boolean;
}

/** A look behind the provider, at the hypervisor itself. Cases that need a missing one are skipped. */
export interface ConformanceControls {
  /** Makes a VM that is not ours; returns its id. The suite leaves it alone; removing it is up to the caller. */
  addForeignVm?(name: string): Promise<string>;
  /** Ids or paths of all volumes that exist, to find what was left behind. */
  listVolumes?(): Promise<readonly string[]>;
  /** Switches a VM off behind the provider's back. */
  powerOff?(vmId: string): Promise<void>;
  /** Breaks the provider's event connection to the hypervisor; it comes back by itself. */
  interruptEvents?(): Promise<void>;
  /** Deletes a VM behind the provider's back. */
  deleteVm?(vmId: string): Promise<void>;
}

/** Everything that differs between endpoints. */
export interface ConformanceProfile {
  /** For reports: `mock`, `libvirt 9.0 over ssh`. */
  readonly name: string;
  /** A small image that boots; its own size is at most {@linkcode rootGib}. */
  readonly image: ImageSource;
  readonly rootGib: number;
  /** The smallest hardware that the image boots with; the suite adds to it. */
  readonly hardware: Hardware;
  /** What cards are plugged into; absent: the provider's default. */
  readonly network?: Nic["backing"];
  readonly guest: GuestAbilities;
  readonly timeouts?: Partial<ConformanceTimeouts>;
  /** Names of VMs begin with this; keep it short. Default `vcts`. */
  readonly namePrefix?: string;
  /** First fence that is used; above everything that the endpoint has seen. Default 1. */
  readonly fence?: number;
  /** For image cases: something that `imagePrepare` can fetch. */
  readonly imageSource?: ImageSource;
  /** For image cases: something whose checksum does not match. */
  readonly damagedImageSource?: ImageSource;
  /** For export and import: where disks can be put, by a name. */
  readonly transferTarget?: (name: string) => TransferTarget;
  /** For static addressing: an address that is free in {@linkcode network}. */
  readonly staticAddress?: StaticAddress;
  /** First-boot configuration that sets this host name. Default: cloud-init meta-data. */
  readonly guestInit?: (hostname: string) => GuestInit;
  readonly controls?: ConformanceControls;
}
