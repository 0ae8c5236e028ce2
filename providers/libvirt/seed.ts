/** The first-boot medium: a NoCloud seed for cloud-init. @module */
import { parseYaml, stringifyYaml } from "@virtrigaud/deps";
import { type MachineSpec, type Nic, ProviderError, type StaticAddress } from "@virtrigaud/contract";
import { isoImage } from "./iso9660.ts";
import type { NamedNic } from "./identity.ts";

/** A seed, ready to be written. */
export interface Seed {
  /** `NoCloud`: an ISO 9660 image for cloud-init; `Ignition`: the configuration itself. */
  readonly type: "NoCloud" | "Ignition";
  /** The same wish gives the same bytes: what a VM has is compared with what it is to have, and needs no digest. */
  readonly image: Uint8Array;
}

/** Largest user-data, meta-data or network configuration, bytes. */
const PART_MAX = 1024 * 1024;
/** The volume label by which cloud-init finds its seed. */
const VOLUME_ID = "cidata";

/**
 * cloud-init configures the network of an instance once. Addresses that the wish names are to be those that the guest has
 * from its next boot on, and a new instance id would also make new host keys and run everything else anew.
 */
const NETWORK_AT_EVERY_BOOT = `#cloud-config\n${
  stringifyYaml({ updates: { network: { when: ["boot-new-instance", "boot"] } } })
}`;

/**
 * The seed for `spec`, of `room` bytes if it fits into them; `undefined` if it needs none: no first-boot configuration and no static addresses.
 * @throws {ProviderError} `InvalidSpec` with the field, for meta-data that is no mapping and for parts that are too large.
 */
export function makeSeed(
  spec: MachineSpec,
  nics: readonly NamedNic[],
  instanceId: string,
  room?: number,
): Seed | undefined {
  const { guestInit } = spec;
  if (guestInit?.type === "Ignition") return ignition(spec, guestInit.config.reveal());
  const networkConfig = guestInit?.networkConfig?.reveal() ?? networkConfigOf(nics);
  if (guestInit === undefined && networkConfig === undefined) return undefined;
  const parts: readonly (readonly [file: string, field: string, text: string | undefined])[] = [
    ["user-data", "guestInit.userData", guestInit?.userData?.reveal() ?? "#cloud-config\n"],
    ["meta-data", "guestInit.metaData", metaData(guestInit?.metaData?.reveal(), instanceId, spec.name)],
    ["network-config", "guestInit.networkConfig", networkConfig],
    // The weakest of cloud-init's sources: user-data may say otherwise.
    ["vendor-data", "guestInit.networkConfig", networkConfig === undefined ? undefined : NETWORK_AT_EVERY_BOOT],
  ];
  const files = parts.flatMap(([name, field, text]) => {
    if (text === undefined) return [];
    const content = new TextEncoder().encode(text);
    if (content.byteLength > PART_MAX) {
      throw new ProviderError(
        "InvalidSpec",
        `${field} of "${spec.name}" has ${content.byteLength} bytes, at most ${PART_MAX} are allowed`,
        { field },
      );
    }
    return [{ name, content }];
  });
  return { type: "NoCloud", image: isoImage(VOLUME_ID, files, room) };
}

function ignition(spec: MachineSpec, config: string): Seed {
  const image = new TextEncoder().encode(config);
  const refuse = (why: string): never => {
    throw new ProviderError("InvalidSpec", `guestInit.ignition of "${spec.name}" ${why}`, {
      field: "guestInit.ignition",
    });
  };
  if (image.byteLength > PART_MAX) refuse(`has ${image.byteLength} bytes, at most ${PART_MAX} are allowed`);
  try {
    JSON.parse(config);
  } catch {
    refuse("is not JSON");
  }
  return { type: "Ignition", image };
}

/** Tells first-boot configurations from each other and nothing about them: `guestInitDigest` of a report. */
export const newSeedToken = (): string => crypto.randomUUID().replaceAll("-", "");

function metaData(given: string | undefined, instanceId: string, name: string): string {
  const parsed: unknown = given === undefined ? {} : parse(given, name);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ProviderError("InvalidSpec", `guestInit.metaData of "${name}" is not a mapping`, {
      field: "guestInit.metaData",
    });
  }
  return stringifyYaml({ "instance-id": instanceId, "local-hostname": name, ...parsed });
}

function parse(text: string, name: string): unknown {
  try {
    return parseYaml(text) ?? {};
  } catch (error) {
    // The parser's message quotes the document, which may hold secrets.
    throw new ProviderError("InvalidSpec", `guestInit.metaData of "${name}" is neither YAML nor JSON`, {
      field: "guestInit.metaData",
      cause: error instanceof Error ? error.name : undefined,
    });
  }
}

/** Network configuration version 2; `undefined` when no card has static addresses: cloud-init's own default is DHCP. */
function networkConfigOf(nics: readonly NamedNic[]): string | undefined {
  if (!nics.some((nic) => nic.addresses.length > 0)) return undefined;
  const managed = nics.filter((nic) => nic.unmanaged !== true);
  const ethernets = Object.fromEntries(managed.map((nic) => [nic.name, ethernet(nic)]));
  return stringifyYaml({ version: 2, ethernets });
}

function ethernet(nic: NamedNic): Record<string, unknown> {
  const gateway = (isWanted: (address: StaticAddress) => boolean) =>
    nic.addresses.find((address) => isWanted(address) && address.gateway !== undefined)?.gateway;
  const gateway4 = gateway((address) => !isIpv6(address));
  const gateway6 = gateway(isIpv6);
  return {
    match: { macaddress: nic.mac },
    ...(nic.addresses.length === 0
      ? { dhcp4: true }
      : { addresses: nic.addresses.map(({ address, prefix }) => `${address}/${prefix}`) }),
    // Not `routes` with `to: default`, which cloud-init before 23 does not render everywhere.
    ...(gateway4 === undefined ? {} : { gateway4 }),
    ...(gateway6 === undefined ? {} : { gateway6 }),
    ...(nic.mtu === undefined ? {} : { mtu: nic.mtu }),
    ...nameservers(nic),
    ...(nic.routes === undefined || nic.routes.length === 0 ? {} : {
      routes: nic.routes.map(({ destination, gateway: via, metric }) => ({
        to: destination,
        via,
        ...(metric === undefined ? {} : { metric }),
      })),
    }),
  };
}

const isIpv6 = (address: StaticAddress): boolean => address.address.includes(":");

function nameservers({ dns }: Nic): Record<string, unknown> {
  if (dns === undefined || dns.servers.length + dns.searchDomains.length === 0) return {};
  return { nameservers: { addresses: [...dns.servers], search: [...dns.searchDomains] } };
}
