/** What can happen to the system, as data that can be drawn, shrunk, printed and played again. @module */
import { REBOOT_REQUESTED_AT_ANNOTATION, REMOVE_DISKS_ANNOTATION, type VirtualMachine } from "@virtrigaud/api";
import { type ErrorClass, errorClasses, ProviderError } from "@virtrigaud/contract";
import { fc } from "@virtrigaud/deps/testing.ts";
import type { SeenRequest } from "@virtrigaud/kube/testing";
import type { FaultPoint, Method } from "../../providers/mock/mod.ts";
import { CATALOG, CATALOG_KINDS, type CatalogKind, SHARED_USER_DATA, userData } from "./world/catalog.ts";
import { COLLECTIONS, type World } from "./world/world.ts";

const VMS = ["a", "b", "c"] as const;
const VERBS = ["get", "list", "watch", "create", "update", "patch", "apply"] as const;
const METHODS = [
  "create",
  "delete",
  "power",
  "reconfigure",
  "describe",
  "taskStatus",
  "validate",
  "getCapabilities",
  "watch",
] as const;
/** Whom a request to the API server is about when it is answered badly. VMs more often than the rest. */
const PLURALS = [
  "virtualmachines",
  "virtualmachines",
  "virtualmachines",
  "leases",
  "providers",
  "deployments",
  "services",
  "serviceaccounts",
  "secrets",
  "vmclasses",
  "vmimages",
  "vmnetworkattachments",
  "events",
  "*",
] as const;

type Spec = VirtualMachine["spec"];

/** One thing that happens. */
export type Step =
  | { readonly type: "Create"; readonly vm: string; readonly power: Spec["powerState"]; readonly retain: boolean }
  | { readonly type: "Delete"; readonly vm: string }
  | { readonly type: "Power"; readonly vm: string; readonly power: Spec["powerState"] }
  | { readonly type: "Resize"; readonly vm: string; readonly to: "small" | "large" }
  | { readonly type: "Disks"; readonly vm: string; readonly sizes: readonly number[] }
  | { readonly type: "Networks"; readonly vm: string; readonly networks: readonly string[] }
  | { readonly type: "Reboot"; readonly vm: string; readonly request: number }
  | {
    readonly type: "UserData";
    readonly vm: string;
    readonly from: "inline" | "secret" | "nowhere";
    readonly to: number;
  }
  /** The Secret with user-data that VMs share; without `to` it goes. */
  | { readonly type: "SharedUserData"; readonly to: number | undefined }
  /** What VMs refer to goes, comes (back) as it should be, or becomes something that cannot be. */
  | { readonly type: "Catalog"; readonly kind: CatalogKind; readonly what: "delete" | "spoil" | "restore" }
  | { readonly type: "RotateCredentials"; readonly to: number }
  | { readonly type: "ChangeProvider"; readonly interval: string }
  | {
    readonly type: "External";
    readonly vm: string;
    readonly what: "Delete" | "PowerOn" | "PowerOff" | "Rename" | "Resize" | "Duplicate";
  }
  | { readonly type: "ForeignVm"; readonly name: string }
  | {
    readonly type: "ApiFault";
    readonly verb: SeenRequest["verb"];
    readonly plural: string;
    readonly what: ApiFault;
    readonly times: number;
  }
  | { readonly type: "Watches"; readonly what: "cut" | "stall" | "duplicate" | "reorder" | "compact" | "heal" }
  | {
    readonly type: "RpcError";
    readonly method: Method;
    readonly at: FaultPoint;
    readonly class: ErrorClass;
    readonly times: number;
  }
  | { readonly type: "RpcHang"; readonly method: Method; readonly at: "before" | "after" | "task" }
  | { readonly type: "LoseTask"; readonly method: Method }
  | { readonly type: "LateRpc"; readonly ms: number }
  /** Its caller is told that the connection broke; it arrives all the same, this much later, if the provider lives. */
  | { readonly type: "StrayRpc"; readonly ms: number }
  | { readonly type: "LostAnswer" }
  | { readonly type: "Slow"; readonly factor: number }
  | { readonly type: "ProviderWatch"; readonly what: "cut" | "resync" }
  | { readonly type: "KillManager" }
  | { readonly type: "KillProvider" }
  | { readonly type: "EmptyMemory" }
  | { readonly type: "SecondManager" }
  | { readonly type: "StealLease" }
  | { readonly type: "Wait"; readonly ms: number };

