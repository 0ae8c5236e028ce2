/** A small wish, for unit tests and for tests on the rig. @module */
import type { MachineSpec } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";

/** A small VM from the rig's guest image. */
export function machine(name: string, change: Partial<MachineSpec> = {}): MachineSpec {
  return {
    name,
    hardware: { cpus: 1, memoryMib: 128, firmware: "BIOS" },
    image: { type: "Volume", path: "tiny.qcow2", pool: "default" },
    rootDisk: { sizeGib: 1 },
    disks: [],
    nics: [{ name: "lan", backing: { type: "Network", network: "default" }, addresses: [] }],
    guestInit: { type: "CloudInit", userData: new Secret(`#cloud-config\nhostname: ${name}\n`) },
    tags: ["test"],
    ...change,
  };
}

/** One that needs no boot to be of use in a test: no card, no first-boot configuration. */
export function plainMachine(name: string, change: Partial<MachineSpec> = {}): MachineSpec {
  const { guestInit: _, ...spec } = machine(name, { nics: [], ...change });
  return spec;
}
