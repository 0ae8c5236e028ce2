/** What waits for a power cycle: the difference between a domain as it runs and as it is stored. @module */
import { seedOf } from "./domain_xml/devices.ts";
import { nicDifferences } from "./domain_xml/nic.ts";
import { EXTRA_KEYS, extraField } from "./domain_xml/extra_keys.ts";
import type { DomainNic, DomainView } from "./domain_xml/read.ts";

/** Paths of the fields of the wish that the running domain does not have yet. */
export function pendingChanges(live: DomainView, stored: DomainView): string[] {
  const pending: string[] = [];
  if (stored.cpus.current !== live.cpus.current) pending.push("hardware.cpus");
  // Less than stored is the balloon's business while the guest runs; only what is above the limit has to wait.
  if (stored.memoryKib.current > live.memoryKib.max) pending.push("hardware.memoryMib");
  pending.push(...pendingLayout(live, stored), ...pendingSettings(live, stored));
  const diskKey = (disk: { readonly name: string | undefined; readonly target: string }) => disk.name ?? disk.target;
  pending.push(...difference(live.disks.map(diskKey), stored.disks.map(diskKey)).map((name) => `disks[${name}]`));
  const byMac = (view: DomainView) => new Map(view.nics.map((nic) => [nic.mac, nic]));
  const [runs, stays] = [byMac(live), byMac(stored)];
  for (const [mac, nic] of new Map([...runs, ...stays])) {
    const [now, then] = [runs.get(mac), stays.get(mac)];
    if (now === undefined || then === undefined || nicDiffers(now, then)) pending.push(`nics[${nic.name ?? mac}]`);
  }
  if (seedOf(live.root).path !== seedOf(stored.root).path) pending.push("guestInit");
  return [...new Set(pending)];
}

/** Whether a running card lacks what is stored for it. */
const nicDiffers = (live: DomainNic, stored: DomainNic): boolean =>
  nicDifferences(live.settings, stored.settings, { silentMeansAny: live.backing?.type === "network" }).size > 0;

/** What a domain that leaves it to libvirt shows all the same while it runs. */
const CHOSEN_AT_START: readonly string[] = [EXTRA_KEYS.cpuMode, EXTRA_KEYS.graphicsListen].map(extraField);

/** Settings that the running domain does not have yet. */
export const pendingSettings = (live: DomainView, stored: DomainView): string[] =>
  [...stored.settings].flatMap(([field, value]) => {
    const isLeft = value === undefined && CHOSEN_AT_START.includes(field);
    return isLeft || live.settings.get(field) === value ? [] : [field];
  });

/** Layout of CPUs that the running domain does not have yet. */
export function pendingLayout({ layout: live }: DomainView, { layout: stored }: DomainView): string[] {
  return [
    ...(live.cores === stored.cores ? [] : [extraField(EXTRA_KEYS.cpuCores)]),
    ...(live.threads === stored.threads ? [] : [extraField(EXTRA_KEYS.cpuThreads)]),
    ...(live.numaNodes === stored.numaNodes ? [] : [extraField(EXTRA_KEYS.numaNodes)]),
  ];
}

function difference(a: readonly string[], b: readonly string[]): string[] {
  return [...a.filter((item) => !b.includes(item)), ...b.filter((item) => !a.includes(item))];
}
