import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { systemClock } from "@virtrigaud/resilience";
import { Watcher } from "@virtrigaud/conformance";
import { type CreateRequest, ProviderError } from "@virtrigaud/contract";
import { tinySpec } from "./testing/harness.ts";
import { MockProcess } from "./testing/process.ts";

const context = { signal: new AbortController().signal, requestId: "test" };
const create: CreateRequest = {
  operation: { id: "op-1", ownerUid: "uid-a", owner: "default/web", fence: 1 },
  spec: tinySpec,
  powerOn: true,
};

async function withState(body: (stateFile: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(`${folder}/state`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function untilUp(process: MockProcess, vmId: string): Promise<void> {
  await using watcher = new Watcher(process.provider, systemClock, "test");
  await watcher.until("an address", 20_000, () => (watcher.vms.get(vmId)?.ips.length ?? 0) > 0);
}

const born = async (process: MockProcess) =>
  (await process.look("/effects")).filter(({ type }) => type === "VmCreated").length;

Deno.test("a provider that dies after the effect and before the answer makes one VM, whoever asks again", () =>
  withState(async (stateFile) => {
    {
      await using process = await MockProcess.start(stateFile);
      await process.tell("/faults", { method: "create", at: "after", fault: "Crash" });
      const error = await assertRejects(() => process.provider.create(create, context), ProviderError);
      assertEquals(error.class, "Unavailable");
      assertEquals((await process.ended()).code, 137);
    }
    await using process = await MockProcess.start(stateFile);
    const operation = { ...create.operation, id: "op-2" };
    const { vmId } = await process.provider.create({ ...create, operation }, context);
    await untilUp(process, vmId);
    assertEquals(await born(process), 1);
  }));

Deno.test("a provider that is killed in the middle of a task ends it after its restart", () =>
  withState(async (stateFile) => {
    let answer;
    {
      await using process = await MockProcess.start(stateFile, { MOCK_TASK_LATENCY: "2000" });
      answer = await process.provider.create(create, context);
      await process.kill();
    }
    await using process = await MockProcess.start(stateFile);
    assertEquals(await process.provider.create(create, context), answer);
    await untilUp(process, answer.vmId);
    assert(answer.task);
    assertEquals((await process.provider.taskStatus(answer.task, context)).state, "Succeeded");
    assertEquals(await born(process), 1);
  }));

Deno.test("a provider that is told wrong settings does not start and names them", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      new URL("./main.ts", import.meta.url).pathname,
      "--port=0",
      "--health-port=0",
    ],
    env: { VIRTRIGAUD_PROVIDER_INSECURE: "true", TLS_ENABLED: "false", MOCK_SEED_VMS: "many" },
  }).output();
  assertEquals(code, 1);
  assert(new TextDecoder().decode(stderr).includes("MOCK_SEED_VMS"));
});
