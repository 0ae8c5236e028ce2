/** What goes on inside a VM: first-boot configuration, boot, addresses, commands. @module */
import { createHash, createHmac } from "node:crypto";
import { parseYaml } from "@virtrigaud/deps";
import { type GuestExecResponse, type GuestInit, type MachineSpec, ProviderError } from "@virtrigaud/contract";
import type { GuestRecord, NicRecord, VmRecord } from "./model.ts";
import { networkOf } from "./spec_check.ts";
import type { World } from "./world.ts";

/**
 * Digest of the first-boot configuration that VM `vmId` is to have, its network configuration included; `undefined` for
 * none. Another one for every VM, so that nobody sees which VMs share a password.
 */
export function guestInitDigest(vmId: string, { guestInit: init, nics }: MachineSpec): string | undefined {
  const network = nics.some(({ addresses }) => addresses.length > 0)
    ? nics.map(({ name, mac, addresses, dns, routes, unmanaged }) => [name, mac, addresses, dns, routes, unmanaged])
    : undefined;
  if (init === undefined && network === undefined) return undefined;
  const parts = init === undefined
    ? []
    : init.type === "Ignition"
    ? [init.config.reveal()]
    : [init.userData, init.metaData, init.networkConfig].map((part) => part?.reveal() ?? "");
  return createHmac("sha256", vmId).update(JSON.stringify([init?.type, parts, network])).digest("hex");
}

/** A guest before its first boot, as its first-boot configuration will make it. */
export function newGuest(spec: MachineSpec): GuestRecord {
  const extra = spec.hardware.extraConfig ?? {};
  const tools = spec.hardware.guestTools ?? "install";
  return {
    state: "Down",
    bootNumber: 0,
    hostname: hostnameOf(spec),
    addresses: configuredAddresses(spec),
    agentInstalled: (tools === "install" || tools === "upgrade") && extra["mock.noAgent"] !== "true",
    ignoresShutdown: extra["mock.ignoreShutdown"] === "true",
    withoutAddress: extra["mock.noAddress"] === "true",
  };
}

/** A card as it is plugged in: with a MAC that stays the same for the same VM and card name. */
export function newNic(world: World, seed: string, spec: MachineSpec["nics"][number]): NicRecord {
  return { spec, mac: spec.mac ?? stableMac(seed, spec.name), network: networkOf(world, spec) };
}

