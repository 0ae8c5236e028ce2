/** What a VM is wanted to be: one machine specification out of the objects that describe it. Pure. @module */
import {
  ADOPTED_LABEL,
  FORCE_SYNC_ANNOTATION,
  type Provider,
  unsupportedFields,
  type VirtualMachine,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import type { DataDisk, Hardware, MachineSpec, Nic, Placement } from "@virtrigaud/contract";
import { digestOf } from "../shared/digest.ts";
import { brokenRules } from "../shared/object_rules.ts";
import { optional } from "../shared/optional.ts";
import type { InitView, Problem, Wish } from "./input.ts";
import { tryGib } from "./units.ts";
import { type GuestInitReading, guestInitSecrets } from "./guest_init.ts";
import { initVersion, splitWish } from "./init_version.ts";
import { imageSource } from "./wish_image.ts";
import { hardwareOf } from "./wish_hardware.ts";
import { nicOf } from "./wish_network.ts";

/** An object that was looked up, by what it was looked up as. */
export type Lookup<T> = { readonly name: string; readonly object?: T };

/** First-boot configuration, as far as it has been looked for. */
export type InitReference =
  | { readonly type: "Unknown" }
  /** Versions of its Secrets, by name; those that do not exist are left out. */
  | {
    readonly type: "Named";
    readonly versions: ReadonlyMap<string, string>;
    /** Whether the provider can replace that of a machine which exists, as far as is known. */
    readonly replaceable: boolean;
  }
  /** `birth`: for a machine that is still to be made, and cannot be made without it. */
  | { readonly type: "Read"; readonly birth: boolean } & GuestInitReading;

/** Everything that a VM refers to. */
export interface References {
  readonly provider: Lookup<Provider>;
  readonly class: Lookup<VMClass>;
  readonly image?: Lookup<VMImage>;
  /** By name of the VM's network entry; entries without a reference are left out. */
  readonly networks: ReadonlyMap<string, Lookup<VMNetworkAttachment>>;
  readonly guestInit: InitReference;
}

/** Adds the objects up. */
export function resolveWish(vm: VirtualMachine, refs: References): Wish {
  const missing = missingReferences(refs);
  if (missing.length > 0) return { type: "Missing", missing };
  const { object: provider } = refs.provider;
  const { object: vmClass } = refs.class;
  if (provider === undefined || vmClass === undefined) return { type: "Missing", missing };

  const unsupported = unsupportedProblems(vm, refs, provider);
  if (unsupported.length > 0) return { type: "Invalid", reason: "UnsupportedField", problems: unsupported };

  const problems: Problem[] = [
    ...brokenRules(vm),
    ...(bornWith(refs)?.problems ?? []),
  ];
  const spec = machineSpec(vm, provider, vmClass, refs, problems);
  if (problems.length > 0) return { type: "Invalid", reason: "InvalidSpec", problems };
  const { guestInit: _, image, placement, name, ...changeable } = spec;
  const forced = vm.metadata.annotations?.[FORCE_SYNC_ANNOTATION] ?? "";
  const shape = digestOf({ ...changeable, forced });
  const init = initView(vm, refs.guestInit, spec.nics, provider.metadata.name);
  const version = init.type === "Known" && init.version !== "" ? init.version : undefined;
  return { type: "Resolved", spec, digest: digestOf({ shape, image, placement, name, init: version }), shape, init };
}

/** What is in the way of a machine that is still to be made. */
function bornWith({ guestInit }: References) {
  if (guestInit.type !== "Read" || !guestInit.birth || guestInit.content?.type !== "Unusable") return undefined;
  return guestInit.content;
}

function initView(vm: VirtualMachine, found: InitReference, nics: readonly Nic[], provider: string): InitView {
  switch (found.type) {
    case "Unknown":
      return { type: "Unknown" };
    case "Read": {
      const { content, versions } = found;
      if (content?.type !== "Unusable") return { type: "Known", version: initVersion(vm, versions, nics), read: true };
      const { missing, problems } = content;
      const reason = problems.length === 0 ? "SecretMissing" : "InvalidUserData";
      return { type: "Held", reason, problems: [...missing, ...problems] };
    }
    case "Named": {
      const gone = guestInitSecrets(vm).filter((name) => !found.versions.has(name));
      if (gone.length > 0) {
        const problems = gone.map((name) => ({ field: fieldOf(vm, name), message: `Secret "${name}" does not exist` }));
        return { type: "Held", reason: "SecretMissing", problems };
      }
      const version = initVersion(vm, found.versions, nics);
      if (found.replaceable || version === splitWish(vm.status?.appliedWish).init) {
        return { type: "Known", version, read: false };
      }
      const message = `Provider "${provider}" cannot replace it once the machine exists`;
      return { type: "Held", reason: "NotSupported", problems: [{ field: "spec.userData", message }] };
    }
  }
}

function fieldOf({ spec: { userData, metaData } }: VirtualMachine, secret: string): string {
  const fields = {
    "spec.userData.cloudInit": userData?.cloudInit,
    "spec.userData.ignition": userData?.ignition,
    "spec.metaData.cloudInit": metaData?.cloudInit,
  };
  const named = Object.entries(fields).find(([, part]) => part?.secretRef?.name === secret);
  return `${named?.[0] ?? "spec.userData"}.secretRef`;
}

function missingReferences(refs: References): Problem[] {
  const missing: Problem[] = [];
  const need = (kind: string, field: string, lookup: Lookup<unknown>) => {
    if (lookup.object === undefined) missing.push({ field, message: `${kind} "${lookup.name}" does not exist` });
  };
  need("Provider", "spec.providerRef", refs.provider);
  need("VMClass", "spec.classRef", refs.class);
  if (refs.image !== undefined) need("VMImage", "spec.imageRef", refs.image);
  for (const [name, lookup] of refs.networks) {
    need("VMNetworkAttachment", `spec.networks[${name}].networkRef`, lookup);
  }
  missing.push(...bornWith(refs)?.missing ?? []);
  return missing;
}

function unsupportedProblems(vm: VirtualMachine, refs: References, provider: Provider): Problem[] {
  const { type } = provider.spec;
  const objects = [vm, refs.class.object, refs.image?.object, ...[...refs.networks.values()].map((n) => n.object)];
  return objects.flatMap((object) => {
    if (object === undefined) return [];
    const of = object.kind === "VirtualMachine" ? "" : ` of ${object.kind} "${object.metadata.name}"`;
    return unsupportedFields(object, type).map((field) => ({
      field,
      message: `${field}${of} is not supported by Provider "${provider.metadata.name}" of type ${type}: remove it`,
    }));
  });
}

function machineSpec(
  vm: VirtualMachine,
  provider: Provider,
  vmClass: VMClass,
  refs: References,
  problems: Problem[],
): MachineSpec {
  const { spec } = vm;
  const { name } = vm.metadata;
  const defaults = vmClass.spec.diskDefaults;
  const rootSize = defaults?.size === undefined
    ? undefined
    : tryGib(defaults.size, `VMClass "${vmClass.metadata.name}" spec.diskDefaults.size`, problems);
  const disks = (spec.disks ?? []).map((disk): DataDisk => {
    return {
      name: disk.name,
      sizeGib: disk.sizeGiB,
      ...(disk.type === undefined ? {} : { type: disk.type }),
      ...optional("storageClass", disk.storageClass ?? defaults?.storageClass),
      ...optional("expandPolicy", disk.expandPolicy),
      ...optional("iops", defaults?.iops),
      ...optional("scsi", disk.scsi),
    };
  });
  return {
    name,
    hardware: hardware(vm, vmClass, problems),
    image: imageSource(vm, refs.image?.object, provider.spec.type, problems),
    rootDisk: {
      ...optional("sizeGib", rootSize),
      ...optional("type", defaults?.type),
      ...optional("storageClass", defaults?.storageClass),
      ...optional("iops", defaults?.iops),
    },
    disks,
    nics: (spec.networks ?? defaultNetworks(vm)).map((entry) =>
      nicOf(entry, refs.networks.get(entry.name)?.object, provider, problems)
    ),
    ...contentOf(refs.guestInit),
    ...optional("placement", placement(vm, provider)),
    tags: spec.tags ?? [],
  };
}

function contentOf(found: InitReference): Pick<MachineSpec, "guestInit"> {
  if (found.type !== "Read" || found.content === undefined || found.content.type === "Unusable") return {};
  return { guestInit: found.content };
}

/** A VM that says nothing about networks gets the provider's default one; an empty list means none. */
function defaultNetworks(vm: VirtualMachine): { readonly name: string }[] {
  return vm.metadata.labels?.[ADOPTED_LABEL] === "true" ? [] : [{ name: "default" }];
}

function hardware(vm: VirtualMachine, vmClass: VMClass, problems: Problem[]): Hardware {
  const base = hardwareOf(vmClass, problems);
  const own = vm.spec.resources;
  return {
    ...base,
    ...(own?.cpu === undefined ? {} : { cpus: own.cpu }),
    ...(own?.memoryMiB === undefined ? {} : { memoryMib: own.memoryMiB }),
    ...(own?.gpu === undefined ? {} : {
      gpu: {
        count: own.gpu.count,
        ...optional("type", own.gpu.type),
        ...optional("memoryMib", own.gpu.memory),
      },
    }),
  };
}

function placement(vm: VirtualMachine, provider: Provider): Placement | undefined {
  const { network: _, ...defaults } = provider.spec.defaults ?? {};
  const own = vm.spec.placement ?? {};
  // A VM that names one kind of storage must not inherit the other from the provider's defaults.
  const inherited = own.datastore !== undefined || own.storagePod !== undefined
    ? { ...defaults, datastore: undefined, storagePod: undefined }
    : defaults;
  const merged = Object.entries({ ...inherited, ...own }).filter(([, value]) => value !== undefined);
  return merged.length === 0 ? undefined : Object.fromEntries(merged);
}
