/**
 * The embedded API server against a real kube-apiserver: the same requests, the same answers: status codes, warnings,
 * whole bodies with tables and the texts of errors, but for what no two servers have in common (UIDs, revisions,
 * times). What differs besides stands in docs/standalone.md, with the reason, or fails here.
 *
 * @module
 */
import { assertEquals } from "@virtrigaud/deps";
import { kinds } from "@virtrigaud/api";
import { startTestPlane, WIDGET, WIDGETS } from "@virtrigaud/standalone/testing";
import { newestKubernetes, startKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { until } from "./support/deadline.ts";
import { comparable, type Difference, differences } from "./parity/compare.ts";
import { KNOWN } from "./parity/known.ts";
import { productCalls } from "./parity/product_calls.ts";
import { type Call, WIDGET_CALLS } from "./parity/widget_calls.ts";

type Send = (path: string, init: RequestInit) => Promise<Response>;

const CRDS = new URL("../../charts/virtrigaud/crds", import.meta.url).pathname;

async function answer(send: Send, [method, path, body, headers]: Call): Promise<unknown> {
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

/** A kind is established a moment before its storage is ready. */
async function untilServed(send: Send): Promise<void> {
  const paths = kinds.map(({ group, version, plural }) => `/apis/${group}/${version}/${plural}`);
  for (const path of [WIDGETS, ...paths]) {
    await until(`${path} to be served`, async () => {
      const response = await send(path, {});
      await response.body?.cancel();
      return response.ok;
    });
  }
}

Deno.test({
  name: "the embedded API server answers like a real one",
  ignore: await skipWithout("e2e kubernetes", "comparison of API servers", newestKubernetes),
  fn: async () => {
    await using embedded = await startTestPlane({ kinds: [WIDGET, ...kinds] });
    await using real = await startKubernetes();
    using http = Deno.createHttpClient({ caCerts: [real.caPem], cert: real.admin.certPem, key: real.admin.keyPem });
    const sendReal: Send = (path, init) => {
      const pooled: RequestInit & { client: Deno.HttpClient } = { ...init, client: http };
      return fetch(`${real.url}${path}`, pooled);
    };
    const sendEmbedded: Send = (path, init) => embedded.client.fetch(path, init);
    const { body: crd } = await embedded.client.get(
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${WIDGET.plural}.${WIDGET.group}`,
    );
    await real.apply(JSON.stringify({ ...crd, metadata: { name: crd.metadata.name }, status: undefined }));
    await real.kubectl("wait", "--for=condition=Established", `crd/${crd.metadata.name}`);
    await real.installCrds(CRDS);
    await untilServed(sendReal);

    const met = new Set<string>();
    const unknown: Difference[] = [];
    for (const call of [...WIDGET_CALLS, ...productCalls()]) {
      const asked = `${call[0]} ${call[1]} ${JSON.stringify(call[2] ?? call[3] ?? "")}`.slice(0, 300);
      const [theirs, ours] = [await answer(sendReal, call), await answer(sendEmbedded, call)];
      for (const difference of differences(asked, theirs, ours)) {
        const known = KNOWN.find(({ explains }) => explains(difference));
        if (known === undefined) unknown.push(difference);
        else met.add(known.what);
      }
    }
    assertEquals(unknown, [], "differences that docs/standalone.md does not have");
    assertEquals(KNOWN.map(({ what }) => what).filter((what) => !met.has(what)), [], "differences that are none");
  },
});

Deno.test("every known difference stands in docs/standalone.md, and no other", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/standalone.md", import.meta.url));
  const [, section = ""] = text.split("## Where it differs");
  const rows = [...section.matchAll(/^\| (.+?) +\| .+\|$/gm)].map(([, what]) => what).slice(1);
  assertEquals(rows.filter((what) => !/^-+$/.test(what ?? "")).sort(), KNOWN.map(({ what }) => what).sort());
});
