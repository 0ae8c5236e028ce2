/** What a mock hypervisor looks like before the first VM: its size, its speed, what it offers. @module */
import type { Capabilities } from "@virtrigaud/contract";

/** Shape and speed of a mock hypervisor; see {@linkcode defaultOptions}. */
export interface HypervisorOptions {
  /** How long a task takes, milliseconds. Default 200. */
  readonly taskLatencyMs: number;
  /** How long a guest takes from power on to its address, milliseconds. Default 300. */
  readonly bootMs: number;
  /** How long a guest takes to shut down when it is asked, milliseconds. Default 200. */
  readonly shutdownMs: number;
  /** Graceful time-out where a request gives none, milliseconds. Default 60 000. */
  readonly gracefulTimeoutMs: number;
  /** Interval of heartbeats in a watch, milliseconds. Default 20 000. */
  readonly heartbeatMs: number;
  /** Networks, bridges and portgroups by name. Each has an address pool of its own. */
  readonly networks: readonly string[];
  /** Storage pools by name; the first is the default. */
  readonly pools: readonly string[];
  /** Datastore clusters by name; each holds all pools. */
  readonly storagePods: readonly string[];
  /** Size of each pool. Default 1 000 000. */
  readonly poolSizeGib: number;
  readonly hosts: readonly string[];
  readonly cluster: string;
  /** Templates that exist from the start, with their size. */
  readonly templates: readonly { readonly name: string; readonly sizeGib: number }[];
  /** How many VMs that are not ours exist from the start (`demo-vm-1`, ...). Default 3. */
  readonly seedVms: number;
  /** Capabilities that this hypervisor is to lack or have; the rest is {@linkcode mockCapabilities}. */
  readonly capabilities: Partial<Capabilities>;
}

/** A hypervisor with everything, quick enough for a demonstration. */
export const defaultOptions: HypervisorOptions = Object.freeze({
  taskLatencyMs: 200,
  bootMs: 300,
  shutdownMs: 200,
  gracefulTimeoutMs: 60_000,
  heartbeatMs: 20_000,
  networks: ["default", "lab", "VM Network", "br0", "virbr0", "vmbr0"],
  pools: ["default", "fast"],
  storagePods: ["mock-pod"],
  poolSizeGib: 1_000_000,
  hosts: ["mock-host-1", "mock-host-2", "mock-host-3"],
  cluster: "mock-cluster",
  templates: [
    { name: "ubuntu-24.04", sizeGib: 4 },
    { name: "ubuntu-22.04", sizeGib: 4 },
    { name: "debian-12", sizeGib: 3 },
    { name: "tiny", sizeGib: 1 },
  ],
  seedVms: 3,
  capabilities: {},
});

/** What the mock can do unless it is told to lack something. */
export const mockCapabilities: Capabilities = Object.freeze({
  reconfigureOnline: true,
  diskExpansionOnline: true,
  snapshots: true,
  memorySnapshots: true,
  quiescedSnapshots: true,
  clones: true,
  linkedClones: true,
  imageImport: true,
  diskExport: true,
  diskImport: true,
  exportCompression: true,
  guestExec: true,
  hardwareUpgrade: true,
  pushEvents: true,
  guestInitReplace: true,
  diskTypes: ["thin", "thick", "eagerzeroedthick", "ssd", "hdd", "nvme"],
  networkTypes: ["network", "bridge", "portgroup"],
  exportFormats: ["qcow2", "raw", "vmdk"],
  importFormats: ["qcow2", "raw", "vmdk"],
  exportBackends: ["pvc", "s3", "nfs"],
  importBackends: ["pvc", "s3", "nfs"],
  transferModes: ["relay"],
});
