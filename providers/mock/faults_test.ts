import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { ProviderError } from "@virtrigaud/contract";
import { Faults } from "./faults.ts";
import { Harness } from "./testing/harness.ts";

const created = ({ hypervisor }: Harness) => hypervisor.effects.filter(({ type }) => type === "VmCreated").length;

Deno.test("a fault before the effect fails the call and changes nothing", async () => {
  using harness = new Harness();
  harness.faults.add({ method: "create", at: "before", fault: { type: "Error", class: "Unavailable" }, times: 1 });
  const request = harness.request();
  const error = await assertRejects(() => harness.provider.create(request, harness.context), ProviderError);
  assertEquals([error.class, created(harness)], ["Unavailable", 0]);
  await harness.provider.create(request, harness.context);
  assertEquals(created(harness), 1);
});

Deno.test("a time-out after success leaves the VM, and the repetition finds it", async () => {
  using harness = new Harness();
  harness.faults.add({ method: "create", at: "after", fault: { type: "Error", class: "Timeout" }, times: 1 });
  const request = harness.request();
  await assertRejects(() => harness.provider.create(request, harness.context), ProviderError);
  const { vmId } = await harness.provider.create(request, harness.context);
  assertEquals([created(harness), (await harness.describe(vmId)).ownerUid], [1, "uid-a"]);
});

Deno.test("a creation whose task fails leaves neither VM nor volume", async () => {
  using harness = new Harness({ seedVms: 0 });
  harness.faults.add({ method: "create", at: "task", fault: { type: "Error", class: "QuotaExceeded" } });
  const { vmId, task } = await harness.provider.create(harness.request(), harness.context);
  await harness.clock.advance(200);
  assert(task);
  const status = await harness.provider.taskStatus(task, harness.context);
  assertEquals([status.state, status.error?.class], ["Failed", "QuotaExceeded"]);
  assertEquals(await harness.provider.describe({ vmId }, harness.context), { exists: false });
  assertEquals(harness.hypervisor.volumes, []);
});

Deno.test("a lost task has taken effect, but nobody knows of it", async () => {
  using harness = new Harness();
  harness.faults.add({ method: "create", at: "task", fault: { type: "LoseTask" } });
  const { vmId, task } = await harness.provider.create(harness.request(), harness.context);
  await harness.clock.advance(200);
  assert(task);
  const error = await assertRejects(() => harness.provider.taskStatus(task, harness.context), ProviderError);
  assertEquals([error.class, error.reason], ["NotFound", "TaskUnknown"]);
  assertEquals((await harness.describe(vmId)).power, "Off");
});

Deno.test("a call that hangs ends when its caller gives up", async () => {
  using harness = new Harness();
  harness.faults.add({ method: "describe", at: "before", fault: { type: "Hang" } });
  const abort = new AbortController();
  const call = harness.provider.describe({ vmId: "vm-1" }, { signal: abort.signal, requestId: "test" });
  const failed = assertRejects(() => call, ProviderError);
  await harness.clock.advance(1000);
  abort.abort();
  assertEquals((await failed).class, "Timeout");
});

Deno.test("a task that hangs holds its VM", async () => {
  using harness = new Harness();
  const vmId = await harness.vm();
  harness.faults.add({ method: "power", at: "task", fault: { type: "Hang" } });
  await harness.provider.power({ operation: harness.operation(), vmId, op: "On" }, harness.context);
  await harness.clock.advance(3_600_000);
  const error = await assertRejects(
    () => harness.provider.delete({ operation: harness.operation(), vmId }, harness.context),
    ProviderError,
  );
  assertEquals([error.class, error.reason], ["Conflict", "Locked"]);
});

Deno.test("faults strike at the rate that is asked for, the same way for the same seed", async () => {
  const strikes = async (seed: number) => {
    const faults = new Faults({ clock: new FakeClock(), seed });
    faults.add({ method: "all", at: "before", fault: { type: "Error", class: "Retryable" }, rate: 0.25 });
    const { signal } = new AbortController();
    let pattern = "";
    for (let call = 0; call < 400; call++) {
      pattern += await faults.call("describe", "before", signal).then(() => ".", () => "x");
    }
    return pattern;
  };
  const first = await strikes(3);
  assertEquals(await strikes(3), first);
  assert(await strikes(4) !== first);
  const share = first.replaceAll(".", "").length / 400;
  assert(share > 0.15 && share < 0.35, `share ${share}`);
});

Deno.test("calls take the latency that is asked for", async () => {
  using harness = new Harness();
  harness.faults.latencyMs = 500;
  let answered = false;
  const call = harness.provider.validate(harness.context).then(() => answered = true);
  await harness.clock.advance(499);
  assertEquals(answered, false);
  await harness.clock.advance(1);
  await call;
  assertEquals(answered, true);
});

Deno.test("guests get no address, and ignore shutdown requests, when they are told so", async () => {
  using harness = new Harness();
  harness.faults.noAddresses = true;
  harness.faults.ignoreShutdown = true;
  const vmId = await harness.vm({}, { powerOn: true });
  const vm = await harness.describe(vmId);
  assertEquals([vm.power, vm.guest.agent, vm.ips], ["On", "Running", []]);
  const request = { operation: harness.operation(), vmId, op: "ShutdownGraceful", gracefulTimeoutMs: 9000 } as const;
  await harness.provider.power(request, harness.context);
  await harness.clock.advance(8999);
  assertEquals((await harness.describe(vmId)).power, "On");
});

Deno.test("a pool that is full is QuotaExceeded, and nothing is taken", async () => {
  using harness = new Harness({ seedVms: 0 });
  harness.faults.poolSizeGib = 5;
  const request = harness.request({ rootDisk: { sizeGib: 3 }, disks: [{ name: "data", sizeGib: 3 }] });
  const error = await assertRejects(() => harness.provider.create(request, harness.context), ProviderError);
  assertEquals(error.class, "QuotaExceeded");
  assertEquals([harness.hypervisor.volumes, harness.hypervisor.vms], [[], []]);
});
