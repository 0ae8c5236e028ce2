/** What the definitions promise of a real API server: a second version one day, and the scale subresource. @module */
import { assert, assertEquals, assertMatch, assertRejects } from "@virtrigaud/deps";
import { customResourceDefinition, GROUP, kindNamed, kinds } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import { validManifest } from "../compat/examples.ts";
import { run } from "../rigs/command.ts";
import {
  controllersRig,
  findKubectl,
  type Kubernetes,
  kubernetesRig,
  startKubernetes,
} from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { at, ROOT } from "./support/helm.ts";

const ignore = await skipWithout("charts on a cluster", "definitions", kubernetesRig);

const kindOf = (plural: string) => {
  const kind = kinds.find((each) => each.plural === plural);
  if (kind === undefined) throw new RangeError(`no kind ${plural}`);
  return kind;
};

const json = async (rig: Kubernetes, ...args: string[]): Promise<unknown> =>
  JSON.parse(await rig.kubectl("get", ...args, "-o", "json"));

Deno.test({
  name: "a second version: objects of the first round-trip through it, and the storage moves over",
  ignore,
  async fn(t) {
    await using rig = await startKubernetes();
    await rig.installCrds(`${ROOT}/charts/virtrigaud/crds`);
    for (const { kind } of kinds) await rig.apply(JSON.stringify(validManifest(kind, "made-before")));
    const plurals = kinds.map(({ plural }) => plural);
    const specs = async (version: string) =>
      Object.fromEntries(
        await Promise.all(plurals.map(async (plural) => {
          const object = await json(rig, `${plural}.${version}.${GROUP}`, "made-before");
          assertEquals(at(object, "apiVersion"), `${GROUP}/${version}`);
          return [plural, at(object, "spec")] as const;
        })),
      );
    const before = await specs("v1beta1");

    // The day of v1: the definition of the release that has it, stored as v1, with v1beta1 beside it.
    for (const kind of kinds) {
      const { version: name, schema, printerColumns } = kind;
      const deprecationWarning = `${GROUP}/v1beta1 ${kind.kind} is deprecated: use v1`;
      const crd = customResourceDefinition({ ...kind, version: "v1" }, [
        { name, schema, printerColumns, deprecationWarning },
      ]);
      await rig.apply(JSON.stringify(crd));
    }
    await until("v1 to be served for every kind", () => specs("v1").then(() => true));

    await t.step("what was made as v1beta1 reads the same as v1, and the other way round", async () => {
      assertEquals(await specs("v1"), before);
      for (const { kind } of kinds) {
        await rig.apply(JSON.stringify({ ...validManifest(kind, "made-after"), apiVersion: `${GROUP}/v1` }));
      }
      assertEquals(await specs("v1beta1"), before);
      const [one, other] = await Promise.all(
        ["v1", "v1beta1"].map(async (version) =>
          at(await json(rig, `virtualmachines.${version}.${GROUP}`, "made-after"), "spec")
        ),
      );
      assertEquals(one, other);
    });

    await t.step(
      "a write through the old version loses nothing, and kubectl shows that the version is old",
      async () => {
        const command = [findKubectl() ?? "kubectl", `--kubeconfig=${rig.kubeconfigPath}`];
        const patch = ["patch", `vmclasses.v1beta1.${GROUP}`, "made-after", "--type=merge", '-p={"spec":{"cpu":7}}'];
        const said = await run(["sh", "-c", 'exec "$@" 2>&1', "sh", ...command, ...patch], {
          env: { HOME: rig.kubeconfigPath.replace(/[^/]*$/, "") },
        });
        assertMatch(said, /^Warning: infra\.virtrigaud\.io\/v1beta1 VMClass is deprecated: use v1\n/);
        assertEquals(at(await json(rig, `vmclasses.v1.${GROUP}`, "made-after"), "spec.cpu"), 7);
      },
    );

    const withoutOld = (plural: string) =>
      rig.apply(JSON.stringify(customResourceDefinition({ ...kindOf(plural), version: "v1" })));

    await t.step("the old version cannot be taken away while objects are stored in it", async () => {
      for (const plural of plurals) {
        await assertRejects(() => withoutOld(plural), Error, "status.storedVersions");
      }
    });

    await t.step("the storage moves over as docs/versions.md says", async () => {
      for (const plural of plurals) {
        const crd = `${plural}.${GROUP}`;
        assertEquals(at(await json(rig, "crd", crd), "status.storedVersions"), ["v1beta1", "v1"]);
        const objects = await rig.kubectl("get", `${plural}.v1.${GROUP}`, "-A", "-o", "json");
        const { items } = JSON.parse(objects) as { items: unknown[] };
        assert(items.length > 0);
        const file = await Deno.makeTempFile({ suffix: ".json" });
        try {
          await Deno.writeTextFile(file, objects);
          await rig.kubectl("replace", "-f", file);
        } finally {
          await Deno.remove(file);
        }
        const patch = JSON.stringify({ status: { storedVersions: ["v1"] } });
        await rig.kubectl("patch", "crd", crd, "--subresource=status", "--type=merge", "-p", patch);
      }
      assertEquals(await specs("v1beta1"), before);
    });

    await t.step("and then the old version may go", async () => {
      for (const plural of plurals) await withoutOld(plural);
      assertEquals(await specs("v1"), before);
    });
  },
});

Deno.test({
  name: "a VMSet can be scaled: by kubectl, and by an autoscaler, which finds its target",
  ignore: await skipWithout("charts on a cluster", "an autoscaler", kubernetesRig, controllersRig),
  async fn(t) {
    await using rig = await startKubernetes();
    await rig.installCrds(`${ROOT}/charts/virtrigaud/crds`);
    await rig.startControllers("horizontal-pod-autoscaler-controller");
    await rig.apply(JSON.stringify(validManifest("VMSet", "web")));
    const { specReplicasPath = "" } = kindNamed("VMSet").subresources.scale ?? {};
    const replicas = async () => at(await json(rig, "vmset", "web"), specReplicasPath.slice(1));

    await t.step("kubectl scale", async () => {
      await rig.kubectl("scale", "vmset/web", "--replicas=3");
      assertEquals(await replicas(), 3);
      await rig.kubectl("scale", "vmset/web", "--current-replicas=3", "--replicas=1001").then(
        () => assert(false, "more than the schema allows"),
        (error) => assertMatch(String(error), /should be less than or equal to 1000/),
      );
      assertEquals(await replicas(), 3);
    });

    await t.step("an autoscaler reads the scale, its selector too, and may write it", async () => {
      const status = { replicas: 3, selector: "app=web" };
      await rig.kubectl(
        "patch",
        "vmset",
        "web",
        "--subresource=status",
        "--type=merge",
        "-p",
        JSON.stringify({ status }),
      );
      await rig.apply(JSON.stringify({
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "web" },
        spec: {
          scaleTargetRef: { apiVersion: `${GROUP}/v1beta1`, kind: "VMSet", name: "web" },
          minReplicas: 5,
          maxReplicas: 9,
          metrics: [{
            type: "External",
            external: { metric: { name: "requests" }, target: { type: "Value", value: "10" } },
          }],
        },
      }));
      // Below its minimum it scales without asking for any metric.
      await until("the autoscaler to raise the VMSet to its minimum", async () => await replicas() === 5);
      const hpa = await json(rig, "hpa", "web");
      const conditions = at(hpa, "status.conditions") as { type: string; status: string; reason: string }[];
      assertEquals(conditions.find(({ type }) => type === "AbleToScale")?.status, "True");
    });
  },
});
