/** The description of a domain that is to be. @module */
import type { Platform } from "./capabilities.ts";
import { type DiskDevice, diskElement, seedElement } from "./devices.ts";
import { element, serializeXml, type XmlElement } from "./element.ts";
import { type Mark, markElement } from "./mark.ts";
import { nicElement, type WiredNic } from "./nic.ts";
import { applySettings, type SettingValues } from "./settings.ts";
import { type Size, writeSize } from "./size.ts";

/** Everything that goes into a new domain. */
export interface DomainPlan {
  readonly uuid: string;
  readonly name: string;
  readonly mark: Mark;
  readonly platform: Platform;
  readonly size: Size;
  readonly settings: SettingValues;
  readonly firmware: "BIOS" | "UEFI";
  readonly security?: DomainSecurity;
  /** Path of the Ignition configuration, which the guest reads through the firmware's configuration device. */
  readonly ignitionPath?: string;
  readonly disks: readonly DiskDevice[];
  /** Controllers that disks hang on, beside the one that is always there. */
  readonly controllers: readonly XmlElement[];
  /** PCI addresses of devices of the host that are handed over, as `hostdev` elements. */
  readonly hostDevices: readonly XmlElement[];
  /** Path of the first-boot medium. */
  readonly seedPath?: string;
  readonly nics: readonly WiredNic[];
  /** Network for cards that name none. */
  readonly defaultNetwork: string;
}

/** Security hardware. */
export interface DomainSecurity {
  readonly secureBoot?: boolean;
  /** Version of the TPM; absent: none. */
  readonly tpm?: "1.2" | "2.0";
  readonly iommu?: boolean;
}

/** PCI Express has no slots to spare: devices can be added to a running machine only where a port waits for them. */
const SPARE_PORTS = 8;
/** Ports that the controllers, balloon and random number generator take. */
const FIXED_PORTS = 5;

/** The document for libvirt's define call. */
export function domainXml(plan: DomainPlan): string {
  const { platform } = plan;
  const base = element(
    "domain",
    { type: platform.domainType },
    element("name", {}, plan.name),
    element("uuid", {}, plan.uuid),
    markElement(plan.mark),
    osElement(plan),
    plan.ignitionPath === undefined ? undefined : element(
      "sysinfo",
      { type: "fwcfg" },
      element("entry", { name: "opt/com.coreos/config", file: plan.ignitionPath }),
    ),
    element(
      "features",
      {},
      element("acpi"),
      platform.arch === "x86_64" ? element("apic") : undefined,
      // Without it the guest could rewrite the variables that Secure Boot rests on.
      plan.security?.secureBoot ? element("smm", { state: "on" }) : undefined,
    ),
    element("clock", { offset: "utc" }),
    element("on_poweroff", {}, "destroy"),
    element("on_reboot", {}, "restart"),
    element("on_crash", {}, "destroy"),
    element("devices", {}, ...devices(plan)),
  );
  return serializeXml(writeSize(applySettings(base, plan.settings), plan.size));
}

function osElement({ platform, firmware, security }: DomainPlan): XmlElement {
  const type = element("type", { arch: platform.arch, machine: platform.machine }, "hvm");
  if (firmware === "BIOS") return element("os", {}, type);
  // Left to itself libvirt may take a firmware with Secure Boot and Microsoft's keys, which refuses unsigned loaders.
  const enabled = security?.secureBoot ? "yes" : "no";
  const features = ["secure-boot", ...security?.secureBoot ? ["enrolled-keys"] : []];
  return element(
    "os",
    { firmware: "efi" },
    type,
    element("firmware", {}, ...features.map((name) => element("feature", { enabled, name }))),
  );
}

function devices(plan: DomainPlan): XmlElement[] {
  const pciExpress = plan.platform.machine.includes("q35") || plan.platform.machine.includes("virt");
  const portCount = FIXED_PORTS + plan.disks.length + plan.nics.length + plan.controllers.length +
    plan.hostDevices.length + SPARE_PORTS;
  const ports = Array.from(
    { length: pciExpress ? portCount + 1 : 0 },
    (_, index) => element("controller", { type: "pci", index, model: index === 0 ? "pcie-root" : "pcie-root-port" }),
  );
  return [
    element("emulator", {}, plan.platform.emulator),
    ...ports,
    element("controller", { type: "scsi", index: 0, model: "virtio-scsi" }),
    ...plan.controllers,
    ...plan.disks.map(diskElement),
    ...(plan.seedPath === undefined ? [] : [seedElement(plan.seedPath)]),
    ...plan.nics.map((nic) => nicElement(nic, plan.defaultNetwork)),
    element("serial", { type: "pty" }),
    element("console", { type: "pty" }),
    element("channel", { type: "unix" }, element("target", { type: "virtio", name: AGENT_CHANNEL })),
    ...plan.hostDevices,
    ...securityDevices(plan.security),
    element("memballoon", { model: "virtio" }),
    element("rng", { model: "virtio" }, element("backend", { model: "random" }, "/dev/urandom")),
  ];
}

function securityDevices({ tpm, iommu }: DomainSecurity = {}): XmlElement[] {
  return [
    // A TPM 2.0 has the interface of today; 1.2 knows only the old one.
    ...(tpm === undefined ? [] : [
      element(
        "tpm",
        { model: tpm === "2.0" ? "tpm-crb" : "tpm-tis" },
        element("backend", { type: "emulator", version: tpm }),
      ),
    ]),
    ...(iommu ? [element("iommu", { model: "intel" })] : []),
  ];
}

/** Name under which the QEMU guest agent looks for its channel. */
export const AGENT_CHANNEL = "org.qemu.guest_agent.0";
