/** The VirtualMachine controller: what wakes a VM, and how VMs share the workers. @module */
import type { Provider, VirtualMachine, VMClass, VMImage, VMNetworkAttachment } from "@virtrigaud/api";
import { keyOf, type KubeObject } from "@virtrigaud/kube";
import { type Controller, type InformerView, isPending, type Manager, watching } from "@virtrigaud/runtime";
import type { ProviderConnections } from "../connection/connections.ts";
import { isNameConflict } from "./failure.ts";
import { referenceKey } from "./observe.ts";
import { changedByOthers, sameSpec } from "../shared/changed.ts";
import type { VmReconciler } from "./reconciler.ts";

/** Informers of every kind that a VM refers to. */
export interface VmInformers {
  readonly vms: InformerView<VirtualMachine>;
  readonly providers: InformerView<Provider>;
  readonly classes: InformerView<VMClass>;
  readonly images: InformerView<VMImage>;
  readonly networks: InformerView<VMNetworkAttachment>;
}

/** Indexes over VirtualMachines: by what they refer to, by UID, and by provider and id of the machine. */
export const VM_INDEXES = {
  provider: (vm: VirtualMachine) => [referenceKey(vm, vm.spec.providerRef)],
  class: (vm: VirtualMachine) => [referenceKey(vm, vm.spec.classRef)],
  image: (vm: VirtualMachine) => vm.spec.imageRef === undefined ? [] : [referenceKey(vm, vm.spec.imageRef)],
  network: (vm: VirtualMachine) =>
    (vm.spec.networks ?? []).flatMap((entry) =>
      entry.networkRef === undefined ? [] : [referenceKey(vm, entry.networkRef)]
    ),
  uid: (vm: VirtualMachine) => vm.metadata.uid === undefined ? [] : [vm.metadata.uid],
  machine: (vm: VirtualMachine) =>
    vm.status?.id === undefined ? [] : [`${referenceKey(vm, vm.spec.providerRef)} ${vm.status.id}`],
  /** VMs that wait for somebody else to let go of their name. */
  wantedName: (vm: VirtualMachine) =>
    vm.status?.failures?.some(isNameConflict) === true
      ? [`${referenceKey(vm, vm.spec.providerRef)} ${vm.metadata.name}`]
      : [],
} as const;

/** Options of {@linkcode addVmController}. */
export interface VmControllerOptions {
  readonly informers: VmInformers;
  readonly connections: ProviderConnections;
  readonly reconciler: VmReconciler;
  /**
   * Workers. Default 64: a reconcile mostly waits for answers, and one provider that hangs keeps half of them at most.
   */
  readonly concurrency?: number;
}

/** What a manager that starts gives its providers to be connected before it looks at VMs that nobody has changed. */
const CONNECTING_MS = 5_000;

/** Adds the controller to `manager`. */
export function addVmController(
  manager: Pick<Manager, "add">,
  options: VmControllerOptions,
): Controller<VirtualMachine> {
  const { informers, connections, reconciler } = options;
  const { vms } = informers;
  for (const [name, index] of Object.entries(VM_INDEXES)) vms.addIndex(name, index);
  const users = (index: keyof typeof VM_INDEXES) => (object: KubeObject) =>
    vms.byIndex(index, keyOf(object)).map(keyOf);

  const controller = manager.add<VirtualMachine>({
    name: "virtualmachine",
    informer: vms,
    watches: [
      // Of a Provider only what VMs read matters; its status changes for reasons of its own.
      watching(informers.providers, (now, old) => sameSpec(now, old) ? [] : users("provider")(now)),
      watching(informers.classes, (now, old) => sameSpec(now, old) ? [] : users("class")(now)),
      watching(informers.images, (now, old) => sameSpec(now, old) ? [] : users("image")(now)),
      watching(informers.networks, (now, old) => sameSpec(now, old) ? [] : users("network")(now)),
    ],
    reconcile: (key, context) => reconciler.reconcile(key, context),
    // What the manager itself wrote is known to it; everything else has a reason to look.
    ignore: (now, old) => old !== undefined && !changedByOthers(now, old),
    // Connecting takes a moment, and ends with a look at all of them.
    initialDelayMs: (vm) => {
      const provider = referenceKey(vm, vm.spec.providerRef);
      const awaited = informers.providers.get(provider) !== undefined && connections.get(provider) === undefined;
      return awaited ? CONNECTING_MS : 0;
    },
    groupOf: (key) => {
      const vm = vms.get(key);
      return vm === undefined ? "" : referenceKey(vm, vm.spec.providerRef);
    },
    concurrency: options.concurrency ?? 64,
  });

  connections.onChange(({ provider, vmId, ownerUid, freedName }) => {
    if (freedName !== undefined) {
      for (const vm of vms.byIndex("wantedName", `${provider} ${freedName}`)) controller.enqueue(keyOf(vm));
    }
    if (vmId === undefined && ownerUid === undefined) {
      for (const vm of vms.byIndex("provider", provider)) {
        controller.enqueue(keyOf(vm), { priority: isPending(vm) ? "normal" : "low" });
      }
      return;
    }
    const owned = ownerUid === undefined ? [] : vms.byIndex("uid", ownerUid);
    const found = owned.length > 0 || vmId === undefined ? owned : vms.byIndex("machine", `${provider} ${vmId}`);
    for (const vm of found) controller.enqueue(keyOf(vm), { priority: "normal" });
  });
  return controller;
}
