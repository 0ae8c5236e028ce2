import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { startTestPlane, type TestPlane, widget, WIDGETS } from "../testing.ts";
import type { Fault } from "./faults.ts";

Deno.test("a request is answered with the planned error, once, and is not carried out", async () => {
  await using t = await startTestPlane();
  const planned = t.faults.add({ verb: "create", resource: "widgets" }, {
    kind: "status",
    code: 429,
    retryAfterSeconds: 3,
  });
  const refused = await t.client.post(WIDGETS, widget("a"));
  assertEquals([refused.status, refused.body.reason, refused.headers.get("retry-after")], [
    429,
    "TooManyRequests",
    "3",
  ]);
  assertEquals((await t.client.post(WIDGETS, widget("a"))).status, 201);
  assertEquals(planned.hits, 1);
});

Deno.test("only matching requests are hit, and a removed fault hits nothing", async () => {
  await using t = await startTestPlane();
  const fault: Fault = { kind: "status", code: 500 };
  const planned = t.faults.add({ verb: "get", name: "a", user: "admin" }, fault, { times: Infinity });
  await t.client.post(WIDGETS, widget("a"));
  await t.client.post(WIDGETS, widget("b"));
  assertEquals((await t.client.get(`${WIDGETS}/b`)).status, 200);
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 500);
  planned.remove();
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 200);
});

Deno.test("a lost answer: the write is done, the connection breaks", async () => {
  await using t = await startTestPlane();
  t.faults.add({ verb: "create" }, { kind: "truncate" });
  await assertRejects(() => t.client.post(WIDGETS, widget("a")));
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 200);
});

Deno.test("a half-written answer breaks after as many bytes as planned", async () => {
  await using t = await startTestPlane();
  t.faults.add({ verb: "list" }, { kind: "truncate", afterBytes: 20 });
  const response = await t.client.fetch(WIDGETS);
  await assertRejects(() => response.text());
});

Deno.test("a delayed request waits for the clock", async () => {
  const clock = new FakeClock();
  await using t = await startTestPlane({ clock });
  t.faults.add({ verb: "list" }, { kind: "delay", ms: 5_000 });
  let answered = false;
  const list = t.client.get(WIDGETS).then((answer) => {
    answered = true;
    return answer.status;
  });
  await t.client.get("/version");
  await clock.advance(4_000);
  assertEquals(answered, false);
  await clock.advance(2_000);
  assertEquals(await list, 200);
});

Deno.test("a hanging request is not carried out and fails when it is released", async () => {
  await using t = await startTestPlane();
  const planned = t.faults.add({ verb: "create" }, { kind: "hang" });
  const create = t.client.post(WIDGETS, widget("a"));
  while (planned.hits === 0) await t.client.get("/version");
  t.faults.release();
  assertEquals((await create).status, 504);
  assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 404);
});

/** Watches three objects under a fault; returns the lines, and whether the stream broke. */
async function watched(t: TestPlane, fault: Fault): Promise<{ lines: string[]; broken: boolean }> {
  for (const name of ["a", "b", "c"]) await t.client.post(WIDGETS, widget(name));
  t.faults.add({ verb: "watch" }, fault);
  const response = await t.client.fetch(`${WIDGETS}?watch=1&timeoutSeconds=1`);
  let text = "";
  let broken = false;
  try {
    for await (const part of (response.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream())) text += part;
  } catch {
    broken = true;
  }
  const lines = text.split("\n").filter((line) => line !== "").map((line) => {
    try {
      const { type, object } = JSON.parse(line);
      return `${type} ${object.metadata.name ?? object.code}@${object.metadata.resourceVersion ?? ""}`;
    } catch {
      return "?";
    }
  });
  return {
    lines: lines.map((line) => line.replace(/@(\d+)$/, (_, n) => n === "1" ? " old" : "").replace(/@$/, "")),
    broken,
  };
}

const cases: [what: string, fault: Fault, lines: string[], broken: boolean][] = [
  ["cut cleanly", { kind: "cutWatch", afterEvents: 2, how: "clean" }, ["ADDED a", "ADDED b"], false],
  ["cut in the middle of a line", { kind: "cutWatch", afterEvents: 1, how: "halfLine" }, ["ADDED a", "?"], true],
  ["ended by an error event", { kind: "watchError", afterEvents: 1, code: 410 }, ["ADDED a", "ERROR 410"], false],
];
for (const [what, fault, lines, broken] of cases) {
  Deno.test(`a watch can be ${what}`, async () => {
    await using t = await startTestPlane();
    assertEquals(await watched(t, fault), { lines, broken });
  });
}

const modes: [mode: "duplicate" | "stale" | "reorder", lines: string[]][] = [
  ["duplicate", ["ADDED a", "ADDED a", "ADDED b", "ADDED b", "ADDED c", "ADDED c"]],
  ["stale", ["ADDED a", "ADDED a old", "ADDED b", "ADDED a old", "ADDED c", "ADDED a old"]],
  ["reorder", ["ADDED b", "ADDED a"]],
];
for (const [mode, lines] of modes) {
  Deno.test(`a watch can send ${mode} events`, async () => {
    const clock = new FakeClock();
    await using t = await startTestPlane({ clock });
    const result = watched(t, { kind: "watchEvents", mode });
    while (t.plane.watches === 0) await t.client.get("/version");
    await clock.advance(2_000);
    assertEquals((await result).lines, lines);
  });
}

Deno.test("lines that are no events can be sent in between", async () => {
  const clock = new FakeClock();
  await using t = await startTestPlane({ clock });
  const result = watched(t, { kind: "garbage", line: "{not json" });
  while (t.plane.watches === 0) await t.client.get("/version");
  await clock.advance(2_000);
  assertEquals((await result).lines, ["?", "ADDED a", "?", "ADDED b", "?", "ADDED c"]);
});

Deno.test("open watches can be cut from outside, by choice", async () => {
  await using t = await startTestPlane();
  const watch = async (path: string): Promise<boolean> => {
    const response = await t.client.fetch(`${path}?watch=1`);
    return await response.text().then(() => true, () => false);
  };
  const [widgets, secrets] = [watch(WIDGETS), watch("/api/v1/namespaces/default/secrets")];
  while (t.plane.watches < 2) await t.client.get("/version");
  assertEquals(t.plane.cutWatches(({ resource }) => resource.plural === "widgets", "abrupt"), 1);
  assertEquals(await widgets, false);
  assertEquals(t.plane.cutWatches(), 1);
  assert(await secrets);
});
