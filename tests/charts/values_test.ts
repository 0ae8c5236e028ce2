/** Every value of the chart does something, and what is rendered fits what the manager and its providers are. @module */
import { assert, assertEquals, assertRejects, parseYaml } from "@virtrigaud/deps";
import { kinds } from "@virtrigaud/api";
import { leaseName } from "../../src/cmd/manager/assemble.ts";
import { readManager } from "../../src/cmd/manager/config.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { at, CHART, helm, type Manifest, PROVIDER_CHART, render, type Values } from "./support/helm.ts";
import { leavesOf, merge, nest } from "./support/values.ts";
import { PROVIDER_EFFECTS } from "./provider_effects.ts";
import { type Effect, EFFECTS } from "./values_effects.ts";

const ignore = await skipWithout("charts", "rendering the chart", helmRig);

const lookUp = (objects: readonly Manifest[], where: Effect["in"]): Manifest | undefined => {
  const [kind, name] = typeof where === "string" ? [where, undefined] : where;
  return objects.find((object) => object.kind === kind && (name === undefined || object.metadata.name === name));
};

const matches = (value: unknown, expected: unknown): boolean =>
  expected instanceof RegExp
    ? expected.test(JSON.stringify(value) ?? "")
    : JSON.stringify(value) === JSON.stringify(expected);

const CHARTS = [[CHART, EFFECTS], [PROVIDER_CHART, PROVIDER_EFFECTS]] as const;

Deno.test({
  name: "schema, default values and the table of effects name the same values",
  ignore,
  async fn() {
    for (const [chart, effects] of CHARTS) {
      const schema: unknown = JSON.parse(await Deno.readTextFile(`${chart}/values.schema.json`));
      const defaults: unknown = parseYaml(await Deno.readTextFile(`${chart}/values.yaml`));
      // Helm's own, which a chart that includes this one may set.
      const leaves = leavesOf(schema).filter((path) => path !== "global");
      assertEquals(leaves.toSorted(), Object.keys(effects).toSorted());
      assertEquals(leaves.filter((path) => at(defaults, path) === undefined), []);
    }
  },
});

Deno.test({
  name: "every value has the effect that the table says, and has it only when it is set",
  ignore,
  async fn(t) {
    for (const [chart, effects] of CHARTS) {
      const rendered = new Map<string, Promise<Manifest[]>>();
      const renderOnce = (values: Values): Promise<Manifest[]> => {
        const key = JSON.stringify(values);
        const found = rendered.get(key) ?? render(values, { chart });
        rendered.set(key, found);
        return found;
      };
      const entries = Object.entries(effects);
      for (const [index, [path, effect]] of entries.entries()) {
        // Helm renders the next ones meanwhile: a process each, most of which is waiting.
        const soon = entries.slice(index, index + 3).flatMap(([path, effect]) => variantsOf(path, effect));
        void Promise.allSettled(soon.map(renderOnce));
        await t.step({
          name: path,
          fn: () => provesEffect(renderOnce, path, effect),
          sanitizeOps: false,
          sanitizeResources: false,
        });
      }
    }
  },
});

/** Values without and with the setting. */
const variantsOf = (path: string, { set, beside = {} }: Effect): [without: Values, with_: Values] => [
  beside,
  merge(beside, nest(path, set)),
];

async function provesEffect(
  renderOnce: (values: Values) => Promise<Manifest[]>,
  path: string,
  effect: Effect,
): Promise<void> {
  const { in: where, at: place = "", is = effect.set, gone } = effect;
  const [without, with_] = (await Promise.all(variantsOf(path, effect).map(renderOnce))).map((objects) =>
    lookUp(objects, where)
  );
  if (gone) {
    assert(without !== undefined, "it is not there by default");
    assertEquals(with_, undefined);
    return;
  }
  assert(with_ !== undefined, `there is no ${String(where)}`);
  assert(matches(at(with_, place), is), `${place} is ${JSON.stringify(at(with_, place))}`);
  assert(without === undefined || !matches(at(without, place), is), "it is so without the setting as well");
}

Deno.test({
  name: "what is not in the schema, or not allowed by it, is refused before anything is rendered",
  ignore,
  async fn(t) {
    const refused: readonly (readonly [what: string, values: Values, said: string, chart?: string])[] = [
      ["a value that does not exist", { manager: { replicas: 2 } }, "at '/manager': additional properties 'replicas'"],
      [
        "a part that does not exist",
        { providers: { vsphere: { enabled: true } } },
        "additional properties 'providers'",
      ],
      ["a tag that moves", { manager: { image: { tag: "latest" } } }, "at '/manager/image/tag'"],
      ["no replicas in words", { manager: { replicaCount: "two" } }, "at '/manager/replicaCount': got string"],
      ["a namespace to watch with scope cluster", { rbac: { watchNamespace: "team" } }, "at '/rbac/watchNamespace'"],
      [
        "namespaces of Secrets with scope namespace",
        { rbac: { scope: "namespace", secretNamespaces: ["a"] } },
        "at '/rbac/secretNamespaces'",
      ],
      ["a duration without unit", { config: { rpcTimeouts: { describe: "30" } } }, "at '/config/rpcTimeouts/describe'"],
      ["an admission action that does not exist", { admission: { action: "Audit" } }, "must be one of 'Warn', 'Deny'"],
      [
        "cert-manager without an issuer",
        { certificates: { source: "certManager" } },
        "at '/certificates/issuerRef/name'",
      ],
      ["traces to nowhere", { tracing: { enabled: true } }, "tracing.enabled needs tracing.endpoint"],
      ["a Provider of no type", { type: "xen" }, "at '/type'", PROVIDER_CHART],
      [
        "a Provider's value that does not exist",
        { replicaCount: 2 },
        "additional properties 'replicaCount'",
        PROVIDER_CHART,
      ],
    ];
    for (const [name, values, said, chart = CHART] of refused) {
      await t.step(name, async () => void await assertRejects(() => render(values, { chart }), Error, said));
    }
  },
});

