/** Controllers of the kinds that VMs refer to: validation, usage, protection while in use. @module */
import { IN_USE_FINALIZER, type VirtualMachine } from "@virtrigaud/api";
import type { KubeClient, ResourceType } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import {
  addFinalizer,
  type Controller,
  done,
  type InformerView,
  type Manager,
  removeFinalizer,
  StatusWriter,
} from "@virtrigaud/runtime";
import { changedByOthers } from "../shared/changed.ts";
import { VM_INDEXES } from "../virtual_machine/controller.ts";
import { type CatalogObject, decide, type Validity } from "./decide.ts";

/** Options of {@linkcode addCatalogController}. */
export interface CatalogControllerOptions<T extends CatalogObject> {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  readonly informer: InformerView<T>;
  readonly vms: InformerView<VirtualMachine>;
  /** Index over VMs that finds those which refer to an object of this kind. */
  readonly index: keyof typeof VM_INDEXES;
  readonly validity: (object: T, users: number) => Validity;
  readonly clock: Clock;
}

/** Counts in a status may lag this much, so that a thousand new VMs are not a thousand writes. */
const COUNT_DELAY_MS = 3_000;

/** Adds the controller of one kind to `manager`. */
export function addCatalogController<T extends CatalogObject>(
  manager: Pick<Manager, "add">,
  options: CatalogControllerOptions<T>,
): Controller<T> {
  const { client, type, informer, vms, index, clock, validity } = options;
  const kind = { client, type, informer };
  const controller = manager.add<T>({
    name: type.kind.toLowerCase(),
    informer,
    concurrency: 2,
    ignore: (now, old) => old !== undefined && !changedByOthers(now, old),
    reconcile: async (key, { signal }) => {
      const object = informer.get(key);
      if (object === undefined) return done;
      const users = vms.byIndex(index, key).length;
      const { step, status } = decide({ object, users, validity: validity(object, users), now: clock.now() });
      if (step === "RemoveFinalizer") {
        await removeFinalizer(kind, object, IN_USE_FINALIZER, { signal });
        return done;
      }
      const held = step === "AddFinalizer" ? await addFinalizer(kind, object, IN_USE_FINALIZER, { signal }) : object;
      await new StatusWriter<T>(client, type, informer).put(held, status as T["status"], { signal });
      return done;
    },
  });
  const references = (vm: VirtualMachine): string[] => VM_INDEXES[index](vm);
  vms.addHandler((event) => {
    const now = event.type === "Deleted" ? [] : references(event.object);
    const before = event.type === "Added" ? [] : references(event.type === "Updated" ? event.old : event.object);
    for (const key of new Set([...now, ...before])) {
      if (now.includes(key) && before.includes(key)) continue;
      const object = informer.get(key);
      if (object === undefined) continue;
      // Protection of what is used for the first time, and release of what waits for it, do not wait for the count.
      const urgent = object.metadata.deletionTimestamp !== undefined ||
        object.metadata.finalizers?.includes(IN_USE_FINALIZER) !== true;
      controller.enqueue(key, urgent ? {} : { priority: "low", afterMs: COUNT_DELAY_MS });
    }
  });
  return controller;
}
