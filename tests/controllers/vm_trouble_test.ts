import { assert, assertEquals, assertMatch, assertStringIncludes } from "@virtrigaud/deps";
import { wishedSpec } from "../../src/controllers/virtual_machine/testing/inputs.ts";
import { inWorld, World } from "./world.ts";

const VMS = "/apis/infra.virtrigaud.io/v1beta1/virtualmachines";
const FORCE = { "virtrigaud.io/force-delete": "true" };

async function running(world: World, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) {
  world.newVm("web", spec, metadata);
  await world.untilReady();
  await world.calm();
}

Deno.test("a VM that somebody deleted is held, and made anew only on request", () =>
  inWorld(async (world) => {
    await running(world);
    const vmId = world.vm()?.status?.id ?? "";
    world.site().hypervisor.external({ type: "Delete", vmId });
    await world.until(() => world.ready() === "False Missing");
    assertEquals([world.vm()?.status?.powerState, world.vm()?.status?.phase], ["Unknown", "Missing"]);
    assertEquals(await world.quiet(), []);
    world.patch("VirtualMachine", "web", { onMissing: "Recreate" });
    await world.untilReady();
    assert(world.vm()?.status?.id !== vmId);
    assertEquals(world.site().mutations, ["create", "create"]);
  }));

Deno.test("a provider that lost its memory makes VMs Missing, not new", () =>
  inWorld(async (world) => {
    await running(world);
    world.site().restartEmpty();
    await world.until(() => world.ready() === "False Missing");
    await world.calm();
    assertEquals(world.site().mutations, ["create"]);
    assertEquals(await world.quiet(), []);
  }));

Deno.test("deleting the object deletes the machine, with a proof that it is gone", () =>
  inWorld(async (world) => {
    await running(world);
    world.delete("VirtualMachine", "web");
    await world.until(() => world.vm() === undefined);
    assertEquals(world.site().hypervisor.vms, []);
    assertEquals(world.site().mutations, ["create", "delete"]);
    assertEquals(world.site().calls.at(-1), "describe");
    await world.calm();
    assertEquals(world.events().filter((reason) => reason.startsWith("Delet")), ["Deleted"]);
  }));

Deno.test("Retain and adoption leave the machine where it is", async (t) => {
  for (
    const [name, spec, metadata] of [
      ["Retain", { deletionPolicy: "Retain" }, {}],
      ["adopted", {}, { labels: { "virtrigaud.io/adopted": "true" } }],
    ] as const
  ) {
    await t.step(name, () =>
      inWorld(async (world) => {
        if (name === "adopted") {
          const vmId = world.site().hypervisor.external({ type: "AddForeignVm", name: "web" });
          world.newVm("web", { ...spec, resources: { cpu: 1, memoryMiB: 1024 } }, metadata);
          const address = {
            collection: "/apis/infra.virtrigaud.io/v1beta1/virtualmachines",
            namespace: "default",
            name: "web",
          };
          world.server.store.update(address, { ...world.server.store.get(address), status: { id: vmId } }, "status");
          await world.until(() => world.vm()?.status?.powerState !== undefined);
        } else await running(world, spec, metadata);
        await world.calm();
        world.delete("VirtualMachine", "web");
        await world.until(() => world.vm() === undefined);
        assertEquals(world.site().hypervisor.vms.length, 1);
        assertEquals(world.site().mutations.includes("delete"), false);
        await world.calm();
        assert(world.events().includes("Retained"));
      }));
  }
});

