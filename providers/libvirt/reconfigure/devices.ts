/** Plugging devices into a VM and taking them out, running or not. @module */
import { ProviderError } from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import { LibvirtError } from "../client/errors.ts";
import { type DomainView, readDomain } from "../domain_xml/read.ts";
import { both, type Change, isImpossibleLive } from "./change.ts";

/** Its alias is made of its name: a call whose answer was lost goes on, and is done by the time we look again. */
const ALREADY_PLUGGED = /non unique alias/i;

/**
 * Plugs a device in; where the running machine has no slot left, it is stored for the next start.
 * @returns whether the machine has it now.
 */
export async function attachDevice(
  change: Change,
  device: string,
  field: string,
  how: { readonly onlyStored?: boolean } = {},
): Promise<boolean> {
  try {
    if (!how.onlyStored) {
      await attachTo(change, device, both(change));
      return true;
    }
  } catch (error) {
    if (error instanceof LibvirtError && ALREADY_PLUGGED.test(error.message)) {
      throw new ProviderError("Retryable", `${error.message}; an earlier call is still plugging it in`, {
        reason: "Locked",
        cause: error,
      });
    }
    if (change.live === undefined || !(error instanceof LibvirtError) || !isImpossibleLive(error)) throw error;
  }
  await attachTo(change, device, domains.affect.config);
  change.waiting.add(field);
  return false;
}

/** Plugs a device in where `where` says: {@linkcode domains.affect}. */
export const attachTo = ({ context, domain, options }: Change, device: string, where: number): Promise<void> =>
  domains.changeDevice(context.session, domain, { how: "Attach", device, where }, options);

/** Takes a device out of the descriptions that have it; a guest that does not let go keeps it until a power cycle. */
export async function detachDevice(
  change: Change,
  device: string,
  { field, isIn }: { readonly field: string; readonly isIn: (view: DomainView) => boolean },
): Promise<void> {
  const { context, domain, stored, live, options } = change;
  const from = (affected: number) =>
    domains.changeDevice(context.session, domain, { how: "Detach", device, where: affected }, options);
  if (isIn(stored)) await from(domains.affect.config);
  if (live === undefined || !isIn(live)) return;
  try {
    await from(domains.affect.live);
    // libvirt waits 5 s for the guest and then says yes whether it has let go or not.
    if (!isIn(readDomain(await domains.xml(context.session, domain, "current", options)))) return;
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
  }
  change.waiting.add(field);
}
