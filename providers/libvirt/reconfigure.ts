/** Bringing an existing VM to its wish: live where that is possible, stored for the next start where it is not. @module */
import {
  type MachineSpec,
  ProviderError,
  type ReconfigureRequest,
  type ReconfigureResponse,
} from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import { type CallOptions, type LibvirtContext, requireDomain } from "./context.ts";
import { checkNetworks } from "./create.ts";
import { type DomainView, readDomain } from "./domain_xml/read.ts";
import { maxCpus, maxMemoryMib } from "./hardware.ts";
import { checkSpec } from "./honesty.ts";
import { reconcileDisks } from "./reconfigure_disks.ts";
import { reconcileGuestInit } from "./reconfigure_init.ts";
import { reconcileNics } from "./reconfigure_nics.ts";

/** One VM that is being brought to its wish. */
export interface Change {
  readonly context: LibvirtContext;
  readonly domain: DomainRef;
  readonly spec: MachineSpec;
  /** As the next start will be; for a VM that is off, as it is. */
  readonly stored: DomainView;
  /** As it runs; `undefined` while it is off. */
  readonly live: DomainView | undefined;
  readonly options: CallOptions;
  /** Fields that only a power cycle brings about. */
  readonly waiting: Set<string>;
}

/** Where a change of a device goes: to both descriptions of a running VM, else to the stored one. */
export const both = (change: Change): number =>
  change.live === undefined ? domains.affect.config : domains.affect.config | domains.affect.live;

export async function reconfigure(
  context: LibvirtContext,
  request: ReconfigureRequest,
  options: CallOptions,
): Promise<ReconfigureResponse> {
  const { spec } = request;
  // The image has done its work when the VM was created; whatever it says now is not looked at.
  checkSpec({ ...spec, image: { type: "Blank" }, rootDisk: { ...spec.rootDisk, sizeGib: spec.rootDisk.sizeGib ?? 1 } });
  const domain = await requireDomain(context, request.vmId, request.operation, options);
  return await context.locks.hold(domain.uuid, async () => {
    await checkNetworks(context, spec, options);
    const state = await domains.state(context.session, domain, options);
    const isOff = state === domains.domainState.off || state === domains.domainState.crashed;
    const view = async (which: "current" | "inactive") =>
      readDomain(await domains.xml(context.session, domain, which, options));
    const change: Change = {
      context,
      domain,
      spec,
      stored: await view("inactive"),
      live: isOff ? undefined : await view("current"),
      options,
      waiting: new Set(),
    };
    checkFixed(change);
    try {
      await reconcileCpus(change);
      await reconcileMemory(change);
      await reconcileDisks(change);
      await reconcileNics(change);
      await reconcileGuestInit(change);
    } finally {
      context.changes.notify(domain.uuid);
    }
    return { needsPowerCycle: [...change.waiting] };
  });
}

/** @throws {ProviderError} `InvalidSpec` for what a machine has from its birth: its guest would not know it again. */
function checkFixed({ domain, spec: { hardware }, stored }: Change): void {
  const { security } = hardware;
  const fixed: readonly (readonly [field: string, is: unknown, wish: unknown])[] = [
    ["hardware.firmware", stored.firmware, hardware.firmware],
    // Hardware of machines that we did not make is theirs; the wish may be silent about it.
    ...(stored.mark === undefined ? [] : [
      ["hardware.security.secureBoot", stored.security.secureBoot, security?.secureBoot ?? false],
      ["hardware.security.tpm", stored.security.tpm, security?.tpm ?? false],
      ["hardware.security.vtd", stored.security.iommu, security?.vtd ?? false],
    ] as const),
  ];
  for (const [field, is, wish] of fixed) {
    if (is === wish) continue;
    throw new ProviderError(
      "InvalidSpec",
      `domain "${domain.name}" has ${field} ${is}; it cannot change to ${wish}: make a new VM`,
      { field },
    );
  }
}

async function reconcileCpus({ context, domain, spec, stored, live, options, waiting }: Change): Promise<void> {
  const count = spec.hardware.cpus;
  const { config } = domains.affect;
  const set = (where: number, value: number, maximum = false) =>
    domains.setVcpus(context.session, domain, { count: value, where, maximum }, options);
  const max = Math.max(maxCpus(spec), count);
  if (stored.cpus.max !== max) {
    // Neither may be above the other at any moment.
    if (stored.cpus.current > max) await set(config, Math.min(count, max));
    await set(config, max, true);
  }
  if (stored.cpus.current !== count) await set(config, count);
  if (live === undefined || live.cpus.current === count) return;
  // libvirt can only take away again what was added while it ran, and not every guest lets go.
  if (count < live.cpus.current || count > live.cpus.max) return void waiting.add("hardware.cpus");
  await liveOrWait(() => set(domains.affect.live, count), waiting, "hardware.cpus");
}

async function reconcileMemory({ context, domain, spec, stored, live, options, waiting }: Change): Promise<void> {
  const { config } = domains.affect;
  const kib = spec.hardware.memoryMib * 1024;
  const maxKib = maxMemoryMib(spec) * 1024;
  const set = (where: number, value: number, maximum = false) =>
    domains.setMemory(context.session, domain, { kib: value, where, maximum }, options);
  if (stored.memoryKib.max !== maxKib) await set(config, maxKib, true);
  if (stored.memoryKib.current !== kib) await set(config, kib);
  if (live === undefined || live.memoryKib.current === kib) return;
  if (kib > live.memoryKib.max) return void waiting.add("hardware.memoryMib");
  await liveOrWait(() => set(domains.affect.live, kib), waiting, "hardware.memoryMib");
}

/** Tries a live change; where libvirt or QEMU says that this machine cannot, the field waits for a power cycle. */
export async function liveOrWait(change: () => Promise<void>, waiting: Set<string>, field: string): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof LibvirtError) || !(isImpossibleLive(error))) throw error;
    waiting.add(field);
  }
}

/** Whether the error speaks of what the running machine cannot do, and not of the way to it. */
export const isImpossibleLive = (error: LibvirtError): boolean =>
  error.class === "NotSupported" || error.code === errorCode.configUnsupported ||
  /No more available PCI slots/i.test(error.message);
