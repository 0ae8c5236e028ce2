/** One VM on its way to its wish, and what its running machine cannot do. @module */
import type { MachineSpec } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import { errorCode, LibvirtError } from "../client/errors.ts";
import type { DomainRef } from "../client/objects.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import type { DomainView } from "../domain_xml/read.ts";

/** One VM that is being brought to its wish. */
export interface Change {
  readonly context: LibvirtContext;
  readonly domain: DomainRef;
  readonly spec: MachineSpec;
  /** As the next start will be; for a VM that is off, as it is. */
  readonly stored: DomainView;
  /** As it runs; `undefined` while it is off. */
  readonly live: DomainView | undefined;
  readonly options: CallOptions;
  /** Fields that only a power cycle brings about. */
  readonly waiting: Set<string>;
}

/** Where a change of a device goes: to both descriptions of a running VM, else to the stored one. */
export const both = (change: Change): number =>
  change.live === undefined ? domains.affect.config : domains.affect.config | domains.affect.live;

/** Tries a live change; where libvirt or QEMU says that this machine cannot, the field waits for a power cycle. */
export async function liveOrWait(change: () => Promise<void>, waiting: Set<string>, field: string): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof LibvirtError) || !(isImpossibleLive(error))) throw error;
    waiting.add(field);
  }
}

/** No slot is left; or QEMU has half of the device from a libvirtd that died while it plugged it in, and keeps it. */
const UNTIL_POWER_CYCLE =
  /No more available PCI slots|Failed to get "write" lock|Duplicate nodes? |Duplicate device ID/i;

/** Whether the error speaks of what the running machine cannot do, and not of the way to it. */
export const isImpossibleLive = (error: LibvirtError): boolean =>
  error.class === "NotSupported" || error.code === errorCode.configUnsupported || UNTIL_POWER_CYCLE.test(error.message);
