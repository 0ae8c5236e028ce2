/** Places for disks: names on their bus, controllers of SCSI and numbers there. @module */
import type { DataDisk } from "@virtrigaud/contract";
import { type DiskBus, type DiskPlace, SEED_TARGET } from "./devices.ts";
import { element, elements, find, type XmlElement } from "./element.ts";

const prefixes: Readonly<Record<DiskBus, string>> = { virtio: "vd", scsi: "sd", sata: "sd", ide: "hd" };
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const CONTROLLER_ALIAS = "ua-scsi-";
/** The controller that machines of ours have from birth, with the first-boot medium. */
const OWN_CONTROLLER = { index: 0, model: "virtio-scsi" } as const;

/** libvirt's names for the models of the API; QEMU has no BusLogic. */
export const scsiModels: Readonly<Record<string, string>> = {
  lsilogic: "lsilogic",
  "lsilogic-sas": "lsisas1068",
  pvscsi: "vmpvscsi",
};
/** Most disks of a controller. */
const PER_CONTROLLER: Readonly<Record<string, number>> = {
  lsilogic: 7,
  lsisas1068: 8,
  vmpvscsi: 64,
  "virtio-scsi": 255,
};

/** What is taken, and where the next disk goes. Made of devices that exist; it remembers what it has given out. */
export class DiskPlaces {
  readonly #targets = new Set<string>([SEED_TARGET]);
  readonly #drives = new Set<string>();
  /** Index of a controller by the number that the wish gives it. */
  readonly #controllers = new Map<number, { readonly index: number; readonly model: string }>();
  /** Where disks hang that name no controller, as soon as there is one. */
  #common: number | undefined;
  #lastIndex: number;

  /** `devices`: the `devices` element of a description; several for a running domain, none for one that is to be. */
  constructor(...devices: readonly (XmlElement | undefined)[]) {
    this.#common = devices.length === 0 ? OWN_CONTROLLER.index : undefined;
    this.#lastIndex = this.#common ?? -1;
    for (const controller of devices.flatMap((each) => elements(each, "controller"))) {
      if (controller.attributes["type"] !== "scsi") continue;
      const index = Number(controller.attributes["index"]);
      this.#lastIndex = Math.max(this.#lastIndex, index);
      const model = controller.attributes["model"] ?? "";
      const alias = find(controller, "alias")?.attributes["name"];
      if (!alias?.startsWith(CONTROLLER_ALIAS)) {
        if (model === OWN_CONTROLLER.model) this.#common ??= index;
        continue;
      }
      this.#controllers.set(Number(alias.slice(CONTROLLER_ALIAS.length)), { index, model });
    }
    for (const disk of devices.flatMap((each) => elements(each, "disk"))) {
      this.#targets.add(find(disk, "target")?.attributes["dev"] ?? "");
      const { controller, target, unit } = find(disk, "address")?.attributes ?? {};
      if (controller !== undefined) this.#drives.add(`${controller} ${target} ${unit}`);
    }
  }

  /** Whether an existing disk hangs on the controller that the wish names. */
  isAsWished(disk: XmlElement, { scsi }: Pick<DataDisk, "scsi">): boolean {
    const isScsi = find(disk, "target")?.attributes["bus"] === "scsi";
    const index = Number(find(disk, "address")?.attributes["controller"]);
    if (scsi === undefined) return !isScsi || ![...this.#controllers.values()].some((each) => each.index === index);
    const wished = this.#controllers.get(scsi.controller ?? 0);
    return isScsi && wished?.index === index && wished.model === scsiModel(scsi);
  }

  /** Makes the controller of a disk known; the element is the device to add, if there is one to add. */
  controllerFor(bus: DiskBus, { scsi }: Pick<DataDisk, "scsi">): XmlElement | undefined {
    if (scsi === undefined) {
      if (bus !== "scsi" || this.#common !== undefined) return undefined;
      this.#common = ++this.#lastIndex;
      return element("controller", { type: "scsi", index: this.#common, model: OWN_CONTROLLER.model });
    }
    const number = scsi.controller ?? 0;
    if (this.#controllers.has(number)) return undefined;
    const index = ++this.#lastIndex;
    const model = scsiModel(scsi);
    this.#controllers.set(number, { index, model });
    return element(
      "controller",
      { type: "scsi", index, model },
      element("alias", { name: `${CONTROLLER_ALIAS}${number}` }),
    );
  }

  /** The next place; `undefined` when there is none. `scsi`: the disk's own wish, else it goes on `bus`. */
  next(bus: DiskBus, scsi?: DataDisk["scsi"]): DiskPlace | undefined {
    const on = scsi === undefined ? bus : "scsi";
    const target = [...LETTERS].map((letter) => `${prefixes[on]}${letter}`).find((name) => !this.#targets.has(name));
    if (target === undefined) return undefined;
    if (on !== "scsi") {
      this.#targets.add(target);
      return { bus: on, target };
    }
    const controller = scsi !== undefined
      ? this.#controllers.get(scsi.controller ?? 0)
      : this.#common === undefined
      ? undefined
      : { index: this.#common, model: OWN_CONTROLLER.model };
    if (controller === undefined) return undefined;
    for (let number = 0; number < (PER_CONTROLLER[controller.model] ?? 0); number++) {
      const drive = { controller: controller.index, ...addressOn(controller.model, number) };
      const key = `${drive.controller} ${drive.target} ${drive.unit}`;
      // The first-boot medium comes and goes; its place stays free for it.
      if (this.#drives.has(key) || (drive.controller === OWN_CONTROLLER.index && number === 0 && scsi === undefined)) {
        continue;
      }
      this.#drives.add(key);
      this.#targets.add(target);
      return { bus: "scsi", target, drive };
    }
    return undefined;
  }
}

/** libvirt's name for the model that the wish asks for. */
export const scsiModel = (scsi: NonNullable<DataDisk["scsi"]>): string =>
  scsiModels[scsi.controllerType ?? "pvscsi"] ?? "vmpvscsi";

/** QEMU counts the disks of parallel SCSI as units, those of the others as targets. */
const addressOn = (model: string, number: number): { target: number; unit: number } =>
  model === "lsilogic" ? { target: 0, unit: number } : { target: number, unit: 0 };