Deno.test("a machine whose object is torn away while it is being made is deleted; one that was written down is not", async (t) => {
  const tearAway = (world: World) => {
    const address = { collection: VMS, namespace: "default", name: "web" };
    const { resourceVersion: _, ...metadata } = world.server.store.get(address).metadata;
    world.server.store.update(address, {
      ...world.server.store.get(address),
      metadata: { ...metadata, finalizers: [] },
    });
    world.server.store.delete(address);
    assertEquals(world.vm(), undefined);
  };
  const beingMade = async (world: World, spec: Record<string, unknown> = {}) => {
    world.newVm("other");
    await world.untilReady("other");
    world.site().faults.latencyMs = 1_000;
    world.newVm("web", spec);
    await world.until(() => world.site().mutations.length === 2);
  };
  const names = (world: World) => world.site().hypervisor.vms.map(({ name }) => name);
  await t.step("torn away", () =>
    inWorld(async (world) => {
      await beingMade(world);
      tearAway(world);
      await world.until(() => names(world).includes("web"));
      await world.until(() => !names(world).includes("web"));
      await world.calm();
      assertEquals([names(world), await world.quiet()], [["other"], []]);
    }));
  await t.step("and made anew under the same name", () =>
    inWorld(async (world) => {
      await beingMade(world);
      const { uid } = world.vm()?.metadata ?? {};
      tearAway(world);
      world.newVm("web");
      await world.untilReady();
      assertEquals(world.site().hypervisor.vms.map(({ ownerUid }) => ownerUid).includes(uid), false);
    }));
  await t.step("meant to stay", () =>
    inWorld(async (world) => {
      await beingMade(world, { deletionPolicy: "Retain" });
      tearAway(world);
      await world.calm();
      assertEquals(names(world), ["other", "web"]);
    }));
  await t.step("written down", () =>
    inWorld(async (world) => {
      await running(world);
      tearAway(world);
      await world.calm();
      assertEquals(names(world), ["web"]);
    }));
});

Deno.test("an unreachable provider holds a deletion until it is back, or until it is forced", async (t) => {
  await t.step("back", () =>
    inWorld(async (world) => {
      await running(world);
      world.site().down = true;
      world.site().hypervisor.cutWatches();
      await world.clock.advance(1_000);
      assertEquals(world.ready(), "True ReconcileSuccess");
      world.delete("VirtualMachine", "web");
      await world.until(() => world.ready() === "False ProviderUnavailable");
      assertStringIncludes(world.vm()?.status?.message ?? "", "virtrigaud.io/force-delete");
      world.site().down = false;
      await world.until(() => world.vm() === undefined);
      assertEquals(world.site().hypervisor.vms, []);
    }));
  await t.step("forced", () =>
    inWorld(async (world) => {
      await running(world);
      world.site().down = true;
      world.site().hypervisor.cutWatches();
      world.delete("VirtualMachine", "web");
      await world.until(() => world.ready() === "False ProviderUnavailable");
      world.annotate("VirtualMachine", "web", FORCE);
      await world.until(() => world.vm() === undefined);
      await world.calm();
      assert(world.events().includes("ForceDeleted"));
      assertEquals(world.site().hypervisor.vms.length, 1);
    }));
  await t.step("hanging and forced", () =>
    inWorld(async (world) => {
      await running(world);
      world.site().faults.add({ method: "delete", at: "before", fault: { type: "Error", class: "Timeout" } });
      world.delete("VirtualMachine", "web");
      await world.until(() => world.ready() === "False InjectedFault");
      world.annotate("VirtualMachine", "web", FORCE);
      await world.until(() => world.vm() === undefined);
    }));
});

Deno.test("a machine of the same name that is not ours is left alone, and its end is noticed at once", () =>
  inWorld(async (world) => {
    const vmId = world.site().hypervisor.external({ type: "AddForeignVm", name: "web" });
    world.newVm();
    await world.until(() => world.ready() === "False NameConflict");
    await world.calm();
    const foreign = JSON.stringify(world.site().hypervisor.vms);
    assertEquals(await world.quiet(3_600_000), []);
    assertEquals(JSON.stringify(world.site().hypervisor.vms), foreign);
    world.site().hypervisor.external({ type: "Rename", vmId, name: "other" });
    await world.until(() => world.site().mutations.length === 2, 1_000);
    await world.untilReady();
    assertEquals(world.site().hypervisor.vms.length, 2);
  }));

Deno.test("a VM that is deleted while its name is taken does not take the other along", () =>
  inWorld(async (world) => {
    world.site().hypervisor.external({ type: "AddForeignVm", name: "web" });
    world.newVm();
    await world.until(() => world.ready() === "False NameConflict");
    world.delete("VirtualMachine", "web");
    await world.until(() => world.vm() === undefined);
    assertEquals(world.site().hypervisor.vms.length, 1);
  }));

