/**
 * The manager under its own service account: nothing it does is forbidden, it has no right that it does not use, it
 * reads no Secret but by its name, and without any one of its rules it is refused something and says what.
 *
 * @module
 */
import { assert, assertEquals } from "@virtrigaud/deps";
import { VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { resourceType, SECRETS, type UntypedObject } from "@virtrigaud/kube";
import { createAuthority } from "@virtrigaud/pki";
import { until } from "@virtrigaud/resilience";
import { helmRig } from "../rigs/helm/mod.ts";
import { type AuditEvent, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { type ChartCluster, startCluster } from "./support/cluster.ts";
import { at, manifests, render, ROOT, type Values } from "./support/helm.ts";
import { forbidden, type Right, rightsOf, rightsUsed, type Rule } from "./support/rights.ts";

const ignore = await skipWithout("charts on a cluster", "least privilege", helmRig, kubernetesRig);

const SYSTEM = "virtrigaud-system";
const ACCOUNT = `system:serviceaccount:${SYSTEM}:virtrigaud-manager`;
const RBAC = { group: "rbac.authorization.k8s.io", version: "v1" };
type Role = UntypedObject & { rules?: Rule[] };
const ISSUED = resourceType<UntypedObject>({
  group: "cert-manager.io",
  version: "v1",
  kind: "Certificate",
  plural: "certificates",
  namespaced: true,
});
const CLUSTER_ROLES = resourceType<Role>({ ...RBAC, kind: "ClusterRole", plural: "clusterroles", namespaced: false });
const ROLES = resourceType<Role>({ ...RBAC, kind: "Role", plural: "roles", namespaced: true });

/** Asked for by an admission plugin, not by a request. */
const BY_ADMISSION: readonly Right[] = ["update infra.virtrigaud.io/providers/finalizers"];

async function rolesOf({ client }: ChartCluster, release = "virtrigaud"): Promise<Role[]> {
  const [wide, narrow] = await Promise.all([client.list(CLUSTER_ROLES), client.list(ROLES)]);
  return [...wide.items, ...narrow.items].filter(({ metadata: { labels = {} } }) =>
    labels["app.kubernetes.io/component"] === "manager" && labels["app.kubernetes.io/instance"] === release
  );
}

async function rightsGiven(cluster: ChartCluster): Promise<Right[]> {
  return (await rolesOf(cluster)).flatMap(({ metadata, rules = [] }) => rightsOf(rules, metadata.namespace));
}

async function requests({ rig }: ChartCluster, { from = 0, account = ACCOUNT } = {}): Promise<AuditEvent[]> {
  return (await rig.audit()).slice(from).filter(({ user }) => user.username === account);
}

/** Requests for Secrets that do not say which one. A list and a watch say it by a field selector. */
function secretsAtLarge(events: readonly AuditEvent[]): string[] {
  return events
    .filter(({ objectRef, verb }) => objectRef?.resource === "secrets" && verb !== "create")
    .map(({ requestURI }) => requestURI)
    .filter((uri) =>
      !/^\/api\/v1\/namespaces\/[^/]+\/secrets(\/[^/?]+|\?(.*&)?fieldSelector=metadata\.name%3D[^&]+)/.test(uri)
    );
}

/** As on the first day: no Lease, no authority. */
async function forgetOwn({ rig }: ChartCluster): Promise<void> {
  await rig.kubectl("delete", "lease", "--all", "-n", SYSTEM);
  await rig.kubectl("delete", "secret", "virtrigaud-ca", "-n", SYSTEM, "--ignore-not-found");
}

/** The kind of cert-manager that the chart asks for; nothing here acts on it. */
const CERTIFICATES = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "certificates.cert-manager.io" },
  spec: {
    group: "cert-manager.io",
    names: { kind: "Certificate", plural: "certificates", singular: "certificate" },
    scope: "Namespaced",
    versions: [{
      name: "v1",
      served: true,
      storage: true,
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    }],
  },
};

/** What cert-manager does about the chart's Certificate. */
async function issueAuthority({ client }: ChartCluster): Promise<void> {
  const certificate = await client.get(ISSUED, { namespace: SYSTEM, name: "virtrigaud-issued-ca" });
  const issued = await createAuthority({ name: String(at(certificate, "spec.commonName")) });
  await client.create(SECRETS, {
    metadata: { namespace: SYSTEM, name: String(at(certificate, "spec.secretName")) },
    type: "kubernetes.io/tls",
    data: { "tls.crt": btoa(issued.certPem), "tls.key": btoa(issued.keyPem.reveal()) },
  });
}

