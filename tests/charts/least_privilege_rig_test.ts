/**
 * The manager under its own service account: nothing it does is forbidden, it has no right that it does not use, and
 * without any one of its rules it does not get on.
 *
 * @module
 */
import { assertEquals } from "@virtrigaud/deps";
import { resourceType, SECRETS, type UntypedObject } from "@virtrigaud/kube";
import { createAuthority } from "@virtrigaud/pki";
import { helmRig } from "../rigs/helm/mod.ts";
import { type AuditEvent, kubernetesRig } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { type ChartCluster, startCluster } from "./support/cluster.ts";
import { at, manifests, one, render, ROOT, type Values } from "./support/helm.ts";
import { forbidden, type Right, rightsOf, rightsUsed, type Rule } from "./support/rights.ts";
import { until } from "./support/until.ts";

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

const isOurs = ({ metadata }: Role) => metadata.labels?.["app.kubernetes.io/component"] === "manager";

async function rolesOf({ client }: ChartCluster): Promise<Role[]> {
  const [wide, narrow] = await Promise.all([client.list(CLUSTER_ROLES), client.list(ROLES)]);
  return [...wide.items, ...narrow.items].filter(isOurs);
}

async function rightsGiven(cluster: ChartCluster): Promise<Right[]> {
  return (await rolesOf(cluster)).flatMap(({ metadata, rules = [] }) => rightsOf(rules, metadata.namespace));
}

async function requests({ rig }: ChartCluster, from = 0): Promise<AuditEvent[]> {
  return (await rig.audit()).slice(from).filter(({ user }) => user.username === ACCOUNT);
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
  await until(async () => (await client.get(SECRETS, name)).data?.["next.crt"] !== undefined, {
    what: "the successor of the authority",
    seen: () => manager.log(),
  });
}

const EXAMPLE = `${ROOT}/examples/mock/vm.yaml`;

/** A life of the example in a namespace, from apply until everything is deleted. */
async function live(
  { rig }: ChartCluster,
  { namespace, labels = {} }: Pick<Scope, "namespace" | "labels">,
  seen: () => string,
): Promise<void> {
  const items = manifests(await Deno.readTextFile(EXAMPLE)).map((object) => ({
    ...object,
    metadata: { ...object.metadata, namespace, labels },
  }));
  await rig.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const vm = ["vm", "hello", "-n", namespace] as const;
  const power = async (state: string, ready: string) =>
    await until(async () => {
      const path = "jsonpath={.status.powerState} {.status.conditions[?(@.type=='Ready')].status}";
      return await rig.kubectl("get", ...vm, "-o", path) === `${state} ${ready}`;
    }, { what: `${namespace}/hello ${state}`, timeoutMs: 90_000, seen });
  await power("On", "True");
  // Twice, so that an event comes again.
  for (const state of ["Off", "On", "Off", "On"]) {
    await rig.kubectl("patch", ...vm, "--type=merge", "-p", JSON.stringify({ spec: { powerState: state } }));
    await power(state, "True");
  }
  await rig.kubectl("delete", ...vm, "--timeout=60s");
  await rig.kubectl("delete", "-n", namespace, "-f", EXAMPLE, "--ignore-not-found", "--timeout=60s");
}

interface Scope {
  readonly name: string;
  readonly namespace: string;
  readonly values: Values;
  /** Labels that the objects need for the manager to see them. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly expectedUnused?: readonly Right[];
  /** What is there before the manager starts. */
  readonly prepare?: (cluster: ChartCluster) => Promise<void>;
}

