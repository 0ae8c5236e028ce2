/** Choosing GPUs that no other domain has. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import * as nodeDevices from "./client/node_device.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { parseXml } from "./domain_xml/element.ts";
import { type PciDevice, pciKey, readPciDevice, usedPci } from "./domain_xml/gpu.ts";

/** Lock under which GPUs are chosen and defined: two VMs at once must not be given the same. */
export const GPU_LOCK = "gpus";

/**
 * Devices of the wished type that no domain has, running or not.
 * @throws {ProviderError} `QuotaExceeded` when there are not enough.
 */
export async function chooseGpus(
  context: LibvirtContext,
  { hardware: { gpu } }: MachineSpec,
  options: CallOptions,
): Promise<readonly PciDevice[]> {
  if (gpu === undefined) return [];
  const { session } = context;
  const type = gpu.type?.toLowerCase();
  const found = await Promise.all(
    (await nodeDevices.listPci(session, options)).map(async (name) =>
      readPciDevice(await nodeDevices.xml(session, name, options))
    ),
  );
  const matching = found.filter((device) => device !== undefined).filter((device) => device.type === type);
  const used = new Set<string>();
  for (const domain of await domains.list(session, options)) {
    for (const key of usedPci(parseXml(await domains.xml(session, domain, "inactive", options)))) used.add(key);
  }
  const free = matching.filter(({ group }) => !group.some((at) => used.has(pciKey(at))));
  if (free.length >= gpu.count) return free.slice(0, gpu.count);
  throw new ProviderError(
    "QuotaExceeded",
    `${gpu.count} GPUs of type ${gpu.type} are wanted; the libvirt host has ${matching.length}, of which ` +
      `${free.length} are free`,
    { field: "hardware.gpu" },
  );
}
