import { kindNamed } from "@virtrigaud/api";
import { assertEquals, assertMatch } from "@virtrigaud/deps";
import { SECRETS, type UntypedObject } from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { buildInfo, createLogger } from "@virtrigaud/telemetry";
import { type Site, type SiteOptions, startSite } from "./site.ts";

async function withSite(
  options: Pick<SiteOptions, "metricsPort" | "log">,
  body: (site: Site) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const baseEnv = { PATH: Deno.env.get("PATH") ?? "", HOME: Deno.env.get("HOME") ?? "" };
    await using site = await startSite({ folder, baseEnv, ...options });
    await body(site);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the standalone tells its build and what its manager does, and when it is ready", () =>
  withSite({ metricsPort: 0 }, async (site) => {
    const ask = async (path: string) => {
      const response = await fetch(new URL(path, site.metricsUrl));
      return { status: response.status, text: await response.text() };
    };
    await until("it to be ready", async () => (await ask("/readyz")).status === 200);
    const { text } = await ask("/metrics");
    assertEquals(/^virtrigaud_build_info\{(.*)\} 1$/m.exec(text)?.[1]?.split(",").toSorted(), [
      'build_date=""',
      'component="virtrigaud"',
      'git_sha=""',
      `go_version="deno-${Deno.version.deno}"`,
      `version="${buildInfo().version}"`,
    ]);
    assertMatch(text, /^controller_runtime_max_concurrent_reconciles\{controller="virtualmachine"\} 64$/m);
    assertMatch(text, /^rest_client_requests_total\{.*code="200".*\} [1-9]/m);
  }));

Deno.test("a manager that logs at debug level tells of its reconciles and calls, and of no secret", async () => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", sink: (line) => void lines.push(line) });
  const told = (message: string, fields: Readonly<Record<string, unknown>>) =>
    lines.map((line) => JSON.parse(line)).some((line) =>
      line.message === message && Object.entries(fields).every(([name, value]) => line[name] === value)
    );
  const canary = `canary-${crypto.randomUUID()}`;
  await withSite({ log }, async ({ client }) => {
    const metadata = { namespace: "default", name: "mock" };
    await client.create(SECRETS, { metadata, stringData: { username: "operator", password: canary } });
    const spec = {
      type: "mock",
      endpoint: "mock://localhost",
      credentialSecretRef: { name: "mock" },
      runtime: { image: "example.com/provider-mock:v1" },
    };
    await client.create(kindNamed("Provider"), { metadata, spec } as UntypedObject);
    const of = { level: "debug", component: "manager" };
    for (
      const [message, fields] of [
        ["reconcile begins", { ...of, controller: "provider", key: "default/mock" }],
        ["reconcile ended", { ...of, controller: "provider", key: "default/mock", result: "success" }],
        ["call ended", { ...of, provider: "default/mock", rpc: "Validate", code: "OK" }],
      ] as const
    ) await until(`"${message}" in the log`, () => told(message, fields), { seen: () => lines.slice(-20).join("\n") });
  });
  assertEquals(lines.filter((line) => line.includes(canary)), []);
});
