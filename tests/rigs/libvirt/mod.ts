/** The libvirt rig: real hypervisor hosts on this machine, each in namespaces of its own. @module */
export { type Hypervisor, type HypervisorOptions, startHypervisor } from "./hypervisor.ts";
export { ensureGuestImage, guestImagePath, IMAGE_BUILD_COMMANDS } from "./guest_image.ts";
export { HYPERVISOR_COMMANDS, libvirtRig } from "./rig.ts";
