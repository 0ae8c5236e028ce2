import { assert, assertEquals } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { createLogger } from "@virtrigaud/telemetry";
import { readConfig } from "./config.ts";
import { startMock } from "./start.ts";

const context = { signal: new AbortController().signal, requestId: "test" };

Deno.test("a mock that is told to fail at one method fails there and nowhere else", async () => {
  await using mock = startMock(
    readConfig({ MOCK_FAILURE_MODE: "listVms", MOCK_ERROR_CLASS: "Unavailable" }, undefined),
  );
  assertEquals(await mock.listVms({}, context).catch((error) => error.class), "Unavailable");
  assertEquals((await mock.validate(context)).hypervisor, "mock hypervisor 1");
});

Deno.test("the control endpoint is there only when it is asked for, and the log names its address", async () => {
  const lines: string[] = [];
  const log = createLogger({ sink: (line) => lines.push(line) });
  await using without = startMock(readConfig({}, undefined), { log });
  assertEquals(without.control, undefined);
  await using mock = startMock(readConfig({ MOCK_CONTROL_PORT: "0" }, undefined), { log });
  assert(mock.control);
  assert(lines.some((line) => line.includes(`127.0.0.1:${mock.control?.port}`)));
  const vms = await (await fetch(`http://127.0.0.1:${mock.control.port}/vms`)).json();
  assertEquals(vms.length, 3);
});

Deno.test("slow mode makes tasks take ten times as long", async () => {
  const clock = new FakeClock();
  await using mock = startMock(readConfig({ MOCK_SLOW_MODE: "true", MOCK_TASK_LATENCY: "100" }, undefined), { clock });
  const vmId = mock.hypervisor.vms[0]?.id ?? "";
  const operation = { id: "op", ownerUid: "uid", owner: "default/web", fence: 1 };
  const { task } = await mock.power({ operation, vmId, op: "On" }, context);
  assert(task);
  await clock.advance(999);
  assertEquals((await mock.taskStatus(task, context)).state, "Running");
  await clock.advance(1);
  assertEquals((await mock.taskStatus(task, context)).state, "Succeeded");
});

Deno.test("a memory that is kept is found again, unless it is to be empty", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const env = { MOCK_STATE_FILE: `${folder}/state` };
    const names = async (more: Record<string, string>) => {
      await using mock = startMock(readConfig({ ...env, ...more }, undefined));
      const before = mock.hypervisor.vms.map(({ name }) => name);
      mock.hypervisor.external({ type: "AddForeignVm", name: `vm-${before.length}` });
      return before.length;
    };
    assertEquals(await names({}), 3);
    assertEquals(await names({}), 4);
    assertEquals(await names({ MOCK_EMPTY_MEMORY: "true" }), 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
