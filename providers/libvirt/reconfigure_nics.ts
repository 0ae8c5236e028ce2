/** Network cards of an existing VM: added, taken out, plugged into another network. @module */
import * as domains from "./client/domain.ts";
import { nicElement, nicSource } from "./domain_xml/devices.ts";
import { serializeXml, withElement, type XmlElement } from "./domain_xml/element.ts";
import type { DomainNic } from "./domain_xml/read.ts";
import { type NamedNic, withAddresses } from "./identity.ts";
import { type Change, liveOrWait } from "./reconfigure.ts";
import { attachDevice, detachDevice } from "./reconfigure_disks.ts";

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
    if (!isPluggedAsWished(current, wish, context.defaultNetwork)) await replug(change, current, wish, "stored");
    const running = live?.nics.find((nic) => nic.mac === wish.mac);
    if (live !== undefined && running === undefined) change.waiting.add(field);
    if (running !== undefined && !isPluggedAsWished(running, wish, context.defaultNetwork)) {
      await liveOrWait(() => replug(change, running, wish, "live"), change.waiting, field);
    }
  }
}

function isPluggedAsWished(nic: DomainNic, wish: NamedNic, defaultNetwork: string): boolean {
  const source = nicSource(wish, defaultNetwork).attributes;
  return nic.backing?.type === (source["bridge"] === undefined ? "network" : "bridge") &&
    nic.backing.name === (source["bridge"] ?? source["network"]);
}

async function replug(change: Change, nic: DomainNic, wish: NamedNic, which: "stored" | "live"): Promise<void> {
  const { context, domain, options } = change;
  const source = nicSource(wish, context.defaultNetwork);
  const type = source.attributes["bridge"] === undefined ? "network" : "bridge";
  const device: XmlElement = withElement({ ...nic.element, attributes: { ...nic.element.attributes, type } }, source);
  await domains.changeDevice(context.session, domain, {
    how: "Update",
    device: serializeXml(device),
    where: which === "live" ? domains.affect.live : domains.affect.config,
  }, options);
}
