/** How a good citizen of a cluster behaves: for people with kubectl, for GitOps tools, for the garbage collector. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import type { Case } from "../support/case.ts";
import { type Kstatus, kstatus } from "../support/kstatus.ts";
import type { Kubectl, Printed } from "../support/kubectl.ts";
import {
  catalog,
  isReady,
  machine,
  mockProvider,
  object,
  providerObjects,
  ready,
  readyOf,
  when,
} from "../support/manifests.ts";
import { MockHypervisor } from "../support/mock_hypervisor.ts";

/** What `kubectl get -w` printed of a VM, one state after the other. The last line may be half there. */
function states(text: string): Printed[] {
  return text.split("\n").slice(0, -1).flatMap((event) => {
    const { type, object } = JSON.parse(event);
    return type === "DELETED" ? [] : [object];
  });
}

/** What has to hold of every state that a VM is ever seen in. */
function breaches(vm: Printed): string[] {
  const { metadata, spec, status } = vm;
  const taken = kstatus(vm);
  const said: string[] = [];
  const never = (broken: boolean, what: string) => {
    if (broken) said.push(`${what}: generation ${metadata.generation}, ${JSON.stringify(status)}`);
  };
  if (status === undefined) return [];
  never(status.observedGeneration > (metadata.generation ?? 0), "it has seen a spec that there is not");
  never(taken === "Current" && status.powerState !== (spec.powerState ?? "On"), "current, but not as asked");
  never(taken === "Current" && status.operation !== undefined, "current while something goes on");
  never(taken === "Current" && !["Running", "Stopped"].includes(status.phase), "current in a phase on the way");
  never(taken === "Failed" && isReady(vm), "failed and ready");
  never(metadata.deletionTimestamp === undefined && status.phase === "Deleting", "deleting what nobody deleted");
  return said;
}

async function taken(kubectl: Kubectl, as: Kstatus, what: string): Promise<void> {
  await when(kubectl, "vm", "web", `to be ${as}: ${what}`, (vm) => vm.status !== undefined && kstatus(vm) === as);
}

/** Who owns fields of an object, but for its status. */
async function owners(kubectl: Kubectl, kind: string, name: string): Promise<Map<string, string[]>> {
  const out = await kubectl.ok(["get", kind, name, "-o", "json", "--show-managed-fields"]);
  const fields: { manager: string; subresource?: string; fieldsV1: Record<string, object> }[] =
    JSON.parse(out).metadata.managedFields;
  return new Map(
    fields.filter(({ subresource }) => subresource === undefined).map(({ manager, fieldsV1 }) => [
      manager,
      Object.entries(fieldsV1).flatMap(([part, below]) => Object.keys(below).map((field) => `${part}.${field}`)),
    ]),
  );
}

