import { assertEquals } from "@virtrigaud/deps";
import { serveControl } from "./control.ts";
import { Harness } from "./testing/harness.ts";

/** A control endpoint and a way to ask it. */
function control() {
  const harness = new Harness();
  const server = serveControl(harness.hypervisor, { port: 0, calls: harness.provider.calls });
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      ...body === undefined ? {} : { body: JSON.stringify(body) },
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
  };
  return {
    harness,
    ask,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      harness.hypervisor.close();
    },
  };
}

Deno.test("the hypervisor's own view is readable from outside", async () => {
  await using endpoint = control();
  const vmId = await endpoint.harness.vm({ name: "seen" });
  const vms = (await endpoint.ask("GET", "/vms")).json;
  assertEquals(vms.filter(({ id }: { id: string }) => id === vmId).map(({ name }: { name: string }) => name), ["seen"]);
  const effects = (await endpoint.ask("GET", "/effects")).json;
  assertEquals(effects.at(-1), { number: effects.length, type: "VmReady", subject: vmId });
});

Deno.test("calls are counted by method, and those that change something are kept with owner and time", async () => {
  await using endpoint = control();
  const before = (await endpoint.ask("GET", "/calls")).json.counts;
  const at = endpoint.harness.clock.now();
  const vmId = await endpoint.harness.vm({ name: "counted" });
  await endpoint.harness.describe(vmId);
  const { counts, mutating } = (await endpoint.ask("GET", "/calls")).json;
  assertEquals(counts.create, (before.create ?? 0) + 1);
  const { ownerUid } = endpoint.harness.hypervisor.vms.find(({ id }) => id === vmId) ?? {};
  assertEquals(mutating.at(-1), { method: "create", ownerUid, at });
});

Deno.test("somebody else's change can be made from outside", async () => {
  await using endpoint = control();
  const vmId = await endpoint.harness.vm({}, { powerOn: true });
  assertEquals(await endpoint.ask("POST", "/external", { type: "PowerOff", vmId }), { status: 200, json: { vmId } });
  assertEquals((await endpoint.harness.describe(vmId)).power, "Off");
});

Deno.test("faults can be set and taken away from outside", async () => {
  await using endpoint = control();
  const { harness, ask } = endpoint;
  const rule = { method: "describe", at: "before", fault: "Error", class: "Unauthorized" };
  assertEquals((await ask("POST", "/faults", rule)).status, 204);
  const look = () => harness.provider.describe({ vmId: "x" }, harness.context).catch((error) => error.class);
  assertEquals(await look(), "Unauthorized");
  assertEquals((await ask("DELETE", "/faults")).status, 204);
  assertEquals(await look(), { exists: false });
});

Deno.test("what makes no sense is refused with what is allowed", async () => {
  await using endpoint = control();
  const refused: [string, unknown, number][] = [
    ["/external", { type: "Explode" }, 400],
    ["/external", { type: "PowerOff" }, 400],
    ["/external", { type: "PowerOff", vmId: "no-such-vm" }, 409],
    ["/external", { type: "AddForeignVm", name: "demo-vm-1" }, 409],
    ["/faults", { method: "nothing", at: "before", fault: "Hang" }, 400],
    ["/faults", { colour: "red" }, 400],
    ["/nowhere", {}, 404],
  ];
  for (const [path, body, status] of refused) {
    const answer = await endpoint.ask("POST", path, body);
    assertEquals([path, answer.status, typeof answer.json.error], [path, status, "string"]);
  }
});