Deno.test({
  name: "the manager understands the arguments and variables of its Deployment",
  ignore,
  async fn() {
    const values = Object.entries(EFFECTS).filter(([path]) => /^(config|tracing)\./.test(path))
      .reduce<Values>((sum, [path, { set }]) => merge(sum, nest(path, set)), {
        rbac: { scope: "namespace", watchNamespace: "team", watchSelector: "example.com/shard=blue" },
      });
    const container = at(
      lookUp(await render(values), ["Deployment", "virtrigaud-manager"]),
      "spec.template.spec.containers.0",
    );
    const env = new Map<string, string>(
      (at(container, "env") as { name: string; value?: string }[]).map((entry) =>
        [entry.name, entry.value ?? "pod"] as const
      ),
    );
    env.set("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    const request = readManager(at(container, "args") as string[], (name) => env.get(name));
    assert(request.type === "Run");
    const { settings } = request;
    assertEquals(settings.leaderElection, true);
    assertEquals([settings.metricsPort, settings.healthPort, settings.watchNamespace], [8080, 8081, "team"]);
    assertEquals([settings.watchSelector, settings.maxTasksPerProvider], ["example.com/shard=blue", 9]);
    assertEquals([settings.workers, settings.log.level, settings.log.format], [7, "debug", "text"]);
    assertEquals(settings.policy, {
      timeouts: { describe: 11_000, mutating: 12_000, validate: 13_000, taskStatus: 14_000 },
      retry: { maxAttempts: 6, backoff: { baseMs: 20, maxMs: 31_000, factor: 3.5, jitter: 0 } },
      breaker: { failureThreshold: 4, resetMs: 33_000, halfOpenMaxCalls: 2 },
      rateLimit: { qps: 2.5, burst: 9 },
    });
  },
});

Deno.test({
  name: "the Lease that the manager of a selector may write is the one that it takes",
  ignore,
  async fn() {
    for (const watchSelector of ["", "example.com/shard=blue", "shard in (a,b)".replaceAll(" ", "")]) {
      const role = lookUp(await render({ rbac: { watchSelector } }), ["Role", "virtrigaud-manager-own"]);
      assertEquals(at(role, "rules.1.resourceNames"), [leaseName(watchSelector === "" ? undefined : watchSelector)]);
    }
  },
});

Deno.test({
  name: "pods meet the restricted Pod Security Standard",
  ignore,
  async fn() {
    const pods = (await render()).filter(({ kind }) => ["Deployment", "Job"].includes(kind));
    assertEquals(pods.length, 2);
    for (const each of pods) {
      const pod = at(each, "spec.template.spec");
      assertEquals([at(pod, "securityContext.runAsNonRoot"), at(pod, "securityContext.runAsUser")], [true, 65532]);
      assertEquals(at(pod, "securityContext.seccompProfile.type"), "RuntimeDefault");
      assertEquals(at(pod, "containers.0.securityContext"), {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        readOnlyRootFilesystem: true,
      });
    }
  },
});

Deno.test({
  name: "one replica has no disruption budget, which would keep its node from being drained",
  ignore,
  async fn() {
    const objects = await render({ manager: { replicaCount: 1 } });
    assertEquals(lookUp(objects, "PodDisruptionBudget"), undefined);
  },
});

Deno.test({
  name: "API servers without admission policies get none, and cannot be asked to refuse",
  ignore,
  async fn() {
    const policies = async (values: Values, kubeVersion: string) =>
      (await render(values, { kubeVersion })).filter(({ kind }) => kind.startsWith("ValidatingAdmission")).length;
    assert(await policies({}, "1.30.0") > 0);
    assertEquals(await policies({}, "1.29.4"), 0);
    assertEquals(await policies({ admission: { action: "Off" } }, "1.36.3"), 0);
    await assertRejects(() => policies({ admission: { action: "Deny" } }, "1.29.4"), Error, "use Warn or Off");
  },
});

Deno.test({
  name: "the hook may patch exactly the definitions that there are",
  ignore,
  async fn() {
    const role = lookUp(await render(), ["ClusterRole", "virtrigaud-crds"]);
    assertEquals(
      [...at(role, "rules.1.resourceNames") as string[]].toSorted(),
      kinds.map(({ plural, group }) => `${plural}.${group}`).toSorted(),
    );
  },
});

Deno.test({
  name: "a release fits into the Secret that Helm keeps it in",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      await helm(["package", CHART, `--destination=${folder}`]);
      const [file] = [...Deno.readDirSync(folder)];
      const { size } = await Deno.stat(`${folder}/${file?.name}`);
      // Packed again as base64 twice, beside the manifests; the limit of a Secret is 1 MiB.
      assert(size < 300_000, `${size} bytes`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