function stableMac(seed: string, nic: string): string {
  const digest = createHash("sha256").update(`${seed}/${nic}`).digest("hex");
  return `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

/** The end of a boot: the guest is up, has its addresses and an agent. */
export function finishBoot(world: World, vmId: string, bootNumber: number): void {
  const vm = world.store.get("vms", vmId);
  if (vm === undefined || vm.power !== "On" || vm.guest.bootNumber !== bootNumber) return;
  const withoutAddress = vm.guest.withoutAddress || world.faults.noAddresses;
  const nics = withoutAddress ? vm.nics : vm.nics.map((nic) => withLease(world, vm, nic));
  const hostname = vm.nextHostname ?? vm.guest.hostname;
  world.store.put("vms", { ...vm, nics, guest: { ...vm.guest, state: "Up", withoutAddress, hostname } });
  world.store.effect("GuestBooted", vmId);
}

/** `nic` with an address from its network's pool, if its guest asks for one. */
export function withLease(world: World, vm: VmRecord, nic: NicRecord): NicRecord {
  const isStatic = (vm.guest.addresses[nic.spec.name]?.length ?? 0) > 0;
  if (isStatic || nic.spec.unmanaged || nic.lease !== undefined) return nic;
  const pool = world.options.networks.indexOf(nic.network);
  for (let tries = 0; tries < 65_000; tries++) {
    const number = world.store.next(`pool/${nic.network}`) % 65_000;
    const address = `10.${16 + pool}.${Math.floor((number + 10) / 250)}.${((number + 10) % 250) + 2}`;
    if (world.store.get("leases", address) !== undefined) continue;
    world.store.put("leases", { id: address, mac: nic.mac });
    return { ...nic, lease: address };
  }
  throw new ProviderError("QuotaExceeded", `the address pool of network ${nic.network} is used up`);
}

/** Gives the addresses of cards back that are no longer there. */
export function releaseLeases(world: World, nics: readonly NicRecord[]): void {
  for (const nic of nics) if (nic.lease !== undefined) world.store.delete("leases", nic.lease);
}

/** Addresses of one card, as the guest has them. */
export function addressesOf(vm: VmRecord, nic: NicRecord): readonly string[] {
  if (vm.power !== "On" || vm.guest.state !== "Up" || vm.guest.withoutAddress) return [];
  const configured = vm.guest.addresses[nic.spec.name] ?? [];
  return configured.length > 0 ? configured : nic.lease === undefined ? [] : [nic.lease];
}

/** Runs a command in the guest: a handful of harmless ones. @throws ProviderError when there is no running agent. */
export function runInGuest(vm: VmRecord, command: readonly string[], timeoutMs: number): GuestExecResponse {
  if (vm.power !== "On") {
    throw new ProviderError("Conflict", `VM ${vm.id} is ${vm.power}; switch it on to run commands in it`, {
      reason: "PowerState",
    });
  }
  if (!vm.guest.agentInstalled || vm.guest.state !== "Up") {
    throw new ProviderError("Conflict", `the agent of VM ${vm.id} does not answer; wait for the guest to boot`, {
      reason: "AgentNotRunning",
    });
  }
  const [program = "", ...args] = command;
  const done = (stdout: string, exitCode = 0, stderr = ""): GuestExecResponse => ({ exitCode, stdout, stderr });
  switch (program.replace(/^\/(usr\/)?bin\//, "")) {
    case "echo":
      return done(`${args.join(" ")}\n`.slice(0, 65_536));
    case "hostname":
      return done(`${vm.guest.hostname}\n`);
    case "uname":
      return done("Linux\n");
    case "true":
      return done("");
    case "false":
      return done("", 1);
    case "sleep":
      if (Number(args[0]) * 1000 <= timeoutMs) return done("");
      throw new ProviderError("Timeout", `the command did not end within ${timeoutMs} ms`);
    default:
      return done("", 127, `${program}: command not found\n`);
  }
}

/** What a guest that boots with this configuration calls itself. */
export const hostnameOf = ({ guestInit, name }: MachineSpec): string => configuredName(guestInit) ?? name;

/** `undefined`: whatever the hypervisor says. */
function configuredName(init: GuestInit | undefined): string | undefined {
  if (init === undefined) return undefined;
  if (init.type === "Ignition") return undefined;
  const userData = init.userData?.reveal() ?? "";
  const start = userData.indexOf("#cloud-config");
  const cloudConfig = start < 0 ? {} : mapping(userData.slice(start).split(/^--/m)[0] ?? "");
  const metaData = mapping(init.metaData?.reveal() ?? "");
  for (const name of [cloudConfig["hostname"], metaData["local-hostname"], metaData["hostname"]]) {
    if (typeof name === "string" && name !== "") return name;
  }
  return undefined;
}

/** Addresses by card from the network configuration, or else from the cards themselves. */
function configuredAddresses(spec: MachineSpec): Record<string, readonly string[]> {
  const result: Record<string, readonly string[]> = {};
  for (const nic of spec.nics) result[nic.name] = nic.addresses.map(({ address }) => address);
  if (spec.guestInit?.type !== "CloudInit" || spec.guestInit.networkConfig === undefined) return result;
  const config = mapping(spec.guestInit.networkConfig.reveal());
  const ethernets = asMapping(asMapping(config["network"] ?? config)["ethernets"]);
  for (const [key, value] of Object.entries(ethernets)) {
    const ethernet = asMapping(value);
    const mac = asMapping(ethernet["match"])["macaddress"];
    const nic = spec.nics.find((nic) => nic.name === key || (nic.mac !== undefined && nic.mac === mac));
    const addresses = Array.isArray(ethernet["addresses"]) ? ethernet["addresses"] : [];
    if (nic !== undefined) result[nic.name] = addresses.map((address) => String(address).split("/")[0] ?? "");
  }
  return result;
}

/** YAML as a mapping; what is none counts as empty, as a guest would take it. */
function mapping(yaml: string): Record<string, unknown> {
  try {
    return asMapping(parseYaml(yaml));
  } catch {
    return {};
  }
}

function asMapping(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}
