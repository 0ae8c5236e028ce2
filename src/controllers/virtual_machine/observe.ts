/** Gathers everything that a decision about one VM is made from. Reads only. @module */
import {
  ADOPTED_LABEL,
  type Provider,
  type VirtualMachine,
  type VMClass,
  type VMImage,
  type VMNetworkAttachment,
} from "@virtrigaud/api";
import type { ObservedMachine } from "@virtrigaud/contract";
import type { KubeObject } from "@virtrigaud/kube";
import type { StoreView } from "@virtrigaud/runtime";
import type { ProviderConnection } from "../connection/connection.ts";
import type { ProviderConnections } from "../connection/connections.ts";
import type { SecretSource } from "../shared/secrets.ts";
import { type GuestInitReading, guestInitSecrets, readGuestInit } from "./guest_init.ts";
import type { MachineView, ProviderView, ReconfigureHistory, TaskView, VmInput } from "./input.ts";
import { type InitReference, type Lookup, type References, resolveWish } from "./wish.ts";

/** Where the objects come from. */
export interface VmSources {
  readonly providers: StoreView<Provider>;
  readonly classes: StoreView<VMClass>;
  readonly images: StoreView<VMImage>;
  readonly networks: StoreView<VMNetworkAttachment>;
  readonly secrets: SecretSource;
  readonly connections: ProviderConnections;
}

/** What earlier steps of the same reconcile found out, which no cache knows. */
export interface Findings {
  readonly machine?: MachineView;
  readonly task?: TaskView;
  readonly guestInit?: GuestInitReading;
}

/** Options of {@linkcode observe}. */
export interface ObserveOptions {
  readonly now: number;
  readonly nonce: string;
  readonly findings: Findings;
  readonly history?: ReconfigureHistory;
  /** What was read earlier and cannot be used: it is not read again before it changes. */
  readonly unusable?: GuestInitReading;
  readonly signal: AbortSignal;
}

/** `namespace/name` of an object that `vm` refers to; its own namespace where the reference names none. */
export function referenceKey(vm: VirtualMachine, ref: { readonly name: string; readonly namespace?: string }): string {
  return `${ref.namespace ?? vm.metadata.namespace ?? ""}/${ref.name}`;
}

/** Takes one picture of everything. */
export async function observe(vm: VirtualMachine, sources: VmSources, options: ObserveOptions): Promise<VmInput> {
  const providerKey = referenceKey(vm, vm.spec.providerRef);
  const provider = sources.providers.get(providerKey);
  const connection = sources.connections.get(providerKey);
  const machine = options.findings.machine ?? machineView(vm, provider, providerKey, connection);
  const nameHolder = connection?.inventory.holderOf(vm.metadata.name, vm.metadata.uid);
  return {
    vm,
    now: options.now,
    nonce: options.nonce,
    provider: providerView(providerKey, provider, connection),
    wish: resolveWish(vm, {
      ...references(vm, sources),
      guestInit: await initReference(vm, sources, machine, connection, options),
    }),
    machine,
    task: options.findings.task ?? taskView(vm, connection),
    ...(options.history === undefined ? {} : { history: options.history }),
    ...(nameHolder === undefined ? {} : { nameHolder }),
  };
}

function machineView(
  vm: VirtualMachine,
  provider: Provider | undefined,
  providerKey: string,
  connection: ProviderConnection | undefined,
): MachineView {
  if (provider === undefined) return { type: "Unreachable", message: `Provider "${providerKey}" does not exist` };
  if (connection === undefined) {
    const { message, healthy } = provider.status ?? {};
    // What a manager that starts finds in the status is of the one before it.
    return { type: "Unreachable", message: healthy === true ? "it is being connected to" : message ?? "it is new" };
  }
  const view = connection.inventory.view({
    ...(vm.status?.id === undefined ? {} : { vmId: vm.status.id }),
    ...(vm.metadata.uid === undefined ? {} : { ownerUid: vm.metadata.uid }),
  });
  switch (view.type) {
    case "Lost":
      return connection.health.type === "Unknown" && !connection.inventory.everWhole
        ? { type: "Connecting" }
        : { type: "Unreachable", message: view.message };
    case "Absent":
      return { type: "Absent", proven: false };
    case "Unsettled":
      return view;
    case "Present":
      return isOurs(vm, view.vm) ? view : { type: "Absent", proven: false, taken: true };
  }
}

