/** Descriptions of snapshots. @module */
import { element, find, parseXml, serializeXml, textOf } from "./element.ts";

/** Description for libvirt's call; disks and memory are its own choice, which is inside the qcow2 files. */
export function snapshotXml(plan: { readonly name: string; readonly description?: string | undefined }): string {
  return serializeXml(element(
    "domainsnapshot",
    {},
    element("name", {}, plan.name),
    plan.description === undefined ? undefined : element("description", {}, plan.description),
  ));
}

/** What libvirt tells of a snapshot. */
export interface SnapshotView {
  readonly description: string;
  readonly parent: string | undefined;
  /** Seconds since 1970. */
  readonly createdAtS: number;
  /** Whether the domain ran, so that its memory is in the snapshot. */
  readonly running: boolean;
}

/** Reads the description of a snapshot. */
export function readSnapshot(xml: string): SnapshotView {
  const root = parseXml(xml);
  const state = textOf(find(root, "state"));
  const parent = textOf(find(root, "parent", "name"));
  return {
    description: textOf(find(root, "description")),
    parent: parent === "" ? undefined : parent,
    createdAtS: Number(textOf(find(root, "creationTime"))) || 0,
    running: state === "running" || state === "paused",
  };
}
