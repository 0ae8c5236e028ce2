import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { mockCapabilities } from "../../providers/mock/mod.ts";
import { inWorld, type World } from "./world.ts";

const CANARY = "hunter2-canary";
const userdata = (hostname: string) => ({
  userdata: btoa(`#cloud-config\nhostname: ${hostname}\npassword: ${CANARY}\n`),
});
const secretRef = { userData: { cloudInit: { secretRef: { name: "init" } } } };
const address = { collection: "/api/v1/secrets", namespace: "default", name: "init" };

/** A VM that runs with user-data out of the Secret `init`. */
async function born(world: World, spec: Record<string, unknown> = secretRef): Promise<void> {
  world.create("Secret", "init", { data: userdata("one") });
  world.newVm("web", spec);
  await world.untilReady();
  await world.until(() => world.vm()?.status?.guest?.hostname !== undefined);
  await world.calm();
}

/** Changes the Secret: its content, or what stands around it. */
function change(world: World, to: Record<string, unknown>): void {
  const { store } = world.server;
  store.update(address, { ...store.get(address), ...to });
}

/** Reads of Secrets' contents so far. */
const reads = (world: World) =>
  world.server.requests.filter(({ verb, plural }) => verb === "get" && plural === "secrets").length;
const digest = (world: World) => world.site().hypervisor.vms[0]?.guestInitDigest;
const held = (world: World) => {
  const found = world.vm()?.status?.conditions?.find(({ type }) => type === "UserDataHeld");
  return found === undefined ? undefined : `${found.status} ${found.reason}: ${found.message}`;
};

Deno.test("a Secret that changes is read once and replaces the VM's user-data, without an outage; the next boot sees it", () =>
  inWorld(async (world) => {
    await born(world);
    const before = { reads: reads(world), digest: digest(world) };
    change(world, { data: userdata("two") });
    await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
    await world.untilReady();
    assertEquals(world.site().mutations, ["create", "reconfigure"]);
    assertEquals(reads(world), before.reads + 1);
    assert(digest(world) !== before.digest);
    await world.calm();
    assert(world.events().includes("UserDataReplaced"));
    assertEquals([world.vm()?.status?.powerState, world.vm()?.status?.guest?.hostname], ["On", "one"]);
    assertEquals(await world.quiet(3_600_000), []);
    world.annotate("VirtualMachine", "web", { "virtrigaud.io/reboot-requested-at": "now" });
    await world.until(() => world.vm()?.status?.guest?.hostname === "two");
    const { server } = world;
    const told = JSON.stringify([world.vm(), server.store.list("/api/v1/events"), [...world.metrics.values]]);
    for (const secret of [CANARY, btoa(CANARY)]) assertEquals(told.includes(secret), false);
  }));

Deno.test("user-data that did not change costs nothing: not while time goes by, not when the manager starts anew", () =>
  inWorld(async (world) => {
    await born(world);
    const before = { reads: reads(world), calls: world.site().mutations.length };
    assertEquals(await world.quiet(3_600_000), []);
    await world.stop();
    const writes = world.writes("virtualmachines").length;
    world.start();
    await world.until(() => world.ready("Provider", "p") === "True ProviderReady");
    await world.quiet(3_600_000);
    assertEquals([reads(world), world.site().mutations.length], [before.reads, before.calls]);
    assertEquals(world.writes("virtualmachines").length, writes);
  }));

Deno.test("what changed while no manager ran is seen by the next one", async (t) => {
  const cases: readonly (readonly [name: string, spec: Record<string, unknown>, edit: (world: World) => void])[] = [
    ["a Secret", secretRef, (world) => change(world, { data: userdata("two") })],
    [
      "inline text",
      { userData: { cloudInit: { inline: "#cloud-config\nhostname: one\n" } } },
      (world) =>
        world.patch("VirtualMachine", "web", { userData: { cloudInit: { inline: "#cloud-config\nhostname: two\n" } } }),
    ],
  ];
  for (const [name, spec, edit] of cases) {
    await t.step(name, () =>
      inWorld(async (world) => {
        await born(world, spec);
        const before = digest(world);
        await world.stop();
        edit(world);
        world.start();
        await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
        assert(digest(world) !== before);
        assertEquals(world.site().mutations, ["create", "reconfigure"]);
      }));
  }
});

