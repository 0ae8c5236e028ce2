import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import { inWorld } from "./world.ts";

Deno.test("a VM becomes Ready with an address: one create, few writes, then silence", () =>
  inWorld(async (world) => {
    const { server } = world;
    const before = server.requests.length;
    world.newVm();
    await world.untilReady();
    await world.until(() => (world.vm()?.status?.ips ?? []).length > 0);
    const writes = server.requests.slice(before).filter(({ plural, verb }) =>
      plural === "virtualmachines" && !["watch", "list", "get"].includes(verb)
    );
    assertEquals(writes.map(({ verb, subresource }) => subresource ?? verb), ["patch", "status", "status", "status"]);
    assertEquals(world.site().mutations, ["create"]);
    await world.calm();
    assertEquals(await world.quiet(3_600_000), []);
    assertEquals(world.vm()?.status?.phase, "Running");
    assertEquals(world.vm()?.status?.operation, undefined);
    assert(world.events().includes("Created"));
    assertEquals(world.metrics.values.get("virtrigaud_vm_operations_total Create mock default/p success"), 1);
    assertEquals(world.metrics.values.get("virtrigaud_provider_tasks_inflight mock default/p"), 0);
    assertEquals(world.metrics.values.get("virtrigaud_ip_discovery_duration_seconds mock"), 1);
  }));

