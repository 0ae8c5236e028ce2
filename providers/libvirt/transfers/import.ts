/** Disks that enter: content of a store becomes a volume, which a VM can be created from without a copy. @module */
import { createHash } from "node:crypto";
import { type ImportDiskRequest, type ImportDiskResponse, ProviderError } from "@virtrigaud/contract";
import { transferStore } from "../../shared/transfer/mod.ts";
import type { PoolRef } from "../client/objects.ts";
import * as storage from "../client/storage.ts";
import type { CallOptions, LibvirtContext } from "../context.ts";
import { domainUsing } from "../usage.ts";
import { findPoolFolder } from "../domain_xml/pool.ts";
import { importedBlock, importedVolume, importPart } from "../identity.ts";
import { takeIn } from "../images/intake.ts";
import { requireDiskPool } from "../images/pools.ts";

/** Formats that libvirt reads. */
export const IMPORT_FORMATS: readonly string[] = ["qcow2", "raw", "vmdk", "vdi", "vhd"];

export async function importDisk(
  context: LibvirtContext,
  request: ImportDiskRequest,
  options: CallOptions,
): Promise<ImportDiskResponse> {
  const { operation, name, format, expectedChecksum } = request;
  if (!IMPORT_FORMATS.includes(format)) {
    throw new ProviderError(
      "InvalidSpec",
      `import of disk "${name}": "${format}" is none of ${IMPORT_FORMATS.join(", ")}`,
      {
        field: "format",
      },
    );
  }
  const storeOf = (signal: AbortSignal) =>
    transferStore(request.source, { clock: context.clock, claims: context.claims, field: "source", signal });
  // Refuses what is wrong with the address before anything is made.
  storeOf(new AbortController().signal);
  const pool = await requireDiskPool(context, request.storage ?? context.defaultPool, "storage", options);
  const key = createHash("sha256").update(JSON.stringify([operation.ownerUid, name])).digest("hex").slice(0, 32);
  const volume = pool.volumes === "Files" ? importedVolume(key) : importedBlock(key);
  const diskId = `${findPoolFolder(await storage.poolXml(context.session, pool, options), pool.name)}/${volume}`;
  const answer = { diskId, path: diskId };
  const taskKey = `import/${pool.uuid}/${key}`;
  const running = context.tasks.running(taskKey);
  if (running !== undefined) return { ...answer, task: running };
  await refuseIfUsed(context, pool, volume, options);
  const task = context.tasks.start(taskKey, undefined, async ({ signal, progress }) => {
    const body = await storeOf(signal).read();
    const checksum = await takeIn(context, pool, body, {
      what: `disk "${name}"`,
      part: importPart(key),
      volume,
      format,
      fields: { content: "source.url", format: "format", checksum: "expectedChecksum" },
      progress,
      ...(expectedChecksum === undefined ? {} : { checksum: { algorithm: "sha256", value: expectedChecksum } }),
    });
    return { checksum };
  });
  return { ...answer, task };
}

/** What was imported under this name before may be some VM's disk by now. */
async function refuseIfUsed(
  context: LibvirtContext,
  pool: PoolRef,
  name: string,
  options: CallOptions,
): Promise<void> {
  const volume = await storage.volume(context.session, pool, name, options);
  if (volume === undefined) return;
  const user = await domainUsing(context, await storage.path(context.session, volume, options), options);
  if (user === undefined) return;
  throw new ProviderError(
    "Conflict",
    `a disk of this name was imported before and is in use by domain "${user.name}"`,
    {
      reason: "NameConflict",
      field: "name",
    },
  );
}
