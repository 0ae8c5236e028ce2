/** The embedded control plane on disks that are full, read-only or damaged: it says so and serves nothing wrong. */
import { assert, assertEquals, assertMatch, assertRejects } from "@virtrigaud/deps";
import { join } from "node:path";
import { type ControlPlane, startControlPlane } from "@virtrigaud/standalone";
import { TestClient, WIDGET, widget, WIDGETS } from "@virtrigaud/standalone/testing";
import { skipWithout } from "../rigs/skip.ts";
import { isExhaustive, seed } from "./config.ts";

const MIB = 1 << 20;

/** Runs a command that has to succeed. */
async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}

/** A file system of its own, which can be full and read-only like a disk, in a few MiB of memory. */
async function withDisk(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run("mount", "-t", "tmpfs", "-o", `size=${4 * MIB}`, "virtrigaud-test", folder);
    try {
      await test(folder);
    } finally {
      await run("umount", folder);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const mountable = {
  unavailable: () => withDisk(() => Promise.resolve()).then(() => undefined, (error: Error) => error.message),
};
const ignore = await skipWithout("crash", "a disk that is full or read-only", mountable);

const start = (folder: string): Promise<ControlPlane> => startControlPlane({ dataDir: folder, kinds: [WIDGET] });

/** Sizes of all widgets by name, as they are served. */
async function served(plane: ControlPlane): Promise<Map<string, number>> {
  const client = new TestClient(plane);
  try {
    const { body } = await client.get(WIDGETS);
    return new Map(
      body.items.map((item: { metadata: { name: string }; spec: { size: number } }) =>
        [item.metadata.name, item.spec.size] as const
      ),
    );
  } finally {
    client.close();
  }
}

/** Writes until the disk has no room left; `file` can be removed to make some. */
async function fill(file: string): Promise<void> {
  using filler = await Deno.open(file, { create: true, write: true });
  const zeros = new Uint8Array(4096);
  await assertRejects(async () => {
    for (let written = 0; written < 64 * MIB; written += await filler.write(zeros));
  });
}

Deno.test({
  name: "on a full disk writes are refused and say so, reads go on, and with room again all is well",
  ignore,
  fn: () =>
    withDisk(async (folder) => {
      await using plane = await start(folder);
      using client = new TestClient(plane);
      const acknowledged = new Map<string, number>();
      const write = async (n: number) => {
        const annotations = { pad: "x".repeat(20_000) };
        const answer = await client.post(WIDGETS, widget(`w-${n}`, { size: n % 100 + 1 }, { annotations }));
        if (answer.status === 201) acknowledged.set(`w-${n}`, n % 100 + 1);
        return answer;
      };
      for (let n = 0; n < 10; n++) assertEquals((await write(n)).status, 201);
      await fill(join(folder, "filler"));
      // The log of the database has some room of its own left; beyond that every write is refused.
      let refused = 0;
      for (let n = 10; n < 300 && refused < 5; n++) {
        const { status, body } = await write(n);
        if (status === 201) continue;
        refused++;
        assertEquals([status, body.reason], [503, "ServiceUnavailable"]);
        assertMatch(body.message, /full; free space, writes are accepted again then/);
      }
      assertEquals(refused, 5);
      assertEquals(await served(plane), acknowledged);

      await Deno.remove(join(folder, "filler"));
      const { status, body } = await write(1_000);
      assertEquals(status, 201, JSON.stringify(body));
      await plane.close();
      await using again = await start(folder);
      assertEquals(await served(again), acknowledged);
    }),
});

Deno.test({
  name: "on a read-only disk nothing is started, and the error says what to do",
  ignore,
  fn: () =>
    withDisk(async (folder) => {
      const plane = await start(folder);
      await plane.close();
      await run("mount", "-o", "remount,ro", folder);
      const error = await assertRejects(() => start(folder), Error);
      assertMatch(error.message, /state\.db.*read-only; make it writable for this user/);
      await run("mount", "-o", "remount,rw", folder);
      await (await start(folder)).close();
    }),
});

Deno.test("a database that is gone or empty is not taken for one without objects", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await (await start(folder)).close();
    await Deno.writeFile(join(folder, "state.db"), new Uint8Array());
    assertEquals((await assertRejects(() => start(folder), Error)).name, "StorageError");
    await Deno.remove(join(folder, "state.db"));
    assertMatch((await assertRejects(() => start(folder), Error)).message, /state\.db: it is missing or empty.*backup/);
    await Deno.remove(join(folder, "identity.json"));
    await using plane = await start(folder);
    assertEquals(await served(plane), new Map());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a database with a flipped byte or a lost end is served rightly or not at all", async () => {
  const folder = await Deno.makeTempDir();
  const chance = seed();
  try {
    const plane = await start(folder);
    const client = new TestClient(plane);
    for (let n = 0; n < 200; n++) await client.post(WIDGETS, widget(`w-${n}`, { size: n % 100 + 1 }));
    for (let n = 0; n < 50; n++) await client.patch(`${WIDGETS}/w-${n}`, "merge", { spec: { size: 100 } });
    client.close();
    await plane.close();
    const whole = new Map(Array.from({ length: 200 }, (_, n) => [`w-${n}`, n < 50 ? 100 : n % 100 + 1]));
    const sound = await Deno.readFile(join(folder, "state.db"));
    let [refused, unharmed] = [0, 0];
    const tries = isExhaustive() ? 400 : 60;
    for (let attempt = 0; attempt < tries; attempt++) {
      // Positions spread over the whole file, others with every seed.
      const at = Math.floor((attempt + (chance % 997) / 997) / tries * sound.length);
      const damaged = attempt % 6 === 5 ? sound.slice(0, at) : sound.slice();
      if (attempt % 6 !== 5) damaged[at] = (damaged[at] ?? 0) ^ (1 << chance % 8);
      await Deno.writeFile(join(folder, "state.db"), damaged);
      const what = attempt % 6 === 5 ? `cut off at ${at}` : `byte ${at} flipped`;
      const started = await start(folder).catch((error: Error) => error);
      if (started instanceof Error) {
        assertEquals(started.name, "StorageError", `${what}: ${started}`);
        assertMatch(started.message, /state\.db/, what);
        refused++;
        continue;
      }
      await using plane = started;
      assertEquals(await served(plane), whole, what);
      unharmed++;
    }
    console.log(`     ${refused} of ${tries} damages were refused, ${unharmed} harmed nothing, seed ${chance}`);
    assert(refused > tries / 2, `only ${refused} of ${tries} were noticed`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
