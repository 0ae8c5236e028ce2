/** Network cards of an existing VM: added, taken out, changed. @module */
import * as domains from "../client/domain.ts";
import { serializeXml } from "../domain_xml/element.ts";
import { changedNic, nicDifferences, nicElement, wishedNic } from "../domain_xml/nic.ts";
import type { DomainNic } from "../domain_xml/read.ts";
import { type NamedNic, withAddresses } from "../identity.ts";
import { type Change, liveOrWait } from "./change.ts";
import { attachDevice, detachDevice } from "./devices.ts";

/** Makes the cards follow the wish. Cards without our names are left alone. */
export async function reconcileNics(change: Change): Promise<void> {
  const { context, spec, stored, live, domain } = change;
  const wanted = withAddresses(domain.uuid, spec.nics);
  const seen = new Map([...stored.nics, ...live?.nics ?? []].map((nic) => [nic.mac, nic]));
  for (const nic of seen.values()) {
    if (nic.name === undefined || wanted.some((wish) => wish.name === nic.name && wish.mac === nic.mac)) continue;
    await detachDevice(change, serializeXml(nic.element), {
      field: `nics[${nic.name}]`,
      isIn: ({ nics }) => nics.some(({ mac }) => mac === nic.mac),
    });
  }
  for (const wish of wanted) {
    const field = `nics[${wish.name}]`;
    const current = stored.nics.find((nic) => nic.mac === wish.mac);
    if (current === undefined) {
      await attachDevice(change, serializeXml(nicElement(wish, context.defaultNetwork)), field);
      continue;
    }
    await follow(change, current, wish, "stored");
    const running = live?.nics.find((nic) => nic.mac === wish.mac);
    if (live !== undefined && running === undefined) change.waiting.add(field);
    if (running !== undefined) await liveOrWait(() => follow(change, running, wish, "live"), change.waiting, field);
  }
}

/** Changes what differs of the card. Of one that we did not make only the plug is ours to move. */
async function follow(change: Change, nic: DomainNic, wish: NamedNic, which: "stored" | "live"): Promise<void> {
  const { context, domain, options } = change;
  const silentMeansAny = which === "live" && nic.backing?.type === "network";
  const wished = wishedNic(wish, context.defaultNetwork);
  const differing = nicDifferences(nic.settings, wished, { silentMeansAny });
  const aspects = nic.name === undefined ? differing.intersection(new Set(["source"])) : differing;
  if (aspects.size === 0) return;
  const device = serializeXml(changedNic(nic.element, wish, aspects, context.defaultNetwork));
  const where = which === "live" ? domains.affect.live : domains.affect.config;
  await domains.changeDevice(context.session, domain, { how: "Update", device, where }, options);
}
