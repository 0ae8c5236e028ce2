/** What waits for a power cycle: the difference between a domain as it runs and as it is stored. @module */
import type { DomainNic, DomainView } from "./domain_xml/read.ts";

/** Paths of the fields of the wish that the running domain does not have yet. */
export function pendingChanges(live: DomainView, stored: DomainView): string[] {
  const pending: string[] = [];
  if (stored.cpus.current !== live.cpus.current) pending.push("hardware.cpus");
  // Less than stored is the balloon's business while the guest runs; only what is above the limit has to wait.
  if (stored.memoryKib.current > live.memoryKib.max) pending.push("hardware.memoryMib");
  const diskKey = (disk: { readonly name: string | undefined; readonly target: string }) => disk.name ?? disk.target;
  pending.push(...difference(live.disks.map(diskKey), stored.disks.map(diskKey)).map((name) => `disks[${name}]`));
  const nicKey = (nic: DomainNic) => `${nic.name ?? nic.mac} ${nic.mac} ${nic.backing?.type} ${nic.backing?.name}`;
  const nics = difference(live.nics.map(nicKey), stored.nics.map(nicKey)).map((key) => `nics[${key.split(" ")[0]}]`);
  return [...pending, ...new Set(nics)];
}

function difference(a: readonly string[], b: readonly string[]): string[] {
  return [...a.filter((item) => !b.includes(item)), ...b.filter((item) => !a.includes(item))];
}
