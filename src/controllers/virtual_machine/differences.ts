/** What tells a machine from the wish for it. Pure. @module */
import type { DataDisk, MachineSpec, ObservedMachine } from "@virtrigaud/contract";
import type { Problem } from "./input.ts";

/** How a machine differs from its wish. */
export interface Differences {
  /** Paths that a reconfiguration can put right. */
  readonly fields: readonly string[];
  /** Differences that nobody puts right without a person: a disk that would have to shrink or go. */
  readonly refused: readonly Problem[];
  /** Disks that are there, were asked for once and are not any more; kept until their removal is allowed. */
  readonly keptDisks: readonly DataDisk[];
  /** Sizes of disks that are larger than asked for: what they have to be asked for as. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** Options of {@linkcode differencesOf}. */
export interface DifferenceOptions {
  /** The machine was there before its object: disks and cards without our mark are none of our business. */
  readonly adopted: boolean;
  /** Names of disks that may be removed although they hold data. */
  readonly removableDisks: ReadonlySet<string>;
}

const ROOT = "root";

/** Compares with what the hypervisor reports, never with what was asked for before. */
export function differencesOf(spec: MachineSpec, seen: ObservedMachine, options: DifferenceOptions): Differences {
  const fields: string[] = [];
  const refused: Problem[] = [];
  const keptDisks: DataDisk[] = [];
  const sizes = new Map<string, number>();
  if (spec.hardware.cpus !== seen.cpus) fields.push("hardware.cpus");
  if (spec.hardware.memoryMib !== seen.memoryMib) fields.push("hardware.memoryMib");
  compareDisks();
  compareNics();
  return { fields, refused, keptDisks, sizes };

  function compareDisks(): void {
    const disks = new Map(seen.disks.map((disk) => [disk.name, disk]));
    const rootSize = spec.rootDisk.sizeGib;
    const root = disks.get(ROOT);
    // A root disk larger than the wish is an image larger than the class: it keeps its size.
    if (rootSize !== undefined && root !== undefined && root.sizeGib < rootSize) fields.push("rootDisk.sizeGib");
    for (const disk of spec.disks) {
      const found = disks.get(disk.name);
      if (found === undefined) fields.push(`disks[${disk.name}]`);
      else if (found.sizeGib < disk.sizeGib) fields.push(`disks[${disk.name}].sizeGib`);
      else if (found.sizeGib > disk.sizeGib) {
        sizes.set(disk.name, found.sizeGib);
        refused.push({
          field: `spec.disks[${disk.name}].sizeGiB`,
          message: `is ${disk.sizeGib}, but the disk has ${found.sizeGib} GiB and disks cannot shrink: set it to ` +
            `${Math.ceil(found.sizeGib)}`,
        });
      }
    }
    if (options.adopted) return;
    const wanted = new Set([ROOT, ...spec.disks.map((disk) => disk.name)]);
    for (const disk of seen.disks) {
      if (wanted.has(disk.name)) continue;
      if (options.removableDisks.has(disk.name)) {
        fields.push(`disks[${disk.name}]`);
        continue;
      }
      keptDisks.push({ name: disk.name, sizeGib: disk.sizeGib });
      refused.push({
        field: `spec.disks[${disk.name}]`,
        message:
          `is gone from the list, but the disk of ${disk.sizeGib} GiB is kept: put it back, or set the annotation ` +
          `virtrigaud.io/remove-disks to "${disk.name}" to delete it with its data`,
      });
    }
  }

  function compareNics(): void {
    const nics = new Map(seen.nics.map((nic) => [nic.name, nic]));
    for (const nic of spec.nics) {
      const found = nics.get(nic.name);
      if (found === undefined) fields.push(`nics[${nic.name}]`);
      else if (nic.mac !== undefined && nic.mac !== found.mac.toLowerCase()) fields.push(`nics[${nic.name}].mac`);
      else if (found.network !== undefined && nic.backing !== undefined && networkOf(nic.backing) !== found.network) {
        fields.push(`nics[${nic.name}].backing`);
      }
    }
    if (options.adopted) return;
    const wanted = new Set(spec.nics.map((nic) => nic.name));
    for (const nic of seen.nics) if (!wanted.has(nic.name)) fields.push(`nics[${nic.name}]`);
  }
}

type Backing = NonNullable<MachineSpec["nics"][number]["backing"]>;

function networkOf(backing: Backing): string {
  switch (backing.type) {
    case "Network":
      return backing.network;
    case "Bridge":
      return backing.bridge;
    case "Portgroup":
      return backing.portgroup;
  }
}
