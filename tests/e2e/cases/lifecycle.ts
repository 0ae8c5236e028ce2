/** One VM from apply to delete, in the words of a user. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@virtrigaud/deps";
import { VM_FINALIZER } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import type { Case } from "../support/case.ts";
import { catalog, machine, mockProvider, ready, when } from "../support/manifests.ts";

const EXAMPLE = new URL("../../../examples/mock/vm.yaml", import.meta.url).pathname;

/** Cases that every world has to pass. */
export const lifecycle: readonly Case[] = [
  {
    name: "the example is applied, becomes Ready with an address, is seen on the way, and is deleted",
    async run(world) {
      const kubectl = await world.namespace("example");
      await using watching = kubectl.follow(["get", "vm", "-w"]);
      await kubectl.ok(["apply", "-f", EXAMPLE]);
      await kubectl.ok(["wait", "vm/hello", "--for=condition=Ready", "--timeout=90s"]);
      const vm = await when(kubectl, "vm", "hello", "to have an address", ({ status }) => status?.ips?.length > 0);
      assertEquals([vm.status.phase, vm.status.powerState], ["Running", "On"]);
      assertEquals(vm.metadata.finalizers, [VM_FINALIZER]);
      await until("the watch to show the way", () =>
        /hello .*Creating/.test(watching.text) &&
        new RegExp(`hello +On +${vm.status.ips[0]} .* mock +True +ReconcileSuccess`).test(watching.text), {
        seen: () => watching.text,
      });
      await until(
        "its birth among its events",
        async () => /Normal +Created .*the VM exists as /.test(await kubectl.ok(["describe", "vm", "hello"])),
        { seen: () => kubectl.ok(["describe", "vm", "hello"]) },
      );
      assertMatch(await kubectl.ok(["explain", "vm.spec.powerState"]), /ENUM:\s+On\s+Off\s+OffGraceful/);
      await world.search();
      await kubectl.ok(["delete", "-f", EXAMPLE, "--timeout=90s"]);
      for (const kind of ["vm", "provider", "vmclass", "vmimage"]) {
        await until(`no ${kind} to be left`, async () => (await kubectl.list(kind)).length === 0);
      }
      await until("no Deployment to be left", async () => (await kubectl.list("deployments")).length === 0);
      await until("the provider to end", () => world.providerPid("example", "mock") === undefined);
    },
  },
  {
    name:
      "power, class, disks, interfaces and a reboot are changed at the hypervisor, and deleting leaves nothing there",
    async run(world) {
      const kubectl = await world.namespace("life");
      const hypervisor = await mockProvider(world, kubectl);
      await kubectl.apply(...catalog(world.canary.word), machine("web"));
      const { metadata: { uid } } = await ready(kubectl, "vm", "web", ({ status }) => status.ips?.length > 0);
      const seen = async () => {
        const vm = await hypervisor.vmOf(uid);
        if (vm === undefined) throw new Error("the hypervisor has no VM of this object");
        return vm;
      };
      const born = await seen();
      assertEquals(born.name, "web");
      assertEquals([born.hardware.cpus, born.hardware.memoryMib, born.power], [1, 1024, "On"]);

      for (const [powerState, power] of [["Off", "Off"], ["On", "On"], ["OffGraceful", "Off"], ["On", "On"]] as const) {
        await kubectl.patch("vm", "web", { spec: { powerState } });
        const vm = await ready(
          kubectl,
          "vm",
          "web",
          ({ status }) => status.powerState === power,
          `to be ${powerState}`,
        );
        assertEquals(vm.status.phase, power === "On" ? "Running" : "Stopped");
        assertEquals((await seen()).power, power);
      }

      await kubectl.patch("vm", "web", { spec: { classRef: { name: "large" } } });
      const large = await ready(
        kubectl,
        "vm",
        "web",
        ({ status }) => status.currentResources?.cpu === 2,
        "to be large",
      );
      assertEquals([large.status.currentResources.memoryMiB, large.status.powerState], [2048, "On"]);
      const { hardware } = await seen();
      assertEquals([hardware.cpus, hardware.memoryMib], [2, 2048]);

      for (const sizeGiB of [2, 5]) {
        await kubectl.patch("vm", "web", { spec: { disks: [{ name: "data", sizeGiB }] } });
        const vm = await ready(
          kubectl,
          "vm",
          "web",
          ({ status }) =>
            status.disks?.some((disk: { name: string; sizeGiB: number }) =>
              disk.name === "data" && disk.sizeGiB === sizeGiB
            ),
          `to have a disk of ${sizeGiB} GiB`,
        );
        assertEquals(vm.status.powerState, "On");
      }
      const disks = (await seen()).disks;
      assertEquals(disks.map(({ name }) => name).sort(), ["data", "root"]);
      const volume = (await hypervisor.volumes()).find(({ id }) =>
        id === disks.find(({ name }) => name === "data")?.volumeId
      );
      assertEquals(volume?.sizeGib, 5);

      await kubectl.patch("vm", "web", {
        spec: {
          networks: [{ name: "lan", networkRef: { name: "lan" } }, { name: "lab", networkRef: { name: "lab" } }],
        },
      });
      await ready(
        kubectl,
        "vm",
        "web",
        ({ status }) => status.networks?.some((nic: { name: string; network: string }) => nic.network === "lab"),
        "to have a second interface",
      );
      assertEquals((await seen()).nics.map(({ network }) => network).sort(), ["default", "lab"]);

      const { bootNumber } = (await seen()).guest;
      await kubectl.ok(["annotate", "vm", "web", "virtrigaud.io/reboot-requested-at=now"]);
      await ready(kubectl, "vm", "web", ({ status }) => status.lastReboot?.request === "now", "to be rebooted");
      assertEquals((await seen()).guest.bootNumber, bootNumber + 1);

      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      assertEquals(await kubectl.list("vm"), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
  {
    name: "what somebody changes at the hypervisor is seen, and put right or told",
    async run(world) {
      const kubectl = await world.namespace("drift");
      const hypervisor = await mockProvider(world, kubectl);
      await kubectl.apply(...catalog(world.canary.word), machine("web"));
      const { metadata: { uid }, status: { id } } = await ready(kubectl, "vm", "web");
      await hypervisor.external({ type: "PowerOff", vmId: id });
      await until("the machine to be on again", async () => {
        const vm = await hypervisor.vmOf(uid);
        return vm?.power === "On" && (await hypervisor.effects()).filter((effect) => effect.subject === id).length > 2;
      });
      await ready(kubectl, "vm", "web", ({ status }) => status.powerState === "On");
      assertStringIncludes(await kubectl.ok(["describe", "vm", "web"]), "changed outside of VirtRigaud");
      await hypervisor.external({ type: "Delete", vmId: id });
      await when(kubectl, "vm", "web", "to be Missing", ({ status }) => status.phase === "Missing");
      assertEquals(await hypervisor.ours(), []);
      await kubectl.patch("vm", "web", { spec: { onMissing: "Recreate" } });
      const again = await ready(kubectl, "vm", "web", ({ status }) => status.ips?.length > 0, "to be made again");
      assert(again.status.id !== id);
      assertEquals((await hypervisor.vmOf(uid))?.id, again.status.id);
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
];