const SCOPES: readonly Scope[] = [
  { name: "all namespaces", namespace: "team-a", values: {} },
  {
    name: "all namespaces, Secrets in one",
    namespace: "team-b",
    values: { rbac: { secretNamespaces: ["team-b"] } },
  },
  {
    name: "one namespace",
    namespace: "team-c",
    values: { rbac: { scope: "namespace", watchNamespace: "team-c" } },
  },
  {
    name: "a rule too many is seen",
    namespace: "team-d",
    values: { rbac: { additionalRules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }] } },
    expectedUnused: ["list core/pods"],
  },
  {
    name: "what a selector chooses",
    namespace: "team-e",
    values: { rbac: { watchSelector: "example.com/shard=blue" } },
    labels: { "example.com/shard": "blue" },
  },
  {
    name: "an authority of cert-manager",
    namespace: "team-f",
    values: {
      rbac: { secretNamespaces: ["team-f"] },
      certificates: { source: "certManager", issuerRef: { name: "corporate" } },
    },
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
    const release = async (command: "install" | "upgrade", values: Values) => {
      await cluster.helm(
        command,
        "virtrigaud",
        `${ROOT}/charts/virtrigaud`,
        `--namespace=${SYSTEM}`,
        "--set=crdUpgrade.enabled=false",
        ...Object.entries(values).map(([key, value]) => `--set-json=${key}=${JSON.stringify(value)}`),
      );
    };
    let command: "install" | "upgrade" = "install";
    for (const scope of SCOPES) {
      const { name, namespace, values, expectedUnused = [] } = scope;
      await t.step(`nothing is forbidden and nothing unused: ${name}`, async () => {
        if (namespace !== SYSTEM) await rig.kubectl("create", "namespace", namespace);
        await release(command, values);
        command = "upgrade";
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
        const events = await requests(cluster, from);
        assertEquals(forbidden(events), []);
        const used = rightsUsed(events);
        const unused = (await rightsGiven(cluster)).filter((right) =>
          !used.has(right) && !BY_ADMISSION.some((each) => right.startsWith(each))
        );
        assertEquals(unused, expectedUnused);
      });
    }

    let fresh = 0;
    const SCOPED: Readonly<Record<string, (namespace: string) => Values>> = {
      "all namespaces": () => ({}),
      "one namespace": (namespace) => ({ rbac: { scope: "namespace", watchNamespace: namespace } }),
    };
    for (const [name, valuesFor] of Object.entries(SCOPED)) {
      const namespace = () => `without-${fresh}`;
      const next = async () => {
        fresh++;
        await rig.kubectl("create", "namespace", namespace());
        await release("upgrade", valuesFor(namespace()));
        await forgetOwn(cluster);
        return await rolesOf(cluster);
      };
      const rules = (await next()).flatMap(({ metadata, rules = [] }) =>
        rules.map((rule, index) => ({
          role: metadata.name,
          index,
          what: rightsOf([rule], metadata.namespace).join(", "),
        }))
      );
      for (const { role: roleName, index, what } of rules) {
        await t.step(`${name}: it does not get on without: ${what}`, async () => {
          const role = (await next()).find(({ metadata }) => metadata.name === roleName);
          if (role === undefined) throw new Error(`there is no role ${roleName}`);
          const type = role.metadata.namespace === undefined ? CLUSTER_ROLES : ROLES;
          await client.replace(type, { ...role, rules: (role.rules ?? []).filter((_, other) => other !== index) });
          const from = (await rig.audit()).length;
          const manager = await cluster.manager();
          try {
            await rig.kubectl("apply", "-n", namespace(), "-f", EXAMPLE);
            await until(async () => forbidden(await requests(cluster, from)).length > 0, { what: "a refusal" });
          } finally {
            await manager.stop("KILL");
            await client.replace(type, {
              ...role,
              metadata: (await client.get(type, role.metadata)).metadata,
            });
          }
        });
      }
    }
  },
});

Deno.test({
  name: "the hook needs every right that the chart gives it, and no other",
  ignore,
  async fn() {
    await using cluster = await startCluster();
    const { rig } = cluster;
    await cluster.release("install", { args: ["--skip-crds"] });
    const events = (await rig.audit()).filter(({ user }) =>
      user.username === `system:serviceaccount:${SYSTEM}:virtrigaud-crds`
    );
    assertEquals(forbidden(events), []);
    const role = one(await render(), "ClusterRole", "virtrigaud-crds");
    const used = rightsUsed(events);
    const unused = rightsOf(at(role, "rules") as Rule[]).filter((right) => !used.has(right));
    assertEquals(unused, []);
    // What it needed goes with the release of the hook.
    assertEquals(await rig.kubectl("get", "clusterrole", "virtrigaud-crds", "--ignore-not-found"), "");
  },
});