/** An authority in its last year: a manager that starts introduces the next. */
async function succeedAuthority(cluster: ChartCluster): Promise<void> {
  const { client } = cluster;
  const name = { namespace: SYSTEM, name: "virtrigaud-ca" };
  const old = await createAuthority({ name: "old", clock: { now: () => Date.now() - 3300 * 86_400_000 } });
  const data = { "tls.crt": btoa(old.certPem), "tls.key": btoa(old.keyPem.reveal()), "ca.crt": null };
  await client.patch(SECRETS, name, { type: "merge", body: { data } });
  await using manager = await cluster.manager();
  await until(
    "the successor of the authority",
    async () => (await client.get(SECRETS, name)).data?.["next.crt"] !== undefined,
    { seen: () => manager.log() },
  );
}

const EXAMPLE = `${ROOT}/examples/mock/vm.yaml`;

/** The example as a list of objects. */
async function example(namespace: string, labels: Readonly<Record<string, string>>) {
  const items = manifests(await Deno.readTextFile(EXAMPLE)).map((object) => ({
    ...object,
    metadata: { ...object.metadata, namespace, labels },
  }));
  return { apiVersion: "v1", kind: "List", items };
}

/** A life of the example in a namespace, from apply until everything is deleted. */
async function live(
  { rig, client }: ChartCluster,
  { namespace, labels = {} }: Pick<Scope, "namespace" | "labels">,
  seen: () => string,
): Promise<void> {
  await rig.apply(JSON.stringify(await example(namespace, labels)));
  const vm = { namespace, name: "hello" };
  const type = resourceType(VIRTUAL_MACHINES);
  const power = async (state: string) =>
    await until(`${namespace}/hello to be ${state}`, async () => {
      const { status } = await client.get(type, vm) as UntypedObject;
      return at(status, "powerState") === state && isReady(status);
    }, { seen });
  await power("On");
  // Twice, so that an event comes again.
  for (const powerState of ["Off", "On", "Off", "On"]) {
    await client.patch(type, vm, { type: "merge", body: { spec: { powerState } } });
    await power(powerState);
  }
  await client.delete(type, vm);
  await until(`${namespace}/hello to be gone`, async () => await client.find(type, vm) === undefined, { seen });
  await rig.kubectl("delete", "-n", namespace, "-f", EXAMPLE, "--ignore-not-found", "--timeout=60s");
}

const isReady = (status: unknown): boolean =>
  (at(status, "conditions") as { type: string; status: string }[] | undefined)
    ?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

interface Scope {
  readonly name: string;
  readonly namespace: string;
  readonly values: Values;
  /** Labels that the objects need for the manager to see them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What is there before the manager starts. */
  readonly prepare?: (cluster: ChartCluster) => Promise<void>;
}

const SCOPES: readonly Scope[] = [
  { name: "all namespaces", namespace: "team-a", values: {} },
  {
    name: "one namespace",
    namespace: "team-b",
    values: { rbac: { scope: "namespace", watchNamespace: "team-b" } },
  },
  {
    name: "what a selector chooses, Secrets in one namespace, an authority of cert-manager",
    namespace: "team-c",
    values: {
      rbac: { watchSelector: "example.com/shard=blue", secretNamespaces: ["team-c"] },
      certificates: { source: "certManager", issuerRef: { name: "corporate" } },
    },
    labels: { "example.com/shard": "blue" },
    prepare: issueAuthority,
  },
  { name: "its own namespace", namespace: SYSTEM, values: { rbac: { scope: "namespace" } } },
];

Deno.test({
  name: "the manager needs every right that the chart gives it, and no other",
  ignore,
  async fn(t) {
    await using cluster = await startCluster({ admissionPlugins: ["OwnerReferencesPermissionEnforcement"] });
    const { rig, client } = cluster;
    await rig.kubectl("create", "namespace", SYSTEM);
    await rig.installCrds(`${ROOT}/charts/virtrigaud/crds`);
    await rig.apply(JSON.stringify(CERTIFICATES));
    await rig.kubectl("wait", "--for=condition=Established", "crd/certificates.cert-manager.io", "--timeout=30s");
    const unusedRights = async (used: ReadonlySet<Right>) =>
      (await rightsGiven(cluster)).filter((right) =>
        !used.has(right) && !BY_ADMISSION.some((each) => right.startsWith(each))
      );
    for (const [index, scope] of SCOPES.entries()) {
      const { name, namespace, values } = scope;
      await t.step(`nothing is forbidden and nothing unused: ${name}`, async () => {
        if (namespace !== SYSTEM) await rig.kubectl("create", "namespace", namespace);
        await release(cluster, index === 0 ? "install" : "upgrade", { values });
        await forgetOwn(cluster);
        await scope.prepare?.(cluster);
        const from = (await rig.audit()).length;
        {
          await using manager = await cluster.manager();
          await live(cluster, scope, () => manager.log());
        }
        if (scope.prepare !== undefined) {
          const [own, given] = await Promise.all(
            ["virtrigaud-ca", "virtrigaud-issued-ca"].map(async (name) =>
              atob((await client.get(SECRETS, { namespace: SYSTEM, name })).data?.["tls.crt"] ?? "")
            ),
          );
          assertEquals(own, given);
        }
        await succeedAuthority(cluster);
        const events = await requests(cluster, { from });
        assertEquals(forbidden(events), []);
        assertEquals(secretsAtLarge(events), []);
        const used = rightsUsed(events);
        assertEquals(await unusedRights(used), []);
        if (index > 0) return;
        // And a rule too many would be seen.
        const additionalRules = [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }];
        await release(cluster, "upgrade", { values: { rbac: { additionalRules } } });
        assertEquals(await unusedRights(used), ["list core/pods"]);
      });
    }
    await rig.kubectl("delete", "namespace", SYSTEM, "--wait=false");

    for (const [name, without] of Object.entries(WITHOUT)) {
      await t.step({
        name: `without any one of its rules it is refused something, and says so: ${name}`,
        fn: () => takeEachRuleAway(cluster, without),
        sanitizeOps: false,
        sanitizeResources: false,
      });
    }
  },
});