Deno.test("power follows the wish, and a guest that does not listen is pulled the plug after its timeout", () =>
  inWorld(async (world) => {
    world.newVm("web", { lifecycle: { gracefulShutdownTimeout: "7s" } });
    await world.untilReady();
    await world.calm();
    world.patch("VirtualMachine", "web", { powerState: "Off" });
    await world.until(() => world.vm()?.status?.powerState === "Off");
    world.patch("VirtualMachine", "web", { powerState: "On" });
    await world.untilReady();
    assertEquals(world.vm()?.status?.powerState, "On");
    await world.calm();
    world.site().faults.ignoreShutdown = true;
    const asked = world.clock.now();
    world.patch("VirtualMachine", "web", { powerState: "OffGraceful" });
    await world.untilReady();
    assertEquals(world.vm()?.status?.powerState, "Off");
    assert(world.clock.now() - asked >= 7_000 && world.clock.now() - asked < 10_000);
    assertEquals(world.site().mutations, ["create", "power", "power", "power"]);
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a reboot happens once, though the manager dies between asking and remembering", () =>
  inWorld(async (world) => {
    world.newVm();
    await world.untilReady();
    await world.calm();
    const boots = () => world.site().hypervisor.vms[0]?.guest.bootNumber;
    assertEquals(boots(), 1);
    // The write after the answer never arrives.
    let writes = 0;
    world.server.fail(
      (request) => request.plural === "virtualmachines" && request.subresource === "status" && ++writes === 2,
      { type: "hang" },
    );
    world.annotate("VirtualMachine", "web", { "virtrigaud.io/reboot-requested-at": "now" });
    await world.until(() => world.site().mutations.length === 2);
    await world.clock.advance(1_000);
    await world.stop();
    world.start();
    await world.until(() => world.vm()?.status?.lastReboot?.request === "now");
    await world.untilReady();
    await world.clock.advance(60_000);
    assertEquals(boots(), 2);
    assertEquals(new Set(world.site().operationIds.slice(1)).size, 1);
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a class that grows shuts the VM down, changes it and starts it again", () =>
  inWorld(async (world) => {
    world.newVm();
    await world.untilReady();
    await world.calm();
    world.patch("VMClass", "small", { cpu: 2, memory: "1Gi" });
    await world.until(() => world.vm()?.status?.currentResources?.cpu === 2 && world.vm()?.status?.powerState === "On");
    await world.untilReady();
    assertEquals(world.vm()?.status?.currentResources, { cpu: 2, memoryMiB: 1024 });
    assertEquals(world.site().mutations, ["create", "reconfigure", "power", "reconfigure", "power"]);
    assertEquals(world.vm()?.status?.pendingPowerCycle, undefined);
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("OnlineOnly says what waits, and it is done when somebody turns the VM off", () =>
  inWorld(async (world) => {
    world.newVm("web", { updatePolicy: "OnlineOnly" });
    await world.untilReady();
    await world.calm();
    world.patch("VMClass", "small", { cpu: 2 });
    await world.until(() => world.ready() === "False ReconfigurePendingPowerCycle");
    assertMatch(world.vm()?.status?.message ?? "", /hardware\.cpus/);
    await world.calm();
    assertEquals(await world.quiet(), []);
    world.patch("VirtualMachine", "web", { powerState: "Off" });
    await world.untilReady();
    world.patch("VirtualMachine", "web", { powerState: "On" });
    await world.until(() => world.vm()?.status?.powerState === "On");
    await world.untilReady();
    assertEquals(world.vm()?.status?.currentResources?.cpu, 2);
  }));

Deno.test("disks are added and grown, not shrunk, and go with their data only when allowed", () =>
  inWorld(async (world) => {
    const disks = (...sizes: [string, number][]) =>
      world.patch("VirtualMachine", "web", {
        disks: sizes.map(([name, sizeGiB]) => ({ name, sizeGiB, expandPolicy: "Online" })),
      });
    const seen = () => world.vm()?.status?.disks?.map(({ name, sizeGiB }) => `${name} ${sizeGiB}`).join(", ");
    world.newVm();
    await world.untilReady();
    await world.calm();
    disks(["data", 5]);
    await world.until(() => seen() === "root 4, data 5");
    disks(["data", 8]);
    await world.until(() => seen() === "root 4, data 8");
    await world.untilReady();
    disks(["data", 6]);
    await world.until(() => world.ready() === "False InvalidSpec");
    assertMatch(world.vm()?.status?.message ?? "", /disks\[data\]\.sizeGiB/);
    await world.calm();
    assertEquals(await world.quiet(), []);
    disks();
    await world.until(() => /remove-disks/.test(world.vm()?.status?.message ?? ""));
    await world.calm();
    assertEquals(seen(), "root 4, data 8");
    world.annotate("VirtualMachine", "web", { "virtrigaud.io/remove-disks": "data" });
    await world.until(() => seen() === "root 4");
    await world.untilReady();
  }));

Deno.test("cards are added and removed; absent networks mean the default one, an empty list none", () =>
  inWorld(async (world) => {
    const seen = () => world.vm()?.status?.networks?.map(({ name, network }) => `${name} ${network}`).join(", ");
    world.newVm("web", { networks: undefined });
    await world.untilReady();
    assertEquals(seen(), "default default");
    world.patch("VirtualMachine", "web", {
      networks: [{ name: "a", networkRef: { name: "lan" } }, { name: "b", networkRef: { name: "lan" } }],
    });
    await world.until(() => seen() === "a lab, b lab");
    world.patch("VirtualMachine", "web", { networks: [] });
    await world.until(() => seen() === "");
    await world.untilReady();
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("a wish that does not show at the machine is carried out all the same", () =>
  inWorld(async (world) => {
    world.newVm();
    await world.untilReady();
    await world.calm();
    world.patch("VirtualMachine", "web", { tags: ["blue"] });
    await world.until(() => world.site().hypervisor.vms[0]?.tags[0] === "blue");
    await world.untilReady();
    assertEquals(world.site().mutations, ["create", "reconfigure"]);
    await world.calm();
    assertEquals(await world.quiet(), []);
  }));

Deno.test("what somebody turns off behind our back is turned on again, and told", () =>
  inWorld(async (world) => {
    world.newVm();
    await world.untilReady();
    await world.calm();
    const vmId = world.vm()?.status?.id ?? "";
    world.site().hypervisor.external({ type: "PowerOff", vmId });
    await world.until(() => world.site().mutations.length === 2);
    await world.untilReady();
    assertEquals(world.vm()?.status?.powerState, "On");

    // One that cannot be turned on again is not said to run meanwhile.
    world.site().faults.add({ method: "power", at: "before", fault: { type: "Error", class: "Retryable" }, times: 50 });
    world.site().hypervisor.external({ type: "PowerOff", vmId });
    const start = world.clock.monotonic();
    await world.until(() => world.vm()?.status?.powerState === "Off");
    assert(world.clock.monotonic() - start < 1_000);
  }));
