/** Bringing an existing VM to its wish: live where that is possible, stored for the next start where it is not. @module */
import {
  type GuestInitChange,
  ProviderError,
  type ReconfigureRequest,
  type ReconfigureResponse,
} from "@virtrigaud/contract";
import * as domains from "../client/domain.ts";
import { type CallOptions, type LibvirtContext, requireDomain } from "../context.ts";
import { EXTRA_KEYS, extraField } from "../domain_xml/extra_keys.ts";
import { find, textOf } from "../domain_xml/element.ts";
import { readGpus } from "../domain_xml/gpu.ts";
import { readDomain } from "../domain_xml/read.ts";
import { extra } from "../hardware.ts";
import { checkSpec } from "../honesty.ts";
import { checkNetworks, checkOffer } from "../host_checks.ts";
import type { Change } from "./change.ts";
import { reconcileDescription, reconcileTags } from "./description.ts";
import { reconcileDisks } from "./disks.ts";
import { reconcileGuestInit } from "./guest_init.ts";
import { reconcileNics } from "./nics.ts";

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
    const view = async (which: "current" | "definition") =>
      readDomain(await domains.xml(context.session, domain, which, options));
    const change: Change = {
      context,
      domain,
      spec,
      stored: await view("definition"),
      live: isOff ? undefined : await view("current"),
      options,
      waiting: new Set(),
    };
    checkFixed(change);
    await checkHost(change);
    let guestInit: GuestInitChange | undefined;
    try {
      await reconcileDescription(change);
      await reconcileTags(change);
      await reconcileDisks(change);
      await reconcileNics(change);
      if (request.followGuestInit === true) guestInit = await reconcileGuestInit(change, request.operation.ownerUid);
    } finally {
      context.changes.notify(domain.uuid);
    }
    return { needsPowerCycle: [...change.waiting], ...(guestInit === undefined ? {} : { guestInit }) };
  });
}

/** @throws {ProviderError} `InvalidSpec` for what a machine has from its birth: its guest would not know it again. */
function checkFixed({ domain, spec, stored }: Change): void {
  const { hardware } = spec;
  const { security, gpu } = hardware;
  const machine = extra(spec, EXTRA_KEYS.machine);
  const gpus = Array.from({ length: gpu?.count ?? 0 }, () => gpu?.type?.toLowerCase());
  const fixed: readonly (readonly [field: string, is: unknown, wish: unknown])[] = [
    ["hardware.firmware", stored.firmware, hardware.firmware],
    [extraField(EXTRA_KEYS.machine), familyLike(machine, stored.machine), machine],
    [extraField(EXTRA_KEYS.domainType), stored.domainType, extra(spec, EXTRA_KEYS.domainType)],
    // Hardware of machines that we did not make is theirs; the wish may be silent about it.
    ...(stored.mark === undefined ? [] : [
      ["hardware.security.secureBoot", stored.security.secureBoot, security?.secureBoot ?? false],
      ["hardware.security.tpm", stored.security.tpm, security?.tpm ?? false],
      ["hardware.security.vtd", stored.security.iommu, security?.vtd ?? false],
      ["hardware.gpu", readGpus(stored.root).join(", ") || "none", gpus.join(", ") || "none"],
    ] as const),
  ];
  for (const [field, is, wish] of fixed) {
    if (is === wish || wish === undefined) continue;
    throw new ProviderError(
      "InvalidSpec",
      `domain "${domain.name}" has ${field} ${is}; it cannot change to ${wish}: make a new VM`,
      { field },
    );
  }
}

/** libvirt stores `q35` as `pc-q35-7.2`, whatever the host calls q35 today; a full name is compared as it is. */
function familyLike(wish: string | undefined, is: string): string {
  const family = /^pc-i440fx-/.test(is) ? "pc" : is.replace(/^pc-/, "").replace(/-\d[\w.]*$/, "");
  return wish === family ? family : is;
}

/**
 * Looks again at what the host can give where the wish goes beyond the plain machine. One that is there has its firmware
 * and devices already, and may be of another architecture than the host.
 */
async function checkHost({ context, spec, stored }: Change): Promise<void> {
  const { extraConfig, performance } = spec.hardware;
  const isPlain = Object.keys(extraConfig ?? {}).length === 0 && !performance?.nestedVirtualization &&
    !performance?.virtualizationBasedSecurity;
  if (isPlain) return;
  const platform = {
    arch: stored.arch,
    machine: stored.machine,
    domainType: stored.domainType === "kvm" ? "kvm" as const : "qemu" as const,
    emulator: textOf(find(stored.root, "devices", "emulator")) || (await context.host.platform()).emulator,
  };
  const { gpu: _gpu, security: _security, firmware: _firmware, ...changeable } = spec.hardware;
  const offer = await context.host.offer(platform);
  checkOffer({ ...spec, hardware: { ...changeable, firmware: "BIOS" } }, platform, offer);
}
