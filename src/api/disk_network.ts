/** Disks and network interfaces as VirtualMachine, VMClone and VMMigration all have them. @module */
import { type Static } from "@virtrigaud/deps";
import { IP_PATTERN, MAC_PATTERN } from "./network_address.ts";
import { LABEL_PATTERN, objectRef } from "./refs.ts";
import { int32, listMap, object, oneOf, string } from "./schema.ts";

/** An additional disk. */
export const DiskSpec = object("One additional disk.", {
  name: string("Name that tells this disk from the others of the VM; it stays when the disk is resized.", {
    maxLength: 63,
    pattern: LABEL_PATTERN,
  }),
  sizeGiB: int32("Size in GiB. It can grow later; it never shrinks.", { minimum: 1, maximum: 65536 }),
}, {
  type: oneOf("How the disk is provisioned on the datastore.", ["thin", "thick", "eagerzeroedthick", "ssd", "hdd"], {
    default: "thin",
  }),
  expandPolicy: oneOf("Whether a larger size is applied while the VM runs or only while it is off.", [
    "Online",
    "Offline",
  ], { default: "Offline" }),
  storageClass: string("Datastore, storage pool or storage policy to put the disk on, in the provider's terms."),
  scsi: object("SCSI controller that the disk hangs on; absent leaves it to the provider.", {}, {
    controller: int32("Bus number of the controller.", { minimum: 0, maximum: 3 }),
    controllerType: oneOf("Model of the controller.", ["lsilogic", "buslogic", "lsilogic-sas", "pvscsi"], {
      default: "pvscsi",
    }),
    sharedBus: oneOf("Whether other VMs may share the bus.", ["noSharing", "virtualSharing", "physicalSharing"], {
      default: "noSharing",
    }),
  }),
});
/** One additional disk. */
export type DiskSpec = Static<typeof DiskSpec>;

/** A network interface. */
export const NetworkRef = object("One network interface.", {
  name: string("Name that tells this interface from the others of the VM.", { maxLength: 63, pattern: LABEL_PATTERN }),
}, {
  networkRef: objectRef("VMNetworkAttachment that says which network the interface is plugged into."),
  ipAddress: string("Static address, IPv4 or IPv6. Absent means what the attachment's ipAllocation says.", {
    maxLength: 45,
    pattern: IP_PATTERN,
  }),
  prefix: int32("Length of the subnet prefix of ipAddress: up to 32 for IPv4, up to 128 for IPv6.", {
    minimum: 1,
    maximum: 128,
  }),
  gateway: string("Default gateway that goes with ipAddress, IPv4 or IPv6.", { maxLength: 45, pattern: IP_PATTERN }),
  dns: string("DNS servers that go with ipAddress, separated by commas."),
  macAddress: string("Ethernet address; the provider derives a stable one when absent.", { pattern: MAC_PATTERN }),
}, {
  "x-kubernetes-validations": [{
    rule: "!has(self.prefix) || self.prefix <= 32 || (has(self.ipAddress) && self.ipAddress.contains(':'))",
    message: "a prefix longer than 32 needs an IPv6 address in ipAddress",
    fieldPath: ".prefix",
  }],
});
/** One network interface. */
export type NetworkRef = Static<typeof NetworkRef>;

/** A list of disks, keyed by name. */
export const disks = (description: string) => listMap(description, DiskSpec, "name", { maxItems: 20 });
/** A list of interfaces, keyed by name. */
export const networks = (description: string) => listMap(description, NetworkRef, "name", { maxItems: 10 });
