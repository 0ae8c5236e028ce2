import { assertEquals } from "@virtrigaud/deps";
import { endInstance, makeInstance, noteProcess, sweepInstances } from "./instance.ts";

Deno.test("what a dead owner left behind is ended and removed, what has a living owner stays", async () => {
  const run = await Deno.makeTempDir();
  try {
    const mine = await makeInstance("hv", run);
    const orphan = await makeInstance("hv", run);
    const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
    await noteProcess(orphan, "host", child.pid);
    // A process with the id of this one, but started at another time, is another process.
    await Deno.writeTextFile(`${orphan}/owner`, JSON.stringify({ pid: Deno.pid, startTime: "1" }));

    assertEquals(await sweepInstances(run), [orphan]);
    assertEquals((await child.status).signal, "SIGKILL");
    assertEquals((await Array.fromAsync(Deno.readDir(run))).map((entry) => `${run}/${entry.name}`), [mine]);
    assertEquals(await sweepInstances(run), []);
    await endInstance(mine);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});

Deno.test("a process id that was used again is not killed", async () => {
  const run = await Deno.makeTempDir();
  const child = new Deno.Command("sleep", { args: ["600"] }).spawn();
  try {
    const dir = await makeInstance("hv", run);
    await Deno.writeTextFile(`${dir}/process-host`, JSON.stringify({ pid: child.pid, startTime: "1" }));
    await endInstance(dir);
    child.kill("SIGTERM");
    assertEquals((await child.status).signal, "SIGTERM");
  } finally {
    await Deno.remove(run, { recursive: true });
  }
});
