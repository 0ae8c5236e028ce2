/**
 * What is written into a domain's description besides its size and its devices, one entry for each field of the wish:
 * how it is read, how it is written. Creation, change and the report on what waits for a power cycle all go by it.
 *
 * @module
 */
import { isDiskOfOurs } from "./devices.ts";
import { editAt, element, elements, find, mapElements, textOf, type XmlElement } from "./element.ts";
import { EXTRA_KEYS, extraField } from "./extra_keys.ts";

/** One field. */
export interface Setting {
  /** Path of the field in the wish. */
  readonly field: string;
  /** Its value in a description; `undefined`: it is not set. */
  readonly read: (domain: XmlElement) => string | undefined;
  /** `domain` with the value, or without one. */
  readonly write: (domain: XmlElement, value: string | undefined) => XmlElement;
}

/** Values by field; fields that are not there are left alone. */
export type SettingValues = ReadonlyMap<string, string | undefined>;

/** Microseconds in which a CPU quota is given here. */
export const QUOTA_PERIOD_US = 100_000;
/** From here on libvirt means that there is no limit: `VIR_DOMAIN_MEMORY_PARAM_UNLIMITED`, KiB. */
export const MEMORY_UNLIMITED_KIB = 9_007_199_254_740_991;

/** Fields of limits, which can be changed while the VM runs. */
export const LIMIT_FIELDS = {
  cpuShares: "hardware.limits.cpuShares",
  cpuLimit: "hardware.limits.cpuLimitMhz",
  memoryLimit: "hardware.limits.memoryLimitMib",
} as const;
/** Fields of the console. The password is read only from a description that was asked for with its secrets. */
export const GRAPHICS_FIELDS = {
  type: extraField(EXTRA_KEYS.graphics),
  listen: extraField(EXTRA_KEYS.graphicsListen),
  password: "credentials.graphics-password",
} as const;

/** All settings. */
export const settings: readonly Setting[] = [
  {
    field: LIMIT_FIELDS.cpuShares,
    read: (domain) => text(find(domain, "cputune", "shares")),
    write: (domain, value) => editAt(domain, ["cputune", "shares"], () => made("shares", value)),
  },
  { field: LIMIT_FIELDS.cpuLimit, read: readQuota, write: writeQuota },
  {
    field: LIMIT_FIELDS.memoryLimit,
    read: (domain) => {
      const kib = Number(text(find(domain, "memtune", "hard_limit")) ?? MEMORY_UNLIMITED_KIB);
      return kib >= MEMORY_UNLIMITED_KIB ? undefined : `${kib}`;
    },
    write: (domain, value) =>
      editAt(domain, ["memtune", "hard_limit"], () => made("hard_limit", value, { unit: "KiB" })),
  },
  {
    field: "hardware.limits.memoryReservationMib",
    read: (domain) => find(domain, "memoryBacking", "locked") === undefined ? undefined : "all",
    write: (domain, value) =>
      editAt(domain, ["memoryBacking", "locked"], () => value === undefined ? undefined : element("locked")),
  },
  {
    field: extraField(EXTRA_KEYS.cpuMode),
    // libvirt runs host-model as a model of its own, put together for this host.
    read: (domain) => {
      const mode = find(domain, "cpu")?.attributes["mode"];
      return mode === "custom" ? "host-model" : mode;
    },
    write: (domain, value) => {
      const kept = elements(find(domain, "cpu")).filter(({ name }) => name === "topology" || name === "numa");
      return editAt(domain, ["cpu"], () => element("cpu", { mode: value }, ...kept));
    },
  },
  {
    field: GRAPHICS_FIELDS.type,
    read: (domain) => graphics(domain)?.attributes["type"] ?? "none",
    write: (domain, value) =>
      editAt(domain, ["devices"], (devices) => {
        const { passwd } = find(devices, "graphics")?.attributes ?? {};
        const made = value === "none"
          ? undefined
          : element("graphics", { type: value, port: -1, autoport: "yes", passwd });
        // libvirt puts the sound of SPICE beside it and refuses one without the other.
        return devices && editAt(
          editAt(devices, ["graphics"], () => made),
          ["audio"],
          (old) => old?.attributes["type"] === "spice" && value !== "spice" ? undefined : old,
        );
      }),
  },
  {
    field: GRAPHICS_FIELDS.listen,
    read: (domain) => graphics(domain)?.attributes["listen"] ?? find(graphics(domain), "listen")?.attributes["address"],
    write: (domain, value) => {
      const listen = value === undefined ? undefined : element("listen", { type: "address", address: value });
      return editDevice(domain, "graphics", (old) => {
        if (old === undefined) return undefined;
        const { listen: _, ...attributes } = old.attributes;
        const others = mapElements(old, (child) => child.name === "listen" ? undefined : child);
        return { ...others, attributes, children: [...others.children, ...listen === undefined ? [] : [listen]] };
      });
    },
  },
  {
    field: GRAPHICS_FIELDS.password,
    read: (domain) => graphics(domain)?.attributes["passwd"],
    write: (domain, value) =>
      editDevice(domain, "graphics", (old) => {
        if (old === undefined) return undefined;
        const { passwd: _, ...attributes } = old.attributes;
        return { ...old, attributes: { ...attributes, ...value === undefined ? {} : { passwd: value } } };
      }),
  },
  {
    field: extraField(EXTRA_KEYS.video),
    read: (domain) => find(domain, "devices", "video", "model")?.attributes["type"] ?? "none",
    write: (domain, value) =>
      editDevice(domain, "video", () => element("video", {}, element("model", { type: value }))),
  },
  diskSetting(EXTRA_KEYS.diskCache, "cache"),
  diskSetting(EXTRA_KEYS.diskIo, "io"),
  diskSetting(EXTRA_KEYS.diskDiscard, "discard"),
];

