/** The Provider controller: what wakes a Provider. @module */
import { type Provider, PROVIDER_FINALIZER, type VirtualMachine } from "@virtrigaud/api";
import { keyOf, type UntypedObject } from "@virtrigaud/kube";
import { type Controller, controllerOwner, type InformerView, type Manager, watching } from "@virtrigaud/runtime";
import { sameSpec } from "../shared/changed.ts";
import { PROVIDERS } from "../shared/kinds.ts";
import { referenceKey } from "../virtual_machine/observe.ts";
import type { RuntimeKind } from "./input.ts";
import type { ProviderReconciler } from "./reconciler.ts";

/** Options of {@linkcode addProviderController}. */
export interface ProviderControllerOptions {
  readonly providers: InformerView<Provider>;
  readonly vms: InformerView<VirtualMachine>;
  readonly live: Readonly<Record<RuntimeKind, InformerView<UntypedObject>>>;
  readonly reconciler: ProviderReconciler;
  /** Workers. Default 10. */
  readonly concurrency?: number;
}

/** The number of VMs in a status may lag this much, so that a thousand new VMs are not a thousand writes. */
const COUNT_DELAY_MS = 3_000;

/** Adds the controller to `manager`. */
export function addProviderController(
  manager: Pick<Manager, "add">,
  { providers, vms, live, reconciler, concurrency }: ProviderControllerOptions,
): Controller<Provider> {
  const owner = controllerOwner(PROVIDERS);
  const controller = manager.add<Provider>({
    name: "provider",
    informer: providers,
    watches: Object.values(live).map((informer) => watching(informer, owner)),
    reconcile: (key, context) => reconciler.reconcile(key, context),
    ignore: (now, old) => sameSpec(now, old),
    concurrency: concurrency ?? 10,
  });
  vms.addHandler((event) => {
    if (event.type === "Updated" && sameProvider(event.object, event.old)) return;
    const keys = [event.object, ...(event.type === "Updated" ? [event.old] : [])].map((vm) =>
      referenceKey(vm, vm.spec.providerRef)
    );
    for (const key of new Set(keys)) {
      const present = providers.get(key);
      if (present === undefined) continue;
      // The last VM of a Provider that is being deleted lets it go at once; the first protects it at once.
      const urgent = present.metadata.deletionTimestamp !== undefined ||
        present.metadata.finalizers?.includes(PROVIDER_FINALIZER) !== true;
      controller.enqueue(keyOf(present), urgent ? {} : { priority: "low", afterMs: COUNT_DELAY_MS });
    }
  });
  return controller;
}

function sameProvider(a: VirtualMachine, b: VirtualMachine): boolean {
  return referenceKey(a, a.spec.providerRef) === referenceKey(b, b.spec.providerRef);
}
