/** Keys of `hardware.extraConfig` that this provider knows, and what each takes. @module */

/** The keys. */
export const EXTRA_KEYS = {
  machine: "libvirt.machine",
  domainType: "libvirt.domainType",
  cpuMode: "libvirt.cpuMode",
  cpuCores: "libvirt.cpuCores",
  cpuThreads: "libvirt.cpuThreads",
  numaNodes: "libvirt.numaNodes",
  maxCpus: "libvirt.maxCpus",
  maxMemoryMib: "libvirt.maxMemoryMib",
  graphics: "libvirt.graphics",
  graphicsListen: "libvirt.graphicsListen",
  video: "libvirt.video",
  diskBus: "libvirt.diskBus",
  diskCache: "libvirt.diskCache",
  diskIo: "libvirt.diskIo",
  diskDiscard: "libvirt.diskDiscard",
} as const;

/** One of {@linkcode EXTRA_KEYS}. */
export type ExtraKey = (typeof EXTRA_KEYS)[keyof typeof EXTRA_KEYS];

/** What a key takes: one of some words, a whole number, an IP address, or any word. */
export type ExtraValue =
  | { readonly type: "OneOf"; readonly words: readonly string[] }
  | { readonly type: "Number"; readonly min: number; readonly max: number }
  | { readonly type: "Address" }
  | { readonly type: "Word" };

const oneOf = (...words: readonly string[]): ExtraValue => ({ type: "OneOf", words });
const number = (min: number, max: number): ExtraValue => ({ type: "Number", min, max });

/** What each key takes. */
export const extraValues: Readonly<Record<ExtraKey, ExtraValue>> = {
  [EXTRA_KEYS.machine]: { type: "Word" },
  [EXTRA_KEYS.domainType]: oneOf("kvm", "qemu"),
  [EXTRA_KEYS.cpuMode]: oneOf("host-model", "host-passthrough", "maximum"),
  [EXTRA_KEYS.cpuCores]: number(1, 128),
  [EXTRA_KEYS.cpuThreads]: number(1, 8),
  [EXTRA_KEYS.numaNodes]: number(1, 8),
  [EXTRA_KEYS.maxCpus]: number(1, 128),
  [EXTRA_KEYS.maxMemoryMib]: number(32, 64 * 1024 * 1024),
  [EXTRA_KEYS.graphics]: oneOf("vnc", "spice", "none"),
  [EXTRA_KEYS.graphicsListen]: { type: "Address" },
  [EXTRA_KEYS.video]: oneOf("virtio", "vga", "qxl", "cirrus", "bochs"),
  [EXTRA_KEYS.diskBus]: oneOf("virtio", "scsi", "sata", "ide"),
  [EXTRA_KEYS.diskCache]: oneOf("none", "writeback", "writethrough", "directsync", "unsafe"),
  [EXTRA_KEYS.diskIo]: oneOf("native", "threads", "io_uring"),
  [EXTRA_KEYS.diskDiscard]: oneOf("unmap", "ignore"),
};

/** Path of a key in the wish. */
export const extraField = (key: string): string => `hardware.extraConfig[${key}]`;