function providerView(
  name: string,
  provider: Provider | undefined,
  connection: ProviderConnection | undefined,
): ProviderView {
  if (provider === undefined) return { type: "NotFound", name };
  return { type: "Found", name, uid: provider.metadata.uid ?? "", taskPollMs: connection?.taskPollMs ?? 30_000 };
}

function taskView(vm: VirtualMachine, connection: ProviderConnection | undefined): TaskView {
  const id = vm.status?.operation?.taskRef;
  const known = id === undefined ? undefined : connection?.inventory.task(id);
  return known === undefined ? { type: "Unasked" } : { type: "Known", ...known };
}

function references(vm: VirtualMachine, sources: VmSources): Omit<References, "guestInit"> {
  const { spec } = vm;
  const networks = new Map<string, Lookup<VMNetworkAttachment>>();
  for (const entry of spec.networks ?? []) {
    if (entry.networkRef !== undefined) {
      networks.set(entry.name, lookUp(sources.networks, referenceKey(vm, entry.networkRef)));
    }
  }
  return {
    provider: lookUp(sources.providers, referenceKey(vm, spec.providerRef)),
    class: lookUp(sources.classes, referenceKey(vm, spec.classRef)),
    ...(spec.imageRef === undefined ? {} : { image: lookUp(sources.images, referenceKey(vm, spec.imageRef)) }),
    networks,
  };
}

/**
 * First-boot configuration is read when a VM is about to be born, or when a decision has asked for it. At all other times
 * the versions of its Secrets are enough, which are known without a question.
 */
async function initReference(
  vm: VirtualMachine,
  { secrets }: VmSources,
  machine: MachineView,
  connection: ProviderConnection | undefined,
  { findings, unusable, signal }: ObserveOptions,
): Promise<InitReference> {
  if (vm.metadata.deletionTimestamp !== undefined) return { type: "Unknown" };
  if (machine.type === "Absent") return { type: "Read", birth: true, ...await readGuestInit(vm, secrets, signal) };
  if (findings.guestInit !== undefined) return { type: "Read", birth: false, ...findings.guestInit };
  const { namespace } = vm.metadata;
  const names = guestInitSecrets(vm).map((name) => ({ name, ...(namespace === undefined ? {} : { namespace }) }));
  if (!names.every((name) => secrets.known(name))) return { type: "Unknown" };
  const versions = new Map(names.flatMap((each) => {
    const version = secrets.version(each);
    return version === undefined ? [] : [[each.name, version] as const];
  }));
  if (unusable !== undefined && sameVersions(unusable.versions, versions)) {
    return { type: "Read", birth: false, ...unusable };
  }
  return { type: "Named", versions, replaceable: connection?.capabilities?.guestInitReplace ?? true };
}

const sameVersions = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, version]) => b.get(name) === version);

function lookUp<T extends KubeObject>(store: StoreView<T>, key: string): Lookup<T> {
  const object = store.get(key);
  return { name: key.slice(key.indexOf("/") + 1), ...(object === undefined ? {} : { object }) };
}

/**
 * Whether a machine that goes by the VM's mark or id is the VM's. An id alone proves nothing: hypervisors give it to
 * the next machine when the first is gone.
 */
function isOurs(vm: VirtualMachine, machine: ObservedMachine): boolean {
  if (machine.ownerUid !== undefined) return machine.ownerUid === vm.metadata.uid;
  return vm.metadata.labels?.[ADOPTED_LABEL] === "true";
}

/** The machine as a finding: what the provider answered to a question about it. */
export function foundMachine(
  vm: VirtualMachine,
  answer: { readonly exists: true; readonly vm: ObservedMachine } | { readonly exists: false },
): MachineView {
  if (!answer.exists) return { type: "Absent", proven: true };
  return isOurs(vm, answer.vm) ? { type: "Present", vm: answer.vm } : { type: "Absent", proven: false, taken: true };
}
