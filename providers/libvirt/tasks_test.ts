import { assertEquals, assertRejects, assertThrows } from "@virtrigaud/deps";
import { ProviderError, type TaskRef, type TaskStatus } from "@virtrigaud/contract";
import { Locks } from "./locks.ts";
import { Tasks } from "./tasks.ts";

/** Resolves when the task has ended. */
function end(tasks: Tasks, task: TaskRef): Promise<void> {
  return new Promise((resolve) => {
    const stop = tasks.listen((status) => {
      if (status.task.id !== task.id || status.state === "Running") return;
      stop();
      resolve();
    });
  });
}

Deno.test("a task runs once per key, tells how far it is, and is remembered when it has ended", async () => {
  const tasks = new Tasks();
  const seen: TaskStatus[] = [];
  tasks.listen((status) => seen.push(status));
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let runs = 0;
  const work = async ({ progress }: { progress: (percent: number) => void }) => {
    runs++;
    progress(50);
    await gate;
  };
  const task = tasks.start("create/a", "a", work);
  assertEquals(tasks.start("create/a", "a", work), task);
  assertEquals(tasks.status(task), { task, vmId: "a", state: "Running" });
  const ended = end(tasks, task);
  open();
  await ended;
  assertEquals(runs, 1);
  assertEquals(tasks.status(task), { task, vmId: "a", state: "Succeeded", progressPercent: 100 });
  assertEquals(seen.map((status) => [status.state, status.progressPercent]), [["Running", 50], ["Succeeded", 100]]);
  assertEquals(tasks.running("create/a"), undefined);
});

Deno.test("a failure keeps class, reason and field; a task that nobody knows is TaskUnknown", async () => {
  const tasks = new Tasks();
  const failing = tasks.start(
    "k",
    "vm",
    () => Promise.reject(new ProviderError("QuotaExceeded", "full", { reason: "PoolFull", field: "rootDisk" })),
  );
  const broken = tasks.start("l", "vm", () => Promise.reject(new TypeError("bug")));
  await Promise.all([end(tasks, failing), end(tasks, broken)]);
  assertEquals(tasks.status(failing).error, {
    class: "QuotaExceeded",
    message: "full",
    reason: "PoolFull",
    field: "rootDisk",
  });
  assertEquals(tasks.status(broken).error?.class, "Retryable");
  const error = assertThrows(() => tasks.status({ id: "other" }), ProviderError);
  assertEquals([error.class, error.reason], ["NotFound", "TaskUnknown"]);
});

Deno.test("cancelling ends the work and waits for it, or keeps it from beginning", async () => {
  const tasks = new Tasks();
  const begun = Promise.withResolvers<void>();
  const task = tasks.start("k", "vm", ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new ProviderError("Timeout", "cancelled")));
      begun.resolve();
    }));
  await begun.promise;
  await tasks.cancel("k");
  assertEquals(tasks.status(task).error?.message, "cancelled");
  let ran = false;
  const late = tasks.start("k", "vm", () => Promise.resolve(void (ran = true)));
  await tasks.cancel("k");
  assertEquals([tasks.status(late).state, ran], ["Failed", false]);
});

Deno.test("changes of one VM follow one another, also after a failure; those of others do not wait", async () => {
  const locks = new Locks();
  const order: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = locks.hold("a", async () => {
    await gate;
    order.push("first");
    throw new Error("failed");
  });
  const second = locks.hold("a", () => Promise.resolve(order.push("second")));
  await locks.hold("b", () => Promise.resolve(order.push("other")));
  open();
  await assertRejects(() => first, Error, "failed");
  await second;
  assertEquals(order, ["other", "first", "second"]);
});