interface Release {
  readonly values: Values;
  /** Default `virtrigaud`. */
  readonly name?: string;
  readonly namespace?: string;
}

async function release(
  cluster: ChartCluster,
  command: "install" | "upgrade",
  { values, name = "virtrigaud", namespace = SYSTEM }: Release,
): Promise<void> {
  await cluster.helm(
    command,
    name,
    `${ROOT}/charts/virtrigaud`,
    `--namespace=${namespace}`,
    "--create-namespace",
    "--set=crdUpgrade.enabled=false",
    "--set=admission.action=Off",
    ...Object.entries(values).map(([key, value]) => `--set-json=${key}=${JSON.stringify(value)}`),
  );
}

/** A release of its own for every rule, so that several are tried at a time. */
interface Without {
  readonly prefix: string;
  /** Values of a release whose objects are in `namespace`. */
  values(namespace: string): Values;
  labels(namespace: string): Readonly<Record<string, string>>;
}

const WITHOUT: Readonly<Record<string, Without>> = {
  // Managers of all namespaces side by side, each with objects of its own.
  "all namespaces": {
    prefix: "wide",
    values: (namespace) => ({ rbac: { watchSelector: `example.com/shard=${namespace}` } }),
    labels: (namespace) => ({ "example.com/shard": namespace }),
  },
  "one namespace": {
    prefix: "narrow",
    values: (namespace) => ({ rbac: { scope: "namespace", watchNamespace: namespace } }),
    labels: () => ({}),
  },
};
const AT_A_TIME = 3;

async function takeEachRuleAway(cluster: ChartCluster, without: Without): Promise<void> {
  const manager = "app.kubernetes.io/component";
  const rendered = await render({ ...without.values("any"), crdUpgrade: { enabled: false } });
  const rules = rendered
    .filter(({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && metadata.labels?.[manager] === "manager")
    .flatMap(({ metadata, rules }) => (rules as Rule[]).map((_, index) => ({ role: metadata.name, index })));
  // Less would mean that they are looked for in the wrong place.
  assert(rules.length >= 9, `only ${rules.length} rules were found`);
  const waiting = [...rules.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, rule] = next;
      await takeRuleAway(cluster, without, `${without.prefix}-${index}`, rule);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** @param name of namespace and release */
async function takeRuleAway(
  cluster: ChartCluster,
  { values, labels }: Without,
  name: string,
  rule: { readonly role: string; readonly index: number },
): Promise<void> {
  const { rig, client } = cluster;
  const [releaseName, system] = [`virtrigaud-${name}`, `${name}-system`];
  await rig.kubectl("create", "namespace", name);
  await release(cluster, "install", { values: values(name), name: releaseName, namespace: system });
  const roleName = rule.role.replace(/^virtrigaud/, releaseName);
  const role = (await rolesOf(cluster, releaseName)).find(({ metadata }) => metadata.name === roleName);
  const taken = role?.rules?.[rule.index];
  if (role === undefined || taken === undefined) throw new Error(`there is no rule ${rule.index} of ${roleName}`);
  const what = rightsOf([taken], role.metadata.namespace).join(", ");
  await client.replace(role.metadata.namespace === undefined ? CLUSTER_ROLES : ROLES, {
    ...role,
    rules: (role.rules ?? []).filter((each) => each !== taken),
  });
  await using pod = await cluster.manager({ namespace: system, name: `${releaseName}-manager` });
  await rig.apply(JSON.stringify(await example(name, labels(name))));
  await until(`the manager to say that it may not: ${what}`, () => /forbidden/.test(pod.log()), { seen: pod.log });
  await pod.stop("KILL");
  const account = `system:serviceaccount:${system}:${releaseName}-manager`;
  const refused = forbidden(await requests(cluster, { account }));
  assert(refused.length > 0, `nothing was refused without: ${what}`);
}
