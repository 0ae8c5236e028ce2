/** Descriptions of copies that QEMU makes of the disks of a running domain. @module */
import { element, elements, find, parseXml, serializeXml } from "./element.ts";

/** A disk of the domain, and the file that its content goes into. */
export interface BackupDisk {
  /** `vda`. */
  readonly target: string;
  readonly path: string;
}

/** Description for libvirt's call: these disks, and no other, into qcow2 files that are there already. */
export function backupXml(disks: readonly BackupDisk[]): string {
  return serializeXml(element(
    "domainbackup",
    { mode: "push" },
    element(
      "disks",
      {},
      ...disks.map(({ target, path }) =>
        element(
          "disk",
          { name: target, backup: "yes", type: "file" },
          element("driver", { type: "qcow2" }),
          element("target", { file: path }),
        )
      ),
    ),
  ));
}

/** The files that a backup writes into. */
export function readBackupFiles(xml: string): string[] {
  const disks = elements(find(parseXml(xml), "disks"), "disk");
  return disks.map((disk) => find(disk, "target")?.attributes["file"]).filter((path) => path !== undefined);
}