type ApiFault = 409 | 410 | 429 | 500 | 503 | "drop before" | "drop after" | "hang" | "slow" | "half";

const vm = fc.constantFrom(...VMS);
const power = fc.constantFrom("On" as const, "Off" as const, "OffGraceful" as const);
const times = fc.constantFrom(1, 1, 2, 6, 20);
const of = <T extends Step["type"]>(type: T) => fc.constant(type);

/** Draws a step; users act more often than things break, and time goes by. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: of("Create"), vm, power, retain: fc.nat(7).map((n) => n === 0) }) },
  { weight: 4, arbitrary: fc.record({ type: of("Delete"), vm }) },
  { weight: 4, arbitrary: fc.record({ type: of("Power"), vm, power }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: of("Resize"), vm, to: fc.constantFrom("small" as const, "large" as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: of("Disks"), vm, sizes: fc.array(fc.constantFrom(1, 2, 4), { maxLength: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: of("Networks"), vm, networks: fc.subarray(["lan", "lab"]) }) },
  { weight: 2, arbitrary: fc.record({ type: of("Reboot"), vm, request: fc.nat(99) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: of("UserData"),
      vm,
      from: fc.constantFrom("inline" as const, "secret" as const, "secret" as const, "nowhere" as const),
      to: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: of("SharedUserData"), to: fc.option(fc.nat(9), { nil: undefined, freq: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: of("Catalog"),
      kind: fc.constantFrom(...CATALOG_KINDS),
      what: fc.constantFrom("delete" as const, "spoil" as const, "restore" as const, "restore" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: of("RotateCredentials"), to: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: of("ChangeProvider"), interval: fc.constantFrom("30s", "60s", "2m") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: of("External"),
      vm,
      what: fc.constantFrom(
        "Delete" as const,
        "PowerOn" as const,
        "PowerOff" as const,
        "Rename" as const,
        "Resize" as const,
        "Duplicate" as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: of("ForeignVm"), name: vm }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: of("ApiFault"),
      verb: fc.constantFrom(...VERBS),
      plural: fc.constantFrom(...PLURALS),
      what: fc.constantFrom<ApiFault>(409, 410, 429, 500, 503, "drop before", "drop after", "hang", "slow", "half"),
      times: fc.constantFrom(1, 1, 3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: of("Watches"),
      what: fc.constantFrom(
        "cut" as const,
        "stall" as const,
        "duplicate" as const,
        "reorder" as const,
        "compact" as const,
        "heal" as const,
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: of("RpcError"),
      method: fc.constantFrom<Method>(...METHODS),
      at: fc.constantFrom<FaultPoint>("before", "after", "task"),
      class: fc.constantFrom(...errorClasses),
      times,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: of("RpcHang"),
      method: fc.constantFrom<Method>(...METHODS),
      at: fc.constantFrom("before" as const, "after" as const, "task" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: of("LoseTask"),
      method: fc.constantFrom<Method>("create", "delete", "power", "reconfigure"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: of("LateRpc"), ms: fc.constantFrom(50, 500) }) },
  { weight: 2, arbitrary: fc.record({ type: of("StrayRpc"), ms: fc.constantFrom(50, 500, 15_000) }) },
  { weight: 2, arbitrary: fc.record({ type: of("LostAnswer") }) },
  { weight: 1, arbitrary: fc.record({ type: of("Slow"), factor: fc.constantFrom(10, 1_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: of("ProviderWatch"), what: fc.constantFrom("cut" as const, "resync" as const) }),
  },
  { weight: 3, arbitrary: fc.record({ type: of("KillManager") }) },
  { weight: 2, arbitrary: fc.record({ type: of("KillProvider") }) },
  { weight: 1, arbitrary: fc.record({ type: of("EmptyMemory") }) },
  { weight: 1, arbitrary: fc.record({ type: of("SecondManager") }) },
  { weight: 1, arbitrary: fc.record({ type: of("StealLease") }) },
  { weight: 9, arbitrary: fc.record({ type: of("Wait"), ms: fc.constantFrom(1, 50, 250, 1_000, 20_000, 400_000) }) },
);

/** Makes it happen. What cannot happen at the moment does not. */
export async function take(world: World, step: Step): Promise<void> {
  const spec = (name: string, edit: (spec: Spec, object: VirtualMachine) => void) =>
    world.change("vm", name, (object) => edit(object.spec as Spec, object as unknown as VirtualMachine));
  switch (step.type) {
    case "Create":
      return world.create("vm", step.vm, {
        spec: {
          providerRef: { name: "mock" },
          classRef: { name: "small" },
          imageRef: { name: "tiny" },
          powerState: step.power,
          networks: [{ name: "lan", networkRef: { name: "lan" } }],
          ...(step.retain ? { deletionPolicy: "Retain" } : {}),
        },
      });
    case "Delete":
      return world.delete("vm", step.vm);
    case "Power":
      return spec(step.vm, (s) => void (s.powerState = step.power));
    case "Resize":
      return spec(step.vm, (s) => void (s.classRef = { name: step.to }));
    case "Disks":
      return spec(step.vm, (s, { metadata }) => {
        // Disks grow and never shrink, not even one that is wanted back before it has gone; what left the list, now or
        // before, is given up by name.
        s.disks = step.sizes.map((size, index) => {
          const name = `d${index}`;
          const sizeGiB = Math.max(size, world.largestDisks.get(`${step.vm}/${name}`) ?? 0);
          world.largestDisks.set(`${step.vm}/${name}`, sizeGiB);
          return { name, sizeGiB };
        });
        const gone = ["d0", "d1"].filter((name) => !s.disks?.some((disk) => disk.name === name));
        metadata.annotations = { ...metadata.annotations, [REMOVE_DISKS_ANNOTATION]: gone.join(",") };
      });
    case "Networks":
      return spec(step.vm, (s) => void (s.networks = step.networks.map((name) => ({ name, networkRef: { name } }))));
    case "Reboot":
      return spec(step.vm, (_, { metadata }) => {
        metadata.annotations = { ...metadata.annotations, [REBOOT_REQUESTED_AT_ANNOTATION]: `r${step.request}` };
      });
    case "UserData":
      return spec(step.vm, (s) => {
        if (step.from === "nowhere") delete s.userData;
        else if (step.from === "secret") s.userData = { cloudInit: { secretRef: { name: SHARED_USER_DATA } } };
        else s.userData = { cloudInit: { inline: userData(step.to) } };
      });
    case "SharedUserData":
      if (step.to === undefined) return world.delete("secret", SHARED_USER_DATA);
      return world.shareUserData(userData(step.to));
    case "Catalog":
      if (step.what === "restore") return world.restore(step.kind);
      return step.what === "spoil" ? world.spoil(step.kind) : world.delete(step.kind, CATALOG[step.kind].name);
    case "RotateCredentials":
      return world.change("secret", "cred", (secret) => void (secret.data = { password: btoa(`p${step.to}`) }));
    case "ChangeProvider":
      return world.change("provider", "mock", (provider) => {
        (provider.spec as Record<string, unknown>).healthCheck = { interval: step.interval };
      });
    case "External":
      return external(world, step.vm, step.what);
    case "ForeignVm":
      return refusable(() =>
        world.ownership.addForeign(world.provider.hypervisor.external({ type: "AddForeignVm", name: step.name }))
      );
    case "ApiFault":
      return apiFault(world, step);
    case "Watches":
      return watches(world, step.what);
    case "RpcError":
      return world.provider.faults.add({
        method: step.method,
        at: step.at,
        fault: { type: "Error", class: step.class },
        times: step.times,
      });
    case "RpcHang":
      return world.provider.faults.add({ method: step.method, at: step.at, fault: { type: "Hang" }, times: 1 });
    case "LoseTask":
      return world.provider.faults.add({ method: step.method, at: "task", fault: { type: "LoseTask" }, times: 1 });
    case "LateRpc":
      return void world.networkFaults.push({ type: "Late", ms: step.ms });
    case "StrayRpc":
      return void world.networkFaults.push({ type: "Stray", ms: step.ms });
    case "LostAnswer":
      return void world.networkFaults.push({ type: "LostAnswer" });
    case "Slow":
      world.provider.faults.slowdown = step.factor;
      return;
    case "ProviderWatch":
      if (step.what === "cut") world.provider.hypervisor.cutWatches();
      else world.provider.hypervisor.resync();
      return;
    case "KillManager":
      world.managers.find(({ alive }) => alive)?.kill();
      return await world.supervise();
    case "KillProvider":
      return world.restartProvider();
    case "EmptyMemory":
      return world.restartProvider({ empty: true });
    case "SecondManager":
      if (world.managers.filter(({ alive }) => alive).length < 2) await world.startManager();
      return;
    case "StealLease":
      await world.startManager();
      return stealLease(world);
    case "Wait":
      return await world.advance(step.ms);
  }
}

