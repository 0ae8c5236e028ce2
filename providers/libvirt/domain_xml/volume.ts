/** Descriptions of storage volumes. @module */
import { element, find, parseXml, serializeXml, textOf } from "./element.ts";

/** A volume that is to be. */
export interface VolumePlan {
  readonly name: string;
  readonly bytes: number;
  readonly format: string;
  /** Takes all of its space at once. Default false. */
  readonly thick?: boolean;
  /** The file that an overlay stands on. */
  readonly backing?: { readonly path: string; readonly format: string };
}

/** Description for libvirt's volume calls. */
export function volumeXml(plan: VolumePlan): string {
  return serializeXml(element(
    "volume",
    {},
    element("name", {}, plan.name),
    element("capacity", { unit: "bytes" }, plan.bytes),
    plan.thick ? element("allocation", { unit: "bytes" }, plan.bytes) : undefined,
    element(
      "target",
      {},
      element("format", { type: plan.format }),
      // Without it libvirt makes qcow2 files of the format of 2009, which are slower and lack features.
      plan.format === "qcow2" ? element("compat", {}, "1.1") : undefined,
    ),
    plan.backing === undefined ? undefined : element(
      "backingStore",
      {},
      element("path", {}, plan.backing.path),
      element("format", { type: plan.backing.format }),
    ),
  ));
}

/** When the volume was last written, milliseconds since 1970; `undefined` where libvirt does not tell. */
export function readWrittenAt(xml: string): number | undefined {
  const seconds = Number(textOf(find(parseXml(xml), "target", "timestamps", "mtime")) || NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** Bytes that the volume's file has, to its end; `undefined` where libvirt does not tell. */
export function readFileBytes(xml: string): number | undefined {
  const bytes = Number(textOf(find(parseXml(xml), "physical")) || NaN);
  return Number.isFinite(bytes) ? bytes : undefined;
}

/** Path of the file that an overlay stands on; `undefined` if the volume is whole in itself. */
export function readBacking(xml: string): string | undefined {
  const path = textOf(find(parseXml(xml), "backingStore", "path"));
  return path === "" ? undefined : path;
}

/** Whether the volume is a block device and no file. */
export const isBlockVolume = (xml: string): boolean => parseXml(xml).attributes["type"] === "block";

/** Format of a volume, as its description names it; block devices have none. */
export function readVolumeFormat(xml: string): string | undefined {
  return find(parseXml(xml), "target", "format")?.attributes["type"];
}