Deno.test("two objects of one name on one hypervisor: the second waits for the first", () =>
  inWorld(async (world) => {
    await running(world);
    world.create("VirtualMachine", "web", {
      spec: {
        ...world.vm()?.spec,
        providerRef: { name: "p", namespace: "default" },
        classRef: { name: "small", namespace: "default" },
        imageRef: { name: "tiny", namespace: "default" },
        networks: [],
      },
    }, { namespace: "other" });
    const second = () => world.get<NonNullable<ReturnType<World["vm"]>>>("VirtualMachine", "web", "other")?.status;
    await world.until(() => second()?.failures?.[0]?.reason === "NameConflict");
    world.delete("VirtualMachine", "web");
    await world.until(() => second()?.phase === "Running");
    assertEquals(world.site().hypervisor.vms.length, 1);
  }));

Deno.test("each thing that is missing is named, nothing polls, and it heals when it appears", async (t) => {
  const networkRef = { networks: [{ name: "eth0", networkRef: { name: "late" } }] };
  const cases: readonly [name: string, spec: Record<string, unknown>, says: RegExp, appear: (world: World) => void][] =
    [
      [
        "class",
        { classRef: { name: "late" } },
        /spec\.classRef: VMClass "late"/,
        (w) => w.create("VMClass", "late", { spec: { cpu: 1, memory: "512Mi" } }),
      ],
      [
        "image",
        { imageRef: { name: "late" } },
        /spec\.imageRef: VMImage "late"/,
        (w) => w.create("VMImage", "late", { spec: { source: { vsphere: { templateName: "tiny" } } } }),
      ],
      [
        "network",
        networkRef,
        /spec\.networks\[eth0\]\.networkRef: VMNetworkAttachment "late"/,
        (w) => w.create("VMNetworkAttachment", "late", { spec: { network: { libvirt: { networkName: "lab" } } } }),
      ],
      [
        "provider",
        { providerRef: { name: "late" } },
        /spec\.providerRef: Provider "late"/,
        (w) => w.newProvider("late"),
      ],
      [
        "secret",
        { userData: { cloudInit: { secretRef: { name: "late" } } } },
        /userData\.cloudInit\.secretRef: Secret "late"/,
        (w) => w.create("Secret", "late", { data: { userdata: btoa("#cloud-config\n") } }),
      ],
    ];
  for (const [name, spec, says, appear] of cases) {
    await t.step(name, () =>
      inWorld(async (world) => {
        world.newVm("web", spec);
        await world.until(() => world.ready() === "False WaitingForDependencies");
        assertMatch(world.vm()?.status?.message ?? "", says);
        await world.calm();
        const reads = world.server.count("get", "list");
        assertEquals(await world.quiet(3_600_000), []);
        assertEquals(world.server.count("get", "list"), reads);
        appear(world);
        await world.until(
          () => world.site("default/p").mutations.length + world.site("default/late").mutations.length > 0,
          5_000,
        );
        await world.untilReady();
      }));
  }
});

Deno.test("a Secret without the key is named, does not loop, and heals when the key is added", () =>
  inWorld(async (world) => {
    world.create("Secret", "init", { data: { a: btoa("x"), b: btoa("y") } });
    world.newVm("web", { userData: { cloudInit: { secretRef: { name: "init" }, inline: "#!/bin/sh\n" } } });
    await world.until(() => world.ready() === "False WaitingForDependencies");
    assertMatch(world.vm()?.status?.message ?? "", /Secret "init" has none of the keys userdata/);
    await world.calm();
    const reads = world.server.count("get");
    await world.clock.advance(60_000);
    assertEquals(world.server.count("get"), reads);
    const address = { collection: "/api/v1/secrets", namespace: "default", name: "init" };
    world.server.store.update(address, {
      ...world.server.store.get(address),
      data: { userdata: btoa("#cloud-config\nhostname: named\n") },
    });
    await world.untilReady();
    assertEquals(world.vm()?.status?.guest?.hostname ?? "named", "named");
    await world.calm();
    assertEquals(JSON.stringify(world.vm()).includes("cloud-config"), false);
  }));

