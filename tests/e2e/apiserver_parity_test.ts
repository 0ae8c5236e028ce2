/**
 * The embedded API server against a real kube-apiserver: the same requests, the same answers: status codes, warnings,
 * whole bodies with tables and the texts of errors, but for what no two servers have in common (UIDs, revisions,
 * times). What differs besides stands in docs/standalone.md, with the reason, or fails here.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { kinds } from "@virtrigaud/api";
import { newestKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { commands } from "./parity/commands.ts";
import { comparable, comparableText, type Difference, differences } from "./parity/compare.ts";
import { explanations } from "./parity/explained.ts";
import { KNOWN, type Known } from "./parity/known.ts";
import { productCalls } from "./parity/product_calls.ts";
import { randomCreates } from "./parity/random_manifests.ts";
import { type Send, type Servers, startServers } from "./parity/servers.ts";
import { type Call, WIDGET_CALLS } from "./parity/widget_calls.ts";
import type { KubectlResult } from "./support/kubectl.ts";

/** Random manifests of each kind. */
const RANDOM = 25;

interface Answered {
  readonly status: number;
  readonly body: unknown;
  readonly warning: string | null;
  readonly type: string | null;
}

async function answer(send: Send, [method, path, body, headers]: Call): Promise<Answered> {
  const init: RequestInit = {
    method,
    headers: { "content-type": "application/json", "user-agent": "test/1", ...headers },
  };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await send(path, init);
  const text = await response.text();
  const type = response.headers.get("content-type");
  const parsed = type?.startsWith("application/json") && (!path.includes("watch=1") || !response.ok);
  return {
    status: response.status,
    warning: response.headers.get("warning"),
    type,
    body: comparable(parsed ? JSON.parse(text) : text),
  };
}

/** Differences that nobody knows of, and the names of those that were met. */
class Findings {
  readonly #met = new Set<string>();
  readonly #unknown: Difference[] = [];

  compare(asked: string, real: unknown, embedded: unknown): void {
    for (const difference of differences(asked, real, embedded)) {
      const known = KNOWN.find(({ explains }) => explains(difference));
      if (known === undefined) this.#unknown.push(difference);
      else this.#met.add(known.what);
    }
  }

  /** Asserts that nothing else differs, and that what is known still does. */
  check(where: Known["where"] | "random"): void {
    assertEquals(this.#unknown, [], "differences that docs/standalone.md does not have");
    const stale = KNOWN.filter((known) => known.where === where && !this.#met.has(known.what));
    assertEquals(stale.map(({ what }) => what), [], "differences that are none");
  }
}

const CALLS: readonly Call[] = [...WIDGET_CALLS, ...productCalls()];
const COMMANDS = commands();

const ignore = await skipWithout("e2e kubernetes", "comparison of API servers", newestKubernetes);

Deno.test({
  name: "the embedded API server answers like a real one",
  ignore,
  async fn(t) {
    await using servers = await startServers();
    // Both keep their connections from one step to the next; the test around them looks for leaks.
    const step = (name: string, fn: () => Promise<void>) =>
      t.step({ name, fn, sanitizeOps: false, sanitizeResources: false });
    await step(
      `${CALLS.length} requests: statuses, warnings, bodies, tables, texts of errors`,
      () => requests(servers),
    );
    await step(`${COMMANDS.length} commands of kubectl: what it prints, and its exit codes`, () => kubectl(servers));
    await step("random manifests that earlier implementations accepted are accepted by both", () => random(servers));
    await step("kubectl explain has a sentence for every field of all kinds", () => explained(servers));
  },
});

async function requests({ real, embedded }: Servers): Promise<void> {
  const findings = new Findings();
  for (const call of CALLS) {
    const asked = `${call[0]} ${call[1]} ${JSON.stringify(call[2] ?? call[3] ?? "")}`.slice(0, 300);
    findings.compare(asked, ...await Promise.all([answer(real.send, call), answer(embedded.send, call)]));
  }
  findings.check("api");
}

async function kubectl({ real, embedded }: Servers): Promise<void> {
  const findings = new Findings();
  for (const { args, input } of COMMANDS) {
    const [theirs, ours] = await Promise.all([real, embedded].map((server) => server.kubectl.run(args, input)));
    findings.compare(`kubectl ${args.join(" ")}`, printed(theirs), printed(ours));
  }
  findings.check("kubectl");
}

async function random({ real, embedded }: Servers): Promise<void> {
  const findings = new Findings();
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const refused: unknown[] = [];
  for (const call of randomCreates(RANDOM, seed)) {
    const [theirs, ours] = await Promise.all([answer(real.send, call), answer(embedded.send, call)]);
    findings.compare(JSON.stringify(call), theirs, ours);
    if (theirs.status !== 201) refused.push(call[2], theirs.body);
  }
  assertEquals(refused, [], `refused, with seed ${seed}`);
  findings.check("random");
}

async function explained({ real, embedded }: Servers): Promise<void> {
  const theirs = await explanations(real.send);
  assert(theirs.size > 900, `${theirs.size} fields`);
  assertEquals([...theirs].filter(([, text]) => !/^[A-Z].*\.$/s.test(text)), []);
  assertEquals([...await explanations(embedded.send)].sort(), [...theirs].sort());
}

/** What kubectl printed, line by line, without what no two servers have in common. */
function printed(result: KubectlResult | undefined): unknown {
  const lines = (text = "") => comparableText(text).split("\n").map((line) => line.trimEnd());
  return { code: result?.code, out: lines(result?.out), err: lines(result?.err) };
}

const docs = () => Deno.readTextFile(new URL("../../docs/standalone.md", import.meta.url));

Deno.test("every known difference stands in docs/standalone.md, and no other", async () => {
  const [, section = ""] = (await docs()).split("## Where it differs");
  const rows = [...section.matchAll(/^\| (.+?) +\| .+\|$/gm)].map(([, what]) => what).slice(1);
  assertEquals(rows.filter((what) => !/^-+$/.test(what ?? "")).sort(), KNOWN.map(({ what }) => what).sort());
});

Deno.test("docs/standalone.md says how much is compared, and every kind has its part in it", async () => {
  const [, calls, typed] = /A test sends (\d+) requests and (\d+) `kubectl` commands/.exec(await docs()) ?? [];
  assertEquals([Number(calls), Number(typed)], [CALLS.length, COMMANDS.length]);
  for (const { plural } of kinds) {
    const about = CALLS.filter(([, path]) => path.includes(`/${plural}`)).length;
    assert(about >= 20, `${about} requests are about ${plural}`);
  }
});
