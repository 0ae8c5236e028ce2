import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { Harness } from "./testing/harness.ts";

const names = (harness: Harness) => harness.hypervisor.vms.map(({ name }) => name).sort();

Deno.test("a VM that is created with power on boots and gets an address", async () => {
  using harness = new Harness();
  const { vmId, task } = await harness.provider.create(harness.request({}, { powerOn: true }), harness.context);
  assertEquals((await harness.describe(vmId)).power, "Transitional");
  await harness.clock.advance(200);
  assert(task);
  assertEquals((await harness.provider.taskStatus(task, harness.context)).state, "Succeeded");
  assertEquals((await harness.describe(vmId)).guest.agent, "NotRunning");
  await harness.clock.advance(300);
  const vm = await harness.describe(vmId);
  assertEquals(vm.power, "On");
  assertEquals(vm.ips.length, 1);
  assertEquals(vm.guest, { agent: "Running", hostname: "web", os: "mock-linux" });
});

Deno.test("three VMs that are not ours are there from the start and carry no mark", async () => {
  using harness = new Harness();
  const { vms } = await harness.provider.listVms({}, harness.context);
  assertEquals(vms.map(({ name }) => name).sort(), ["demo-vm-1", "demo-vm-2", "demo-vm-3"]);
  assert(vms.every(({ ownerUid }) => ownerUid === undefined));
});

Deno.test("the same owner gets the same VM, whatever the operation is called", async () => {
  using harness = new Harness();
  const first = await harness.provider.create(harness.request(), harness.context);
  const second = await harness.provider.create(harness.request(), harness.context);
  assertEquals(second, first);
  assertEquals(harness.hypervisor.effects.filter(({ type }) => type === "VmCreated").length, 1);
});

Deno.test("an operation that was answered is answered the same way after the state has moved on", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const on = { operation: harness.operation(), vmId, op: "On" } as const;
  const first = await harness.provider.power(on, harness.context);
  await harness.clock.advance(1000);
  await harness.settle(harness.provider.power({ ...on, operation: harness.operation(), op: "Off" }, harness.context));
  assertEquals(await harness.provider.power(on, harness.context), first);
  assertEquals((await harness.describe(vmId)).power, "Off");
});

Deno.test("a name that is taken is a NameConflict and leaves nothing behind", async () => {
  using harness = new Harness();
  const volumes = harness.hypervisor.volumes.length;
  const error = await assertRejects(
    () => harness.provider.create(harness.request({ name: "demo-vm-1" }), harness.context),
    ProviderError,
  );
  assertEquals([error.class, error.reason], ["Conflict", "NameConflict"]);
  assertEquals(harness.hypervisor.volumes.length, volumes);
  assertEquals(names(harness), ["demo-vm-1", "demo-vm-2", "demo-vm-3"]);
});

Deno.test("deletion takes VM, volumes and address away, and a second one is a success", async () => {
  using harness = new Harness({ seedVms: 0 });
  const vmId = await harness.vm({ disks: [{ name: "data", sizeGib: 3 }] }, { powerOn: true });
  assertEquals(harness.hypervisor.volumes.length, 2);
  await harness.settle(harness.provider.delete({ operation: harness.operation(), vmId }, harness.context));
  assertEquals(harness.hypervisor.volumes, []);
  assertEquals([...harness.hypervisor.world.store.list("leases")], []);
  assertEquals(await harness.provider.describe({ vmId }, harness.context), { exists: false });
  assertEquals(await harness.provider.delete({ operation: harness.operation(), vmId }, harness.context), {});
});

Deno.test("a VM that another owner created is neither changed nor deleted", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const operation = harness.operation("uid-b");
  const error = await assertRejects(() => harness.provider.delete({ operation, vmId }, harness.context), ProviderError);
  assertEquals(error.class, "Conflict");
  await assertRejects(() => harness.provider.power({ operation, vmId, op: "On" }, harness.context), ProviderError);
  assertEquals((await harness.describe(vmId)).power, "Off");
});