/** `domain` with all of `values`. */
export const applySettings = (domain: XmlElement, values: SettingValues): XmlElement =>
  settings.reduce(
    (at, { field, write }) => values.has(field) ? write(at, values.get(field)) : at,
    domain,
  );

/** What a description says. */
export const readSettings = (domain: XmlElement): SettingValues =>
  new Map(settings.map(({ field, read }) => [field, read(domain)]));

const graphics = (domain: XmlElement): XmlElement | undefined => find(domain, "devices", "graphics");

function text(found: XmlElement | undefined): string | undefined {
  const content = textOf(found);
  return content === "" ? undefined : content;
}

const made = (name: string, value: string | undefined, attributes = {}): XmlElement | undefined =>
  value === undefined ? undefined : element(name, attributes, value);

/** The first device of this kind; a machine of somebody else may have more, which stay. */
const editDevice = (
  domain: XmlElement,
  name: string,
  change: (old: XmlElement | undefined) => XmlElement | undefined,
): XmlElement => editAt(domain, ["devices", name], change);

function readQuota(domain: XmlElement): string | undefined {
  const tune = find(domain, "cputune");
  const quota = Number(text(find(tune, "global_quota")) ?? -1);
  const period = Number(text(find(tune, "global_period")) ?? QUOTA_PERIOD_US);
  // libvirt writes the largest number there is for "no limit".
  return quota > 0 && quota < Number.MAX_SAFE_INTEGER && period > 0
    ? `${Math.round(quota * QUOTA_PERIOD_US / period)}`
    : undefined;
}

function writeQuota(domain: XmlElement, value: string | undefined): XmlElement {
  const period = value === undefined ? undefined : `${QUOTA_PERIOD_US}`;
  const timed = editAt(domain, ["cputune", "global_period"], () => made("global_period", period));
  return editAt(timed, ["cputune", "global_quota"], () => made("global_quota", value));
}

/** An attribute that all disks of ours share. */
function diskSetting(key: string, attribute: string): Setting {
  return {
    field: extraField(key),
    read: (domain) => {
      const disks = elements(find(domain, "devices"), "disk").filter(isDiskOfOurs);
      const values = new Set(disks.map((disk) => find(disk, "driver")?.attributes[attribute]));
      return values.size === 1 ? [...values][0] : values.size === 0 ? undefined : "mixed";
    },
    write: (domain, value) =>
      editAt(domain, ["devices"], (devices) =>
        devices && mapElements(devices, (device) => {
          if (!isDiskOfOurs(device)) return device;
          return editAt(device, ["driver"], (old) => {
            const { [attribute]: _, ...others } = old?.attributes ?? {};
            return element("driver", { ...others, [attribute]: value });
          });
        })),
  };
}
