import { assert, assertEquals } from "@virtrigaud/deps";
import {
  type PlaneAddress,
  startTestPlane,
  TestClient,
  type TestPlane,
  widget,
  WIDGETS,
} from "@virtrigaud/standalone/testing";
import { isExhaustive, seed } from "./config.ts";

const MAIN = new URL("./plane_main.ts", import.meta.url).pathname;

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a control plane as a process; `kill` is kill -9. */
async function spawnPlane(folder: string): Promise<{ address: PlaneAddress; kill(): Promise<void> }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MAIN, folder],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) throw new Error("the control plane ended before it said where it answers");
    text += value;
  }
  return {
    address: JSON.parse(text),
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await lines.cancel();
    },
  };
}

const versionOf = (object: { metadata?: { resourceVersion?: string } }): number =>
  Number(object.metadata?.resourceVersion);

/** What the API server has acknowledged, and what was wrong with how it did. */
class Acknowledged {
  readonly objects = new Map<string, { readonly size: number; readonly version: number }>();
  readonly wrong: string[] = [];
  readonly #versions = new Set<number>();
  /** Newest version that anybody was answered. */
  newest = 0;

  /** @param floor {@linkcode newest} when the write was sent */
  add(name: string, size: number, version: number, floor: number): void {
    if (this.#versions.has(version)) this.wrong.push(`version ${version} was given twice`);
    if (version <= floor) this.wrong.push(`version ${version} was given after ${floor}`);
    this.#versions.add(version);
    this.newest = Math.max(this.newest, version);
    this.objects.set(name, { size, version });
  }
}

Deno.test("kill -9 at random under load loses no acknowledged write and takes no resourceVersion back", () =>
  withFolder(async (folder) => {
    const chance = seed();
    const acknowledged = new Acknowledged();
    const deaths: number[] = [];
    const lives = isExhaustive() ? 40 : 4;
    for (let life = 0; life < lives; life++) {
      const { address, kill } = await spawnPlane(folder);
      const client = new TestClient(address);
      // Killed after so many answers, or a little later: whatever is under way then is cut.
      const end = 1 + (chance * 31 + life * 197) % 400;
      let [count, dead] = [0, false];
      const write = async (writer: number) => {
        for (let size = 1; !dead; size = size % 100 + 1) {
          const name = `w-${life}-${writer}`;
          const floor = acknowledged.newest;
          const answer = acknowledged.objects.has(name)
            ? await client.patch(`${WIDGETS}/${name}`, "merge", { spec: { size } })
            : await client.post(WIDGETS, widget(name, { size }));
          // A first answer may be lost with the process; then the object is there without being acknowledged.
          if (answer.status >= 300) throw new Error(`${name} was answered ${answer.status}`);
          acknowledged.add(name, size, versionOf(answer.body), floor);
          count++;
        }
      };
      const writers = Array.from({ length: 8 }, (_, writer) =>
        write(writer).catch((error: unknown) => {
          // An error of the connection is what a kill looks like, and nothing else is.
          if (!dead && !(error instanceof TypeError)) acknowledged.wrong.push(String(error));
        }));
      while (count < end) await client.get(`${WIDGETS}?limit=1`);
      const killed = kill();
      dead = true;
      await Promise.all([killed, ...writers]);
      client.close();
      deaths.push(count);

      const again = await spawnPlane(folder);
      const reader = new TestClient(again.address);
      const list = await reader.get(WIDGETS);
      const found = new Map<string, { spec: { size: number }; metadata: { name: string; resourceVersion: string } }>(
        list.body.items.map((item: { metadata: { name: string } }) => [item.metadata.name, item]),
      );
      const { newest } = acknowledged;
      assert(versionOf(list.body) >= newest, `life ${life} goes on at ${versionOf(list.body)}, before ${newest}`);
      for (const [name, { size, version }] of acknowledged.objects) {
        const item = found.get(name);
        assert(item !== undefined, `${name} was acknowledged and is gone`);
        // What was not acknowledged any more may have been written all the same.
        assert(versionOf(item) >= version, `${name} fell back behind ${version}`);
        if (versionOf(item) === version) assertEquals(item.spec.size, size);
      }
      const next = await reader.post(WIDGETS, widget(`after-${life}`));
      acknowledged.add(`after-${life}`, 1, versionOf(next.body), Math.max(newest, versionOf(list.body)));
      reader.close();
      await again.kill();
    }
    console.log(`     killed after ${deaths.join(", ")} acknowledged writes, seed ${chance}`);
    assertEquals(acknowledged.wrong, []);
  }));

/** Watches from `version` on and notes the versions that it is told; comes back where it was when it is cut. */
async function follow(client: TestClient, version: number, told: number[], done: () => boolean): Promise<void> {
  for (let from = version; !done();) {
    try {
      for await (const { type, object } of client.watch(`${WIDGETS}?watch=true&resourceVersion=${from}`)) {
        assert(type !== "ERROR", JSON.stringify(object));
        from = versionOf(object as { metadata: { resourceVersion: string } });
        told.push(from);
        if (done()) return;
      }
    } catch (error) {
      // A stream that was cut ends like this; what is wrong with what was told shows in the end.
      if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    }
  }
}

/** Creates, changes and deletes by eight writers; notes every version that was given. */
async function writeAll({ client }: TestPlane, count: number, onWrite: (n: number) => void): Promise<number[]> {
  const versions: number[] = [];
  let left = count;
  await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
    for (let n = 0; left-- > 0; n++) {
      const name = `x-${writer}-${n >> 2}`;
      const answer = n % 4 === 0
        ? await client.post(WIDGETS, widget(name))
        : n % 4 === 3
        ? await client.delete(`${WIDGETS}/${name}`)
        : await client.patch(`${WIDGETS}/${name}`, "merge", { spec: { size: 1 + n % 4 } });
      assert(answer.status < 300, JSON.stringify(answer.body));
      // A deletion answers with a Status; its version is read off the watches.
      if (n % 4 !== 3) versions.push(versionOf(answer.body));
      onWrite(versions.length);
    }
  }));
  return versions;
}