Deno.test("a field that the provider does not honour is refused with provider and field", () =>
  inWorld(async (world) => {
    world.newProvider("kvm", { type: "libvirt", endpoint: "qemu:///system" });
    world.newVm("web", { providerRef: { name: "kvm" }, placement: { cluster: "c" } });
    await world.until(() => world.ready() === "False UnsupportedField");
    assertMatch(world.vm()?.status?.message ?? "", /spec\.placement\.cluster.*Provider "kvm" of type libvirt/);
    assertEquals(world.site("default/kvm").mutations, []);
  }));

Deno.test("a task that the provider forgets is settled by what the hypervisor has", () =>
  inWorld(async (world) => {
    world.site().faults.add({ method: "create", at: "task", fault: { type: "LoseTask" }, times: 1 });
    world.newVm();
    await world.untilReady();
    assertEquals(world.site().mutations, ["create"]);
    assertEquals(world.site().hypervisor.vms.length, 1);
  }));

Deno.test("a task that fails for now is tried again, one that fails for good is not", async (t) => {
  await t.step("for now", () =>
    inWorld(async (world) => {
      world.site().faults.add({ method: "create", at: "task", fault: { type: "Error", class: "Retryable" }, times: 1 });
      world.newVm();
      await world.until(() => world.vm()?.status?.failures?.[0]?.verb === "Create");
      await world.untilReady();
      assertEquals([world.site().mutations, world.vm()?.status?.failures], [["create", "create"], undefined]);
    }));
  await t.step("for good", () =>
    inWorld(async (world) => {
      world.site().faults.add({
        method: "create",
        at: "task",
        fault: { type: "Error", class: "InvalidSpec" },
        times: 1,
      });
      world.newVm();
      await world.until(() => world.vm()?.status?.phase === "Failed");
      await world.calm();
      assertEquals(await world.quiet(3_600_000), []);
      world.annotate("VirtualMachine", "web", { "virtrigaud.io/force-sync": "again" });
      await world.untilReady();
      const { values } = world.metrics;
      assertEquals(values.get("virtrigaud_vm_operations_total Create mock default/p error"), 1);
    }));
});

Deno.test("an answer that is lost after the change makes no second VM", () =>
  inWorld(async (world) => {
    world.site().faults.add({ method: "create", at: "after", fault: { type: "Error", class: "Timeout" }, times: 1 });
    world.newVm();
    await world.untilReady();
    assertEquals(world.site().hypervisor.effects.filter(({ type }) => type === "VmCreated").length, 1);
  }));

Deno.test("a question that fails is asked again although nobody tells when to", () =>
  inWorld(async (world) => {
    await running(world);
    world.site().faults.add({
      method: "describe",
      at: "before",
      fault: { type: "Error", class: "RateLimit" },
      times: 3,
    });
    world.patch("VirtualMachine", "web", { powerState: "Off" });
    await world.until(() => world.vm()?.status?.powerState === "Off", 60_000);
    await world.untilReady();
  }));

Deno.test("a manager with an older fence changes nothing and writes nothing", () =>
  inWorld(async (world) => {
    const operation = { id: "newer", ownerUid: "uid-other", owner: "default/other", fence: 5 };
    const context = { signal: new AbortController().signal, requestId: "test" };
    await world.site().client().create({ operation, spec: { ...wishedSpec, name: "theirs" }, powerOn: false }, context);
    world.newVm();
    await world.clock.advance(60_000);
    assertEquals(world.site().hypervisor.vms.length, 1);
    assertEquals(world.vm()?.status, undefined);
    assert(world.site().mutations.length > 2, "it tries again, for it may lead again");
  }));

Deno.test("a VM whose provider is changed is neither made nor believed gone", () =>
  inWorld(async (world) => {
    await running(world, { onMissing: "Recreate" });
    world.newProvider("q");
    await world.until(() => world.ready("Provider", "q") === "True ProviderReady");
    world.patch("VirtualMachine", "web", { providerRef: { name: "q" } });
    await world.until(() => world.ready() === "False ProviderChanged");
    assertEquals(world.site("default/q").mutations, []);
    world.delete("VirtualMachine", "web");
    await world.calm();
    assertEquals(world.ready(), "False ProviderChanged");
    world.patch("VirtualMachine", "web", { providerRef: { name: "p" } });
    await world.until(() => world.vm() === undefined);
    assertEquals(world.site().hypervisor.vms, []);
  }));
