/** The libvirt rig: real hypervisor hosts on this machine, each in namespaces of its own. @module */
export { type Hypervisor, type HypervisorOptions, startHypervisor } from "./hypervisor.ts";
export { debianImagePath, ensureDebianImage, ensureGuestImage, guestImagePath } from "./images.ts";
export { HYPERVISOR_PACKAGES, IMAGE_PACKAGES } from "./packages.ts";
export { addPool, type PoolKind, type PoolOptions } from "./pools.ts";
export { ensureRelease, type Release, RELEASE_PACKAGES, releasePath, releaseRig } from "./release.ts";
export { debianRig, libvirtRig, machineUnfit } from "./rig.ts";
export { Wire, type WireEnd, type WireOptions, type WireWatch } from "./wire.ts";
