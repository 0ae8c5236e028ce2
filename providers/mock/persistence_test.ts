import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { FileJournal } from "./persistence.ts";
import { Harness } from "./testing/harness.ts";

/** A directory for one test. */
function withFile(body: (path: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = await Deno.makeTempDir();
    try {
      await body(`${folder}/state`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

Deno.test(
  "what was acknowledged is there after the process died",
  withFile(async (path) => {
    const clock = new FakeClock();
    let before;
    let vmId;
    {
      using harness = new Harness({ clock, journal: new FileJournal(path) });
      vmId = await harness.vm({ disks: [{ name: "data", sizeGib: 2 }] }, { powerOn: true });
      before = [harness.hypervisor.vms, harness.hypervisor.volumes, harness.hypervisor.effects];
    }
    using harness = new Harness({ clock, journal: new FileJournal(path) });
    assertEquals([harness.hypervisor.vms, harness.hypervisor.volumes, harness.hypervisor.effects], before);
    assertEquals((await harness.describe(vmId)).power, "On");
  }),
);

Deno.test(
  "a task that was under way when the process died comes to its end afterwards",
  withFile(async (path) => {
    const clock = new FakeClock();
    let answer;
    let request;
    {
      using harness = new Harness({ clock, journal: new FileJournal(path) });
      request = harness.request({}, { powerOn: true });
      answer = await harness.provider.create(request, harness.context);
    }
    using harness = new Harness({ clock, journal: new FileJournal(path) });
    assertEquals(await harness.provider.create(request, harness.context), answer, "the operation is remembered");
    await clock.advance(1000);
    const vm = await harness.describe(answer.vmId);
    assertEquals([vm.power, vm.ips.length], ["On", 1]);
    assertEquals(harness.hypervisor.effects.filter(({ type }) => type === "VmCreated").length, 1);
  }),
);

Deno.test(
  "an older fence is refused after a restart too",
  withFile(async (path) => {
    const vmId = await (async () => {
      using harness = new Harness({ journal: new FileJournal(path) });
      const vmId = await harness.vm();
      await harness.provider.power(
        { operation: harness.operation("uid-a", { fence: 5 }), vmId, op: "Off" },
        harness.context,
      );
      return vmId;
    })();
    using harness = new Harness({ journal: new FileJournal(path) });
    const stale = { operation: harness.operation("uid-a", { id: "other", fence: 4 }), vmId, op: "On" } as const;
    const reason = await harness.provider.power(stale, harness.context).catch((error) => error.reason);
    assertEquals(reason, "StaleFence");
  }),
);

Deno.test(
  "a line that was cut short was never acknowledged and is dropped",
  withFile(async (path) => {
    {
      using harness = new Harness({ journal: new FileJournal(path) });
      await harness.vm();
    }
    Deno.writeTextFileSync(path, '{"w":[["vms","vm-x",{"id":"vm', { append: true });
    using harness = new Harness({ journal: new FileJournal(path) });
    assertEquals(harness.hypervisor.vms.length, 4);
  }),
);

Deno.test(
  "a line that is damaged is an error that says where and what to do",
  withFile((path) => {
    Deno.writeTextFileSync(path, "{}x\n");
    const error = assertThrows(() => new Harness({ journal: new FileJournal(path) }), Error, "line 1");
    assertStringIncludes(error.message, "remove the file");
  }),
);

Deno.test(
  "first-boot configuration is not in the file",
  withFile(async (path) => {
    {
      using harness = new Harness({ journal: new FileJournal(path) });
      await harness.vm({
        guestInit: { type: "CloudInit", userData: new Secret("#cloud-config\npassword: canary-7261\n") },
      });
    }
    assertEquals(Deno.readTextFileSync(path).includes("canary-7261"), false);
  }),
);
