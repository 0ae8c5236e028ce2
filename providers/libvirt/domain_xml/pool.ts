/** Descriptions of storage pools. @module */
import { ProviderError } from "@virtrigaud/contract";
import { find, parseXml, textOf } from "./element.ts";

/** Kind of a pool, as libvirt calls it: `dir`, `fs`, `netfs`, `logical`, `rbd`... */
export const readPoolKind = (xml: string): string => parseXml(xml).attributes["type"] ?? "";

/** Name of what the pool is made of, where it has one: of a `logical` one, the volume group. */
export const readPoolSource = (xml: string): string => textOf(find(parseXml(xml), "source", "name"));

/** Folder that the pool's volumes are in. @throws {ProviderError} `NotSupported` for pools that are none. */
export function findPoolFolder(xml: string, name: string): string {
  const path = textOf(find(parseXml(xml), "target", "path"));
  if (path !== "") return path.replace(/\/$/, "");
  throw new ProviderError("NotSupported", `storage pool "${name}" has no folder`, { field: "storage" });
}

/** Bytes that are free in the pool, as of its last refresh; `undefined` where libvirt does not tell. */
export function readPoolRoom(xml: string): number | undefined {
  const text = textOf(find(parseXml(xml), "available"));
  return text === "" ? undefined : Number(text);
}
