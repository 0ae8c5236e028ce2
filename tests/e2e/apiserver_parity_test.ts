/**
 * The embedded API server against a real kube-apiserver: the same requests, the same answers: status codes, warnings,
 * whole bodies with tables and the texts of errors, but for what no two servers have in common (UIDs, revisions,
 * times). What differs besides stands in docs/standalone.md, with the reason, or fails here.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { newestKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { commands } from "./parity/commands.ts";
import { comparable, comparableText, type Difference, differences } from "./parity/compare.ts";
import { explanations } from "./parity/explained.ts";
import { KNOWN, type Known } from "./parity/known.ts";
import { productCalls } from "./parity/product_calls.ts";
import { randomCreates, refusedByRule } from "./parity/random_manifests.ts";
import { type Send, startServers } from "./parity/servers.ts";
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

const ignore = await skipWithout("e2e kubernetes", "comparison of API servers", newestKubernetes);

Deno.test({
  name: "the embedded API server answers like a real one",
  ignore,
  fn: async () => {
    await using servers = await startServers();
    const findings = new Findings();
    for (const call of [...WIDGET_CALLS, ...productCalls()]) {
      const asked = `${call[0]} ${call[1]} ${JSON.stringify(call[2] ?? call[3] ?? "")}`.slice(0, 300);
      findings.compare(asked, await answer(servers.real.send, call), await answer(servers.embedded.send, call));
    }
    findings.check("api");
  },
});

Deno.test({
  name: "random manifests that earlier implementations accepted are accepted by both, and answered alike",
  ignore,
  fn: async () => {
    await using servers = await startServers();
    const findings = new Findings();
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const refused: unknown[] = [];
    for (const call of randomCreates(RANDOM, seed)) {
      const theirs = await answer(servers.real.send, call);
      findings.compare(JSON.stringify(call), theirs, await answer(servers.embedded.send, call));
      if (theirs.status !== 201 && !refusedByRule(theirs.body)) refused.push(call[2], theirs.body);
    }
    assertEquals(refused, [], `refused, with seed ${seed}`);
    findings.check("random");
  },
});

Deno.test({
  name: "kubectl explain has a sentence for every field of all kinds, and the same on both",
  ignore,
  fn: async () => {
    await using servers = await startServers();
    const real = await explanations(servers.real.send);
    assert(real.size > 900, `${real.size} fields`);
    assertEquals([...real].filter(([, text]) => !/^[A-Z].*\.$/s.test(text)), []);
    assertEquals([...await explanations(servers.embedded.send)].sort(), [...real].sort());
  },
});

Deno.test({
  name: "kubectl says the same of the embedded API server and of a real one",
  ignore,
  fn: async () => {
    await using servers = await startServers();
    const findings = new Findings();
    for (const { args, input } of commands()) {
      const [theirs, ours] = await Promise.all(
        [servers.real, servers.embedded].map(({ kubectl }) => kubectl.run(args, input)),
      );
      findings.compare(`kubectl ${args.join(" ")}`, printed(theirs), printed(ours));
    }
    findings.check("kubectl");
  },
});

/** What kubectl printed, line by line, without what no two servers have in common. */
function printed(result: KubectlResult | undefined): unknown {
  const lines = (text = "") => comparableText(text).split("\n").map((line) => line.trimEnd());
  return { code: result?.code, out: lines(result?.out), err: lines(result?.err) };
}

Deno.test("every known difference stands in docs/standalone.md, and no other", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/standalone.md", import.meta.url));
  const [, section = ""] = text.split("## Where it differs");
  const rows = [...section.matchAll(/^\| (.+?) +\| .+\|$/gm)].map(([, what]) => what).slice(1);
  assertEquals(rows.filter((what) => !/^-+$/.test(what ?? "")).sort(), KNOWN.map(({ what }) => what).sort());
});