Deno.test("a guest that ignores the request to shut down is switched off when the time is over", async () => {
  using harness = new Harness();
  const vmId = await harness.vm(
    { hardware: { cpus: 1, memoryMib: 64, firmware: "BIOS", extraConfig: { "mock.ignoreShutdown": "true" } } },
    { powerOn: true },
  );
  const request = { operation: harness.operation(), vmId, op: "ShutdownGraceful", gracefulTimeoutMs: 5000 } as const;
  await harness.provider.power(request, harness.context);
  await harness.clock.advance(4999);
  assertEquals((await harness.describe(vmId)).power, "On");
  await harness.clock.advance(1);
  assertEquals((await harness.describe(vmId)).power, "Off");
});

Deno.test("an older fence is refused, also when the newer one came with a request that failed", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const newer = { ...harness.request({ name: "demo-vm-1" }), operation: harness.operation("uid-b", { fence: 7 }) };
  await assertRejects(() => harness.provider.create(newer, harness.context), ProviderError);
  const stale = { operation: harness.operation("uid-a", { fence: 6 }), vmId, op: "On" } as const;
  const error = await assertRejects(() => harness.provider.power(stale, harness.context), ProviderError);
  assertEquals([error.class, error.reason], ["Conflict", "StaleFence"]);
  assertEquals((await harness.describe(vmId)).power, "Off");
});

Deno.test("a VM that is described by id and owner is not somebody else's", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const look = (ownerUid: string) => harness.provider.describe({ vmId, ownerUid }, harness.context);
  assertEquals(await look("uid-b"), { exists: false });
  assertEquals((await look("uid-a")).exists, true);
});

Deno.test("a VM without a mark can be managed by whoever addresses it by its id", async () => {
  using harness = new Harness();
  const vmId = harness.hypervisor.vms[0]?.id ?? "";
  await harness.settle(harness.provider.power({ operation: harness.operation(), vmId, op: "On" }, harness.context));
  const vm = await harness.describe(vmId);
  assertEquals([vm.power, vm.ownerUid], ["On", undefined]);
});

Deno.test("while a task holds a VM, other changes are a Conflict with reason Locked", async () => {
  using harness = new Harness();
  const { vmId } = await harness.provider.create(harness.request(), harness.context);
  const error = await assertRejects(
    () => harness.provider.power({ operation: harness.operation(), vmId, op: "On" }, harness.context),
    ProviderError,
  );
  assertEquals([error.class, error.reason], ["Conflict", "Locked"]);
});

Deno.test("a VM that is suspended while its guest boots comes up after it is resumed", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  const power = (op: "On" | "Suspend") =>
    harness.settle(harness.provider.power({ operation: harness.operation(), vmId, op }, harness.context));
  await power("On");
  await power("Suspend");
  await harness.clock.advance(5000);
  assertEquals((await harness.describe(vmId)).power, "Suspended");
  await power("On");
  await harness.clock.advance(1000);
  assertEquals((await harness.describe(vmId)).guest.agent, "Running");
});

Deno.test("the host name comes from user-data, then from meta-data, then from the VM", async () => {
  using harness = new Harness();
  const hostname = async (name: string, userData: string, metaData?: string) => {
    const vmId = await harness.vm({
      name,
      guestInit: {
        type: "CloudInit",
        userData: new Secret(userData),
        ...metaData === undefined ? {} : { metaData: new Secret(metaData) },
      },
    }, { ownerUid: name, powerOn: true });
    return (await harness.describe(vmId)).guest.hostname;
  };
  const multipart = 'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/cloud-config\n\n' +
    "#cloud-config\nhostname: from-part\n--b--\n";
  assertEquals(await hostname("a", "#cloud-config\nhostname: from-user\n", "local-hostname: from-meta"), "from-user");
  assertEquals(await hostname("b", "#cloud-config\npackages: []\n", '{"local-hostname":"from-meta"}'), "from-meta");
  assertEquals(await hostname("c", multipart), "from-part");
  assertEquals(await hostname("d", "#cloud-config\n\t: not yaml"), "d");
});

Deno.test("a network configuration decides about the addresses of the guest", async () => {
  using harness = new Harness();
  const networkConfig = "version: 2\nethernets:\n  eth0:\n    addresses: [192.0.2.9/24]\n";
  const vmId = await harness.vm(
    { guestInit: { type: "CloudInit", networkConfig: new Secret(networkConfig) } },
    { powerOn: true },
  );
  assertEquals((await harness.describe(vmId)).ips, ["192.0.2.9"]);
});