Deno.test("a Secret of the same content in a new version is compared by the provider, and nothing is replaced", () =>
  inWorld(async (world) => {
    await born(world);
    const before = digest(world);
    change(world, { metadata: { ...world.server.store.get(address).metadata, labels: { by: "hand" } } });
    await world.until(() => world.site().mutations.length === 2);
    await world.calm();
    assertEquals([digest(world), world.vm()?.status?.userData], [before, undefined]);
    assertEquals(world.events().includes("UserDataReplaced"), false);
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a Secret that goes after birth disturbs no VM: a condition names it, all else goes on, and it heals", () =>
  inWorld(async (world) => {
    await born(world);
    const before = digest(world);
    world.delete("Secret", "init");
    await world.until(() => held(world) !== undefined);
    assertMatch(held(world) ?? "", /^True SecretMissing: spec\.userData\.cloudInit\.secretRef: Secret "init" does not/);
    assertEquals([world.ready(), world.site().mutations], ["True ReconcileSuccess", ["create"]]);
    await world.calm();
    assertEquals(await world.quiet(3_600_000), []);
    world.patch("VMClass", "small", { cpu: 2 });
    await world.until(() => world.vm()?.status?.currentResources?.cpu === 2);
    await world.untilReady();
    assertEquals(digest(world), before, "what cannot be read must not be taken away");
    await world.calm();
    world.create("Secret", "init", { data: userdata("two") });
    await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
    await world.untilReady();
    assertEquals(held(world), undefined);
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a Secret that becomes unusable is read once, not at every look, and again when the spec or the Secret changes", () =>
  inWorld(async (world) => {
    await born(world);
    const before = reads(world);
    change(world, { data: { a: btoa("x"), b: btoa("y") } });
    await world.until(() => held(world) !== undefined);
    assertMatch(held(world) ?? "", /none of the keys userdata/);
    for (const day of ["1", "2", "3"]) {
      world.annotate("VirtualMachine", "web", { "example.org/day": day });
      await world.calm();
    }
    assertEquals([reads(world), world.site().mutations, world.ready()], [
      before + 1,
      ["create"],
      "True ReconcileSuccess",
    ]);
    world.patch("VirtualMachine", "web", { userData: { cloudInit: { inline: "#cloud-config\nhostname: two\n" } } });
    await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
    assertEquals(held(world), undefined);
  }));

Deno.test("user-data that is taken out of the spec is taken away from the VM", () =>
  inWorld(async (world) => {
    await born(world);
    world.patch("VirtualMachine", "web", { userData: undefined });
    await world.until(() => world.vm()?.status?.userData?.change === "Removed");
    await world.untilReady();
    assertEquals([digest(world), world.vm()?.status?.powerState], [undefined, "On"]);
    await world.calm();
    assert(world.events().includes("UserDataRemoved"));
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a manager that dies between asking and remembering asks once more, and the provider finds nothing to do", () =>
  inWorld(async (world) => {
    await born(world);
    const effects = () => world.site().hypervisor.effects.filter(({ type }) => type === "Reconfigured").length;
    const before = effects();
    world.server.fail(({ plural, subresource }) => plural === "virtualmachines" && subresource === "status", {
      type: "hang",
    });
    change(world, { data: userdata("two") });
    await world.until(() => world.site().mutations.length === 2);
    await world.clock.advance(5_000);
    await world.stop();
    world.server.heal();
    world.start();
    await world.until(() => world.vm()?.status?.appliedWish?.includes(".") === true && effects() > before);
    await world.untilReady();
    await world.calm();
    assertEquals([effects(), world.site().mutations], [before + 1, ["create", "reconfigure", "reconfigure"]]);
    assertEquals(await world.quiet(), []);
  }));

Deno.test("an adopted VM is left alone until its user sets user-data", () =>
  inWorld(async (world) => {
    const vmId = world.site().hypervisor.external({ type: "AddForeignVm", name: "web" });
    const labels = { "virtrigaud.io/adopted": "true" };
    world.create("VMClass", "own", { spec: { cpu: 2, memory: "4Gi" } });
    world.newVm("web", { networks: undefined, classRef: { name: "own" }, powerState: "Off" }, { labels });
    const { store } = world.server;
    const vm = { ...address, collection: "/apis/infra.virtrigaud.io/v1beta1/virtualmachines", name: "web" };
    store.update(vm, { ...store.get(vm), status: { id: vmId } }, "status");
    await world.untilReady();
    await world.calm();
    assertEquals([world.site().mutations, digest(world)], [[], undefined]);
    world.patch("VirtualMachine", "web", { userData: { cloudInit: { inline: "#cloud-config\nhostname: two\n" } } });
    await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
    await world.untilReady();
    assertEquals(world.site().mutations, ["reconfigure"]);
    assert(digest(world) !== undefined);
  }));

Deno.test("a static address that changes is replaced likewise; a VM that reads none refuses it by its field", () =>
  inWorld(async (world) => {
    const networks = (ipAddress?: string) => ({
      networks: [{ name: "eth0", networkRef: { name: "lan" }, ...(ipAddress === undefined ? {} : { ipAddress }) }],
    });
    await born(world, { ...secretRef, ...networks("192.0.2.5") });
    const before = digest(world);
    world.patch("VirtualMachine", "web", networks("192.0.2.6"));
    await world.until(() => world.vm()?.status?.userData?.change === "Replaced");
    await world.untilReady();
    assert(digest(world) !== before);
    assertEquals(world.site().mutations, ["create", "reconfigure"]);

    world.newVm("bare", networks());
    await world.untilReady("bare");
    world.patch("VirtualMachine", "bare", networks("192.0.2.7"));
    await world.until(() => world.ready("VirtualMachine", "bare") === "False NotSupported");
    assertMatch(world.vm("bare")?.status?.message ?? "", /nics\[eth0\]\.addresses.*user-data/);
    await world.calm();
    assertEquals(await world.quiet(), []);
    world.patch("VirtualMachine", "bare", networks());
    await world.untilReady("bare");
  }));

Deno.test("a provider that cannot replace user-data is not asked to, and the VM says so", () =>
  inWorld(async (world) => {
    await born(world);
    change(world, { data: userdata("two") });
    await world.until(() => held(world) !== undefined);
    assertMatch(held(world) ?? "", /^True NotSupported: spec\.userData: Provider "p" cannot replace it/);
    assertEquals([world.ready(), world.site().mutations], ["True ReconcileSuccess", ["create"]]);
    await world.calm();
    assertEquals(await world.quiet(), []);
    world.patch("VMClass", "small", { cpu: 2 });
    await world.until(() => world.vm()?.status?.currentResources?.cpu === 2);
    await world.untilReady();
  }, { capabilities: { ...mockCapabilities, guestInitReplace: false } }));
