import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { ProviderError, type WatchEvent } from "@virtrigaud/contract";
import { Harness } from "../testing/harness.ts";

/** Takes events one by one. */
function read(harness: Harness) {
  const abort = new AbortController();
  const stream = harness.hypervisor.watch(abort.signal)[Symbol.asyncIterator]();
  const take = async (count: number) => {
    const events: WatchEvent[] = [];
    while (events.length < count) {
      const next = await stream.next();
      if (next.done) break;
      events.push(next.value);
    }
    return events;
  };
  return { take, stream, end: () => abort.abort() };
}

const brief = (event: WatchEvent) =>
  event.type === "Present" ? `${event.vm.name} ${event.vm.power}` : event.type === "Gone" ? "Gone" : event.type;

Deno.test("a quiet watch says that it is alive", async () => {
  using harness = new Harness({ seedVms: 0 });
  const { take, stream, end } = read(harness);
  assertEquals((await take(2)).map(brief), ["ListBegin", "ListEnd"]);
  const next = take(1);
  await harness.clock.advance(20_000);
  assertEquals((await next).map(brief), ["Heartbeat"]);
  end();
  assertEquals((await stream.next()).done, true);
});

Deno.test("what changes while the list is being read comes after the list", async () => {
  using harness = new Harness({ seedVms: 2 });
  const { take, end } = read(harness);
  assertEquals((await take(2)).map(brief), ["ListBegin", "demo-vm-1 Off"]);
  const [, second] = harness.hypervisor.vms;
  harness.hypervisor.external({ type: "Delete", vmId: second?.id ?? "" });
  assertEquals((await take(3)).map(brief), ["demo-vm-2 Off", "ListEnd", "Gone"]);
  end();
});

Deno.test("a reader that is too far behind gets a full list and misses nothing", async () => {
  using harness = new Harness({ seedVms: 0 });
  const { take, end } = read(harness);
  await take(2);
  for (let number = 0; number < 5000; number++) {
    harness.hypervisor.external({ type: "AddForeignVm", name: `vm-${number}` });
  }
  const events = await take(5002);
  assertEquals([brief(events[0] ?? { type: "Heartbeat" }), events.at(-1)?.type], ["ListBegin", "ListEnd"]);
  assertEquals(new Set(events.map(brief)).size, 5002);
  end();
});

Deno.test("several changes of a VM that are not read yet are one report, of what is now", async () => {
  using harness = new Harness({ seedVms: 1 });
  const { take, end } = read(harness);
  await take(3);
  const vmId = harness.hypervisor.vms[0]?.id ?? "";
  harness.hypervisor.external({ type: "PowerOn", vmId });
  harness.hypervisor.external({ type: "PowerOff", vmId });
  harness.hypervisor.external({ type: "Rename", vmId, name: "other" });
  assertEquals((await take(1)).map(brief), ["other Off"]);
  const next = take(1);
  await harness.clock.advance(20_000);
  assertEquals((await next).map(brief), ["Heartbeat"]);
  end();
});

Deno.test("a watch begins again when it is told that continuity was lost", async () => {
  using harness = new Harness({ seedVms: 1 });
  const { take, end } = read(harness);
  await take(3);
  harness.hypervisor.resync();
  assertEquals((await take(3)).map(brief), ["ListBegin", "demo-vm-1 Off", "ListEnd"]);
  end();
});

Deno.test("a watch whose connection breaks ends with an error", async () => {
  using harness = new Harness({ seedVms: 0 });
  const { take, stream } = read(harness);
  await take(2);
  const next = stream.next();
  harness.hypervisor.cutWatches();
  assertEquals((await assertRejects(() => next, ProviderError)).class, "Unavailable");
});