Deno.test("fifty watchers that come, are cut and come back are told every write once and in order", async () => {
  await using plane = await startTestPlane();
  const told: number[][] = Array.from({ length: 50 }, () => []);
  const start = plane.plane.revision;
  let end = Infinity;
  const watchers = told.map((list) => follow(plane.client, start, list, () => (list.at(-1) ?? 0) >= end));
  let cuts = 0;
  const written = await writeAll(plane, 1_200, (n) => {
    if (n % 150 === 0) cuts += plane.plane.cutWatches(undefined, n % 600 === 0 ? "abrupt" : "clean");
  });
  end = plane.plane.revision + 1;
  // One more write wakes everybody to see that this was all.
  await plane.client.post(WIDGETS, widget("last"));
  await Promise.all(watchers);
  assert(cuts > 50, `only ${cuts} streams were cut`);
  const [reference = []] = told;
  assertEquals(reference.length, plane.plane.revision - start, "versions are given to writes of widgets only here");
  for (const list of told) assertEquals(list, reference);
  assertEquals(reference, reference.toSorted((a, b) => a - b));
  assertEquals(written.filter((version) => !reference.includes(version)), []);
});

Deno.test("with ten thousand objects, two hundred watchers are told every write", async () => {
  await using plane = await startTestPlane();
  const { client } = plane;
  let next = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    while (next < 10_000) await client.post(WIDGETS, widget(`o-${next++}`));
  }));
  const list = await client.get(`${WIDGETS}?limit=500`);
  assertEquals([list.body.items.length, list.body.metadata.remainingItemCount], [500, 9_500]);
  const start = plane.plane.revision;
  const told: number[][] = Array.from({ length: 200 }, () => []);
  // Deno's fetch stops sending requests of one client somewhere above 130 open streams.
  const clients = Array.from({ length: 5 }, () => new TestClient(plane.plane));
  const watchers = told.map((seen, n) =>
    follow(clients[n % clients.length] ?? client, start, seen, () => seen.length >= 100)
  );
  for (let n = 0; n < 100; n++) await client.patch(`${WIDGETS}/o-${n}`, "merge", { spec: { size: 7 } });
  await Promise.all(watchers);
  for (const each of clients) each.close();
  const [reference] = told;
  for (const seen of told) assertEquals(seen, reference);
});
