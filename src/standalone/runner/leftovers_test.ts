import { assertEquals } from "@virtrigaud/deps";
import { endLeftovers, notePid } from "./leftovers.ts";

Deno.test("what an earlier run left is ended; a process that only has its pid is not touched", async () => {
  const folder = await Deno.makeTempDir();
  const sleeper = (seconds: string) => new Deno.Command("sleep", { args: [seconds] }).spawn();
  const [left, other] = [sleeper("301"), sleeper("302")];
  try {
    await notePid(folder, "left", left.pid, "301");
    await notePid(folder, "other", other.pid, "a mark that is not in its command line");
    await Deno.writeTextFile(`${folder}/damaged.pid`, "{");
    assertEquals(await endLeftovers(folder), 1);
    assertEquals((await left.status).signal, "SIGKILL");
    assertEquals([...Deno.readDirSync(folder)], []);
    other.kill("SIGTERM");
    assertEquals((await other.status).signal, "SIGTERM");
    assertEquals(await endLeftovers(`${folder}/never`), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