function external(world: World, name: string, what: Extract<Step, { type: "External" }>["what"]): void {
  const uid = world.vm(name)?.metadata.uid;
  const { hypervisor } = world.provider;
  const { copies } = world.ownership;
  const machine = hypervisor.vms.find(({ id, ownerUid }) =>
    ownerUid !== undefined && ownerUid === uid && !copies.has(id)
  );
  if (machine === undefined || uid === undefined) return;
  const vmId = machine.id;
  if (what === "Delete") world.ownership.lose(uid);
  if (what === "Resize") world.ownership.resize(uid);
  refusable(() => {
    if (what === "Rename") return hypervisor.external({ type: "Rename", vmId, name: `${name}-renamed` });
    if (what === "Resize") return hypervisor.external({ type: "Resize", vmId, cpus: 3 });
    if (what === "Duplicate") {
      return world.ownership.addCopy(hypervisor.external({ type: "Duplicate", vmId, name: `${name}-copy` }));
    }
    return hypervisor.external({ type: what, vmId });
  });
}

function refusable(change: () => unknown): void {
  try {
    change();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
  }
}

function apiFault(world: World, step: Extract<Step, { type: "ApiFault" }>): void {
  const matches = (request: SeenRequest) =>
    request.verb === step.verb && (step.plural === "*" || request.plural === step.plural);
  const { what } = step;
  if (typeof what === "number") {
    // A write that is answered 410 exists in no API server.
    if (what === 410 && step.verb !== "list" && step.verb !== "watch") return;
    if (what === 409 && step.verb !== "update" && step.verb !== "patch" && step.verb !== "apply") return;
    const reason = { 409: "Conflict", 410: "Expired", 429: "TooManyRequests", 500: "InternalError", 503: "" }[what];
    return world.api.fail(matches, {
      type: "status",
      code: what,
      ...(reason === "" ? {} : { reason }),
      ...(what === 429 ? { retryAfterSeconds: 1 } : {}),
    }, step.times);
  }
  switch (what) {
    case "drop before":
      return world.api.fail(matches, { type: "drop" }, step.times);
    case "drop after":
      return world.api.fail(matches, { type: "drop", after: true }, step.times);
    case "hang":
      return world.api.fail(matches, { type: "hang" }, 1);
    case "slow":
      return world.api.fail(matches, { type: "delay", ms: 4_000 }, step.times);
    case "half":
      return world.api.fail(matches, { type: "body", text: '{"kind":"VirtualMachine","metadata":{"na' }, step.times);
  }
}

function watches(world: World, what: Extract<Step, { type: "Watches" }>["what"]): void {
  const { api } = world;
  switch (what) {
    case "cut":
      return api.watches.forEach((watch) => watch.cut());
    case "stall":
      api.watchFaults.stalled = true;
      return;
    case "duplicate":
      api.watchFaults.duplicate = true;
      return;
    case "reorder":
      api.watchFaults.reorder = true;
      return;
    case "compact":
      api.store.compact();
      return api.watches.forEach((watch) => watch.cut());
    case "heal":
      return api.heal();
  }
}

/** What a person with `kubectl edit`, or a clock gone wrong, can do to a Lease. */
function stealLease(world: World): void {
  for (const lease of world.api.store.list(COLLECTIONS.lease)) {
    const { name, namespace = "" } = lease.metadata;
    const spec = { ...lease.spec as Record<string, unknown>, holderIdentity: "" };
    world.api.store.update({ collection: COLLECTIONS.lease, namespace, name }, { ...lease, spec });
  }
}