/** Cases for every world. */
export const manners: readonly Case[] = [
  {
    name: "kstatus tells the truth in every phase, and kubectl wait waits for it",
    async run(world) {
      const kubectl = await world.namespace("kstatus");
      await using watching = kubectl.follow(["get", "vm", "-w", "-o", "json", "--output-watch-events"]);
      await kubectl.apply(machine("web"));
      await taken(kubectl, "InProgress", "everything that it refers to is missing");
      await kubectl.apply(...catalog(world.canary.word));
      const hypervisor = await mockProvider(world, kubectl);
      const others = ["provider/mock", "vmclass/small", "vmimage/debian", "vmnetworkattachment/lan"];
      await kubectl.ok(["wait", "vm/web", ...others, "--for=condition=Ready", "--timeout=90s"]);
      for (const object of await kubectl.list("provider,vmclass,vmimage,vmnetworkattachment")) {
        const { kind, metadata: { name, generation }, status } = object;
        assertEquals([kind, name, kstatus(object), status.observedGeneration], [kind, name, "Current", generation]);
      }
      for (const powerState of ["Off", "On"]) {
        await kubectl.patch("vm", "web", { spec: { powerState } });
        await taken(kubectl, "Current", powerState);
      }
      await kubectl.patch("vm", "web", { spec: { classRef: { name: "large" } } });
      await ready(kubectl, "vm", "web", ({ status }) => status.currentResources?.cpu === 2);
      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 5 }] } });
      await ready(kubectl, "vm", "web", ({ status }) => status.disks?.length === 2);
      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 2 }] } });
      await taken(kubectl, "Failed", "a disk cannot shrink");
      await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB: 6 }] } });
      const { status: { id } } = await ready(kubectl, "vm", "web");
      await hypervisor.external({ type: "Delete", vmId: id });
      await taken(kubectl, "Failed", "it is missing, and somebody has to decide");
      await kubectl.patch("vm", "web", { spec: { onMissing: "Recreate" } });
      await ready(kubectl, "vm", "web", ({ status }) => status.id !== id);
      await kubectl.ok(["delete", "vm", "web", "--wait=false"]);
      await kubectl.ok(["wait", "vm/web", "--for=delete", "--timeout=90s"]);
      const seen = await until("the watch to show the end", () => {
        const all = states(watching.text);
        return all.some((vm) => kstatus(vm) === "Terminating") ? all : undefined;
      });
      assertEquals(seen.flatMap(breaches), []);
      assertEquals([...new Set(seen.map(kstatus))].sort(), ["Current", "Failed", "InProgress", "Terminating"]);
      await world.search();
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
  {
    name: "a GitOps tool that applies the same again and again changes nothing and fights with nobody",
    async run(world) {
      const kubectl = await world.namespace("gitops");
      const hypervisor = new MockHypervisor(join(world.folder, `hypervisor-${crypto.randomUUID()}.json`));
      const objects = (spec: Readonly<Record<string, unknown>> = {}) => [
        ...providerObjects(world, hypervisor),
        ...catalog(world.canary.word),
        machine("web", spec),
      ];
      const sync = (spec?: Readonly<Record<string, unknown>>) =>
        kubectl.ok(["apply", "--server-side", "--field-manager=gitops", "-f", "-"], objects(spec));
      const kinds = "vm,provider,vmclass,vmimage,vmnetworkattachment,secret";
      const revisions = async () =>
        (await kubectl.list(kinds)).map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
      /** Comes and goes once; what the manager had to do by then for what came before, it has done. */
      const another = async () => {
        const none = { name: "none" };
        await kubectl.apply(object("VirtualMachine", "another", { providerRef: none, classRef: none, imageRef: none }));
        await when(kubectl, "vm", "another", "to be seen", (vm) => readyOf(vm)?.reason === "WaitingForDependencies");
        await kubectl.ok(["delete", "vm", "another", "--timeout=90s"]);
      };
      /** Nothing is on its way any more: another VM came and went, and changed nothing. */
      const settled = () =>
        until("everything to come to rest", async () => {
          const before = await revisions();
          await another();
          return before.join() === (await revisions()).join() && before;
        });
      await sync();
      await ready(kubectl, "vm", "web", ({ status }) => status.ips?.length > 0);
      await ready(kubectl, "provider", "mock", ({ status }) => status.connectedVMs === 1);
      const before = await settled();
      for (let round = 0; round < 3; round++) await sync();
      assertEquals(await settled(), before, "an apply of the same changed something");

      // The tool owns what it says, the manager no field of any spec; so neither takes anything from the other.
      for (const [kind, name] of [["vm", "web"], ["provider", "mock"], ["vmclass", "small"], ["vmimage", "debian"]]) {
        const all = await owners(kubectl, kind ?? "", name ?? "");
        assert(all.get("gitops")?.some((field) => field.startsWith("f:spec")), `gitops owns no spec of ${kind}`);
        const others = [...all].filter(([manager]) => manager !== "gitops").flatMap(([, fields]) => fields);
        assertEquals(others.filter((field) => field !== "f:metadata.f:finalizers"), [], `${kind} ${name}`);
      }
      const second = await kubectl.run(
        ["apply", "--server-side", "--field-manager=somebody", "-f", "-"],
        [machine("web", { powerState: "Off", classRef: { name: "large" } })],
      );
      assertEquals(second.code, 1, "two tools of different opinions are told so");
      assert(second.err.includes('conflict with "gitops"'), second.err);

      await sync({ powerState: "Off" });
      await ready(kubectl, "vm", "web", ({ status }) => status.powerState === "Off");
      // What the tool does not name any more goes back to the default.
      await sync();
      await ready(kubectl, "vm", "web", ({ status }) => status.powerState === "On");
      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
  {
    name: "what is made for a Provider belongs to it, and goes with it",
    async run(world) {
      const kubectl = await world.namespace("owned");
      await mockProvider(world, kubectl);
      const { metadata: { uid } } = await kubectl.get("provider", "mock");
      const kinds = "deployments,services,serviceaccounts,secrets";
      const made = (await kubectl.list(kinds)).filter(({ metadata }) =>
        metadata.name.startsWith("virtrigaud-provider")
      );
      assertEquals(
        [...new Set(made.map(({ kind }) => kind))].sort(),
        ["Deployment", "Secret", "Service", "ServiceAccount"],
      );
      for (const { kind, metadata } of made) {
        const owner = metadata.ownerReferences?.map(({ kind, name, uid, controller, blockOwnerDeletion }) => (
          { kind, name, uid, controller, blockOwnerDeletion }
        ));
        const expected = { kind: "Provider", name: "mock", uid, controller: true, blockOwnerDeletion: true };
        assertEquals(owner, [expected], `${kind} ${metadata.name}`);
      }
      await kubectl.ok(["delete", "provider", "mock", "--cascade=foreground", "--timeout=90s"]);
      assertEquals(
        (await kubectl.list(kinds)).filter(({ metadata }) => metadata.ownerReferences?.some((o) => o.uid === uid)),
        [],
      );
      const volumes = join(world.stage.runnerFolder, "pods/owned_virtrigaud-provider-owned-mock/volumes");
      await until("its credentials to be in no file", () => [...Deno.readDirSync(volumes)].length === 0);
      await kubectl.apply(object("VMClass", "alone", { cpu: 1, memory: "1Gi" }));
      await kubectl.ok(["wait", "vmclass/alone", "--for=condition=Ready", "--timeout=30s"]);
      await kubectl.ok(["delete", "vmclass", "alone", "--timeout=30s"]);
    },
  },
];
