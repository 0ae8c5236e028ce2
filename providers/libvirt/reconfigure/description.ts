/** Size, settings and tags of an existing VM: into its stored description in one piece, and live where that works. @module */
import { type MachineSpec, ProviderError } from "@virtrigaud/contract";
import * as agent from "../client/agent.ts";
import * as domains from "../client/domain.ts";
import * as tuning from "../client/domain_tuning.ts";
import { errorCode, LibvirtError } from "../client/errors.ts";
import type { TypedParam } from "../client/objects.ts";
import { wishedSettings } from "../create.ts";
import { find, serializeXml, type XmlElement } from "../domain_xml/element.ts";
import { EXTRA_KEYS, extraField } from "../domain_xml/extra_keys.ts";
import { markMetadata } from "../domain_xml/mark.ts";
import type { DomainView } from "../domain_xml/read.ts";
import {
  applySettings,
  GRAPHICS_FIELDS,
  LIMIT_FIELDS,
  MEMORY_UNLIMITED_KIB,
  QUOTA_PERIOD_US,
  type SettingValues,
} from "../domain_xml/settings.ts";
import { readLayout, type Size, writeCurrent, writeSize } from "../domain_xml/size.ts";
import { extra, sizeOf } from "../hardware.ts";
import { pendingLayout, pendingSettings } from "../pending.ts";
import { type Change, liveOrWait } from "./change.ts";

/** Makes size and settings follow the wish. What is refused while the VM runs is not stored either. */
export async function reconcileDescription(change: Change): Promise<void> {
  const { context, domain, stored, live, options } = change;
  const wanted = await settingsFor(change);
  const { size, resized } = sizeFor(change);
  const differing = new Map([...wanted].filter(([field, value]) => stored.settings.get(field) !== value));
  const target = { settings: new Map([...stored.settings, ...wanted]), size };
  if (live !== undefined) await changeLive(change, live, { ...target, differing });
  const edited = applySettings(resized, differing);
  if (edited !== stored.root) {
    await domains.define(context.session, serializeXml(edited), `change domain "${domain.name}"`, options);
  }
  if (live === undefined) return;
  const layout = pendingLayout(live, { ...stored, layout: readLayout(edited) });
  for (const field of layout) change.waiting.add(field);
}

/** Hardware of machines that we did not make is theirs: of it only what the wish names is touched. */
async function settingsFor({ context, spec, stored }: Change): Promise<SettingValues> {
  const platform = { ...await context.host.platform(), ...platformOf(stored) };
  const all = await wishedSettings(context, spec, platform);
  if (stored.mark !== undefined) return all;
  const isNamed = (field: string): boolean =>
    Object.keys(spec.hardware.extraConfig ?? {}).some((key) => extraField(key) === field) ||
    (field.startsWith("hardware.limits.") && all.get(field) !== undefined);
  return new Map([...all].filter(([field]) => isNamed(field)));
}

const platformOf = ({ arch, domainType, machine }: DomainView) => ({
  arch,
  machine,
  domainType: domainType === "kvm" ? "kvm" as const : "qemu" as const,
});

interface SizeChange {
  readonly size: Size;
  /** The stored description with it. */
  readonly resized: XmlElement;
}

const SHAPE_KEYS = [
  EXTRA_KEYS.cpuCores,
  EXTRA_KEYS.cpuThreads,
  EXTRA_KEYS.numaNodes,
  EXTRA_KEYS.maxCpus,
  EXTRA_KEYS.maxMemoryMib,
] as const;

/**
 * The size to be, and how it gets into the description.
 * @throws {ProviderError} `NotSupported` for a machine of somebody else that would have to be laid out anew.
 */
function sizeFor({ domain, spec, stored }: Change): SizeChange {
  const size = sizeOf(spec);
  if (stored.mark !== undefined || SHAPE_KEYS.some((key) => extra(spec, key) !== undefined)) {
    return { size, resized: hasSize(stored, size) ? stored.root : writeSize(stored.root, size) };
  }
  const room = { cpus: stored.cpus.max, memoryMib: stored.memoryKib.max / 1024 };
  const grown: Size = {
    cpus: { current: size.cpus.current, max: Math.max(room.cpus, size.cpus.current) },
    memoryMib: { current: size.memoryMib.current, max: Math.max(room.memoryMib, size.memoryMib.current) },
  };
  if (grown.cpus.max === room.cpus && grown.memoryMib.max === room.memoryMib) {
    return { size: grown, resized: hasCurrent(stored, grown) ? stored.root : writeCurrent(stored.root, grown) };
  }
  const { cores, numaNodes } = stored.layout;
  if (cores !== undefined || numaNodes !== undefined) {
    throw new ProviderError(
      "NotSupported",
      `domain "${domain.name}" has a layout of CPUs or memory of its own and no room for more: say how it is to be laid ` +
        `out with ${SHAPE_KEYS.join(", ")}`,
      { field: cores === undefined ? "hardware.memoryMib" : "hardware.cpus" },
    );
  }
  return { size: grown, resized: writeSize(stored.root, grown) };
}

const hasSize = (is: DomainView, size: Size): boolean =>
  hasCurrent(is, size) && is.cpus.max === size.cpus.max && is.memoryKib.max === size.memoryMib.max * 1024 &&
  is.layout.cores === size.topology?.cores && is.layout.threads === size.topology?.threads &&
  is.layout.numaNodes === size.numaNodes;

const hasCurrent = (is: DomainView, size: Size): boolean =>
  is.cpus.current === size.cpus.current && is.memoryKib.current === size.memoryMib.current * 1024;

