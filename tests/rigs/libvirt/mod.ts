/** The libvirt rig: real hypervisor hosts on this machine, each in namespaces of its own. @module */
export { type Hypervisor, type HypervisorOptions, startHypervisor } from "./hypervisor.ts";
export { ensureGuestImage, guestImagePath } from "./guest_image.ts";
export { HYPERVISOR_PACKAGES, IMAGE_PACKAGES } from "./packages.ts";
export { libvirtRig, machineUnfit } from "./rig.ts";
