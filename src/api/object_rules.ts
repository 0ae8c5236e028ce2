/** What the schemas allow and is wrong all the same, as far as one object can tell. @module */
import { DURATION_PATTERN } from "./duration.ts";
import { CRON_PATTERN } from "./vm_snapshot.ts";

/**
 * A rule over the fields of one object. The manager answers a broken one by a condition; the admission policies tell it
 * to the user at once. Both evaluate this very expression, so that they cannot differ.
 */
export interface ObjectRule {
  /** `Invalid`: it cannot work. `Deprecated`: it works, and there is a better way to say it. */
  readonly level: "Invalid" | "Deprecated";
  /** Field to blame. */
  readonly field: string;
  /** CEL over `object`; true when all is well. Fields are reached by `.?`, as any of them may be absent. */
  readonly rule: string;
  /** What is wrong and what to do about it; follows the name of the field. */
  readonly message: string;
}

const invalid = (field: string, rule: string, message: string): ObjectRule => ({
  level: "Invalid",
  field,
  rule,
  message,
});

const deprecated = (field: string, rule: string, message: string): ObjectRule => ({
  level: "Deprecated",
  field,
  rule,
  message,
});

/** `object.spec.?a.?b` for `spec.a.b`: an optional value in CEL. */
export function optionalPath(path: string): string {
  const [root = "", ...rest] = path.split(".");
  return [`object.${root}`, ...rest].join(".?");
}

const isSet = (path: string): string => `${optionalPath(path)}.hasValue()`;

const notBoth = (field: string, other: string): ObjectRule =>
  invalid(field, `!(${isSet(field)} && ${isSet(other)})`, `cannot be set together with ${other}: remove one`);

function duration(field: string): ObjectRule {
  const text = `${optionalPath(field)}.orValue("0")`;
  return invalid(
    field,
    `${text} == "0" || (size(${text}) <= 64 && ${text}.matches(${JSON.stringify(DURATION_PATTERN)}))`,
    "is not a duration: write numbers with units, such as 90s or 1h30m",
  );
}

/** Rules by kind; a kind that is not named has none. */
export const OBJECT_RULES: Readonly<Record<string, readonly ObjectRule[]>> = {
  VirtualMachine: [
    invalid(
      "metadata.name",
      `size(object.metadata.?name.orValue("")) <= 63`,
      "is too long: hypervisors and guests take at most 63 characters",
    ),
    notBoth("spec.importedDisk", "spec.imageRef"),
    invalid(
      "spec.imageRef",
      `${isSet("spec.imageRef")} || ${isSet("spec.importedDisk")}`,
      "is required, unless spec.importedDisk names a disk to boot from",
    ),
    invalid(
      "spec.disks[root]",
      `object.spec.?disks.orValue([]).all(disk, disk.name != "root")`,
      `the name "root" is the boot disk's`,
    ),
    notBoth("spec.placement.storagePod", "spec.placement.datastore"),
  ],
  Provider: [
    invalid(
      "spec.type",
      `!(object.spec.type in ["firecracker", "qemu"])`,
      "is a reserved name without a provider: use libvirt, vsphere, proxmox or mock",
    ),
    invalid(
      "spec.credentialSecretRef.namespace",
      `object.spec.?credentialSecretRef.?namespace.orValue(object.metadata.namespace) == object.metadata.namespace`,
      "pods can only mount Secrets of their own namespace: put the Secret there and leave the field out",
    ),
    notBoth("spec.defaults.storagePod", "spec.defaults.datastore"),
    duration("spec.healthCheck.interval"),
    duration("spec.healthCheck.timeout"),
  ],
  VMClass: [
    invalid(
      "spec.securityProfile.secureBoot",
      `!${optionalPath("spec.securityProfile.secureBoot")}.orValue(false) || ` +
        `${optionalPath("spec.firmware")}.orValue("BIOS") != "BIOS"`,
      "needs spec.firmware UEFI, is BIOS",
    ),
    deprecated("spec.firmware", `${optionalPath("spec.firmware")}.orValue("") != "EFI"`, "EFI is deprecated: say UEFI"),
    deprecated(
      "spec.securityProfile.tpmVersion",
      `${optionalPath("spec.securityProfile.tpmVersion")}.orValue("") != "2"`,
      `"2" is deprecated: say "2.0"`,
    ),
  ],
  VMImage: [
    invalid(
      "spec.source",
      `object.spec.source.size() > 0`,
      "names no source: add libvirt, vsphere, proxmox, http or registry",
    ),
    invalid(
      "spec.source.libvirt",
      `!${isSet("spec.source.libvirt")} || ${isSet("spec.source.libvirt.path")} || ${isSet("spec.source.libvirt.url")}`,
      "needs path or url",
    ),
    duration("spec.prepare.timeout"),
    duration("spec.source.http.timeout"),
  ],
  VMNetworkAttachment: [
    invalid(
      "spec.network",
      ["libvirt", "vsphere", "proxmox"].map((block) => isSet(`spec.network.${block}`)).join(" || "),
      "names no network: add libvirt, vsphere or proxmox",
    ),
    invalid(
      "spec.network.libvirt",
      `!${isSet("spec.network.libvirt")} || ${isSet("spec.network.libvirt.networkName")} || ` +
        isSet("spec.network.libvirt.bridge"),
      "needs networkName or bridge",
    ),
    invalid(
      "spec.ipAllocation.staticConfig",
      `${optionalPath("spec.ipAllocation.type")}.orValue("") != "Static" || ${isSet("spec.ipAllocation.staticConfig")}`,
      "is needed for type Static",
    ),
    invalid(
      "spec.ipAllocation.type",
      `${optionalPath("spec.ipAllocation.type")}.orValue("") != "Pool"`,
      "Pool is not served: use DHCP, Static or None",
    ),
  ],
  VMSnapshot: [
    invalid(
      "spec.schedule.cronSpec",
      `!${isSet("spec.schedule.cronSpec")} || (size(object.spec.schedule.cronSpec) <= 256 && ` +
        `object.spec.schedule.cronSpec.matches(${JSON.stringify(CRON_PATTERN)}))`,
      "is no schedule: write a cron expression, @daily and its like, or @every with a duration",
    ),
  ],
  VMClone: [
    invalid(
      "spec.source",
      ["vmRef", "snapshotRef", "templateRef", "imageRef"].map((name) => isSet(`spec.source.${name}`)).join(" || "),
      "names nothing to clone: add vmRef, snapshotRef, templateRef or imageRef",
    ),
  ],
  VMMigration: ["nfs", "s3"].map((type) =>
    invalid(
      `spec.storage.${type}`,
      `${optionalPath("spec.storage.type")}.orValue("") != "${type}" || ${isSet(`spec.storage.${type}`)}`,
      `is needed for type ${type}`,
    )
  ),
};