interface Target {
  readonly size: Size;
  /** Everything that is to be stored. */
  readonly settings: SettingValues;
  /** What of it is not stored yet. */
  readonly differing: SettingValues;
}

async function changeLive(change: Change, live: DomainView, { size, settings, differing }: Target): Promise<void> {
  const { stored, waiting } = change;
  for (const field of pendingSettings(live, { ...stored, settings })) {
    if (field === GRAPHICS_FIELDS.password) continue;
    const apply = liveSettings[field];
    const value = settings.get(field);
    if (apply === undefined) waiting.add(field);
    else await apply(change, value);
  }
  const password = differing.get(GRAPHICS_FIELDS.password);
  if (password !== undefined) await changePassword(change, live, password);
  await changeCpus(change, live, size);
  await changeMemory(change, live, size);
}

async function changeCpus(change: Change, live: DomainView, size: Size): Promise<void> {
  const { context, domain, options, waiting } = change;
  const count = size.cpus.current;
  if (live.cpus.current === count) return;
  // libvirt can only take away again what was added while it ran, and not every guest lets go.
  if (count < live.cpus.current || count > live.cpus.max) return void waiting.add("hardware.cpus");
  const where = domains.affect.live;
  const set = () => domains.setVcpus(context.session, domain, { count, where }, options);
  await liveOrWait(set, waiting, "hardware.cpus");
  if (!waiting.has("hardware.cpus") && live.agent === "Connected") await useInGuest(change, count);
}

/** A guest's kernel sees a new CPU within milliseconds; on a busy host, later. */
const SEEN = { tries: 15, everyMs: 200 } as const;

/**
 * Not every guest uses a CPU that comes while it runs before it is told to: Debian does not. One whose agent does not
 * answer has the CPU all the same, and uses it at the latest after its next boot.
 */
async function useInGuest({ context, domain, options }: Change, count: number): Promise<void> {
  for (let left = SEEN.tries; left > 0; left--) {
    try {
      return await agent.useCpus(context.session, domain, count, options);
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      if (LibvirtError.hasCode(error, errorCode.agentUnresponsive, errorCode.agentUnsynced)) return;
    }
    await context.clock.sleep(SEEN.everyMs, options);
  }
}

async function changeMemory(
  { context, domain, options, waiting }: Change,
  live: DomainView,
  size: Size,
): Promise<void> {
  const kib = size.memoryMib.current * 1024;
  if (live.memoryKib.current === kib) return;
  if (kib > live.memoryKib.max) return void waiting.add("hardware.memoryMib");
  const where = domains.affect.live;
  const set = () => domains.setMemory(context.session, domain, { kib, where }, options);
  await liveOrWait(set, waiting, "hardware.memoryMib");
}

/** How settings are changed while the VM runs; the others wait for a power cycle. `undefined`: without the limit. */
const liveSettings: Readonly<Record<string, (change: Change, value: string | undefined) => Promise<void>>> = {
  [LIMIT_FIELDS.cpuShares]: async (change, value) => {
    // What a machine without shares has depends on the host.
    if (value === undefined) return void change.waiting.add(LIMIT_FIELDS.cpuShares);
    await setScheduler(change, [{ field: "cpu_shares", type: "ullong", value: Number(value) }]);
  },
  [LIMIT_FIELDS.cpuLimit]: (change, value) =>
    setScheduler(change, [
      { field: "global_period", type: "ullong", value: QUOTA_PERIOD_US },
      { field: "global_quota", type: "llong", value: Number(value ?? -1) },
    ]),
  [LIMIT_FIELDS.memoryLimit]: ({ context, domain, options }, value) =>
    tuning.setMemoryLimits(
      context.session,
      domain,
      [{ field: "hard_limit", type: "ullong", value: Number(value ?? MEMORY_UNLIMITED_KIB) }],
      domains.affect.live,
      options,
    ),
};

const setScheduler = ({ context, domain, options }: Change, params: readonly TypedParam[]): Promise<void> =>
  tuning.setScheduler(context.session, domain, params, domains.affect.live, options);

async function changePassword(change: Change, live: DomainView, passwd: string): Promise<void> {
  const { context, domain, options } = change;
  const old = find(live.root, "devices", "graphics");
  if (old === undefined) return;
  const device = serializeXml({ ...old, attributes: { ...old.attributes, passwd } });
  const update = { how: "Update", device, where: domains.affect.live } as const;
  const set = () => domains.changeDevice(context.session, domain, update, options);
  await liveOrWait(set, change.waiting, GRAPHICS_FIELDS.type);
}

/**
 * Writes tags that changed into the domain's mark.
 * @throws {ProviderError} `NotSupported` for a domain that bears no mark of ours to write them into.
 */
export async function reconcileTags(change: Change): Promise<void> {
  const { context, domain, spec, stored: { mark }, options } = change;
  if (sameTags(mark?.tags ?? [], spec)) return;
  if (mark === undefined) {
    throw new ProviderError(
      "NotSupported",
      `domain "${domain.name}" was not made by this provider: it has no place for tags`,
      { field: "tags" },
    );
  }
  const where = domains.affect.config | (change.live === undefined ? 0 : domains.affect.live);
  const metadata = { ...markMetadata({ ...mark, tags: spec.tags }), where };
  await domains.setMetadata(context.session, domain, metadata, options);
}

const sameTags = (tags: readonly string[], { tags: wish }: MachineSpec): boolean =>
  tags.length === wish.length && tags.every((tag, index) => tag === wish[index]);
