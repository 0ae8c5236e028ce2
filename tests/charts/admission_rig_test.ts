/** The chart's admission policies on a real API server: what they say, to whom, and that they agree with the manager. @module */
import { assert, assertEquals, assertMatch, assertRejects } from "@virtrigaud/deps";
import { admissionPolicies, GROUP, kinds, VERSION } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import { startTestPlane } from "@virtrigaud/standalone/testing";
import {
  corpus,
  managerBlames,
  policiesBlame,
  RECONCILED,
  type Sent,
  warningsOf,
} from "../controllers/admission_corpus.ts";
import { goodInputs } from "../compat/good_input.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { run } from "../rigs/command.ts";
import { findKubectl, type Kubernetes, newestKubernetes, startKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { render, ROOT, type Values } from "./support/helm.ts";

const ignore = await skipWithout("charts on a cluster", "admission policies", helmRig, newestKubernetes);

const CLASS = {
  apiVersion: `${GROUP}/${VERSION}`,
  kind: "VMClass",
  metadata: { name: "small" },
  spec: { cpu: 1, memory: "1Gi", securityProfile: { secureBoot: true } },
};
const SECURE_BOOT = "spec.securityProfile.secureBoot: needs spec.firmware UEFI, is BIOS";

/** Both outputs of kubectl: warnings go to the second. */
async function kubectl(rig: Kubernetes, args: readonly string[], input?: unknown): Promise<string> {
  const script = 'exec "$@" 2>&1';
  const command = [findKubectl() ?? "kubectl", `--kubeconfig=${rig.kubeconfigPath}`, ...args];
  return await run(["sh", "-c", script, "sh", ...command], {
    env: { HOME: rig.kubeconfigPath.replace(/[^/]*$/, "") },
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  });
}

async function install(rig: Kubernetes, values: Values, namespace = "virtrigaud-system"): Promise<void> {
  const policies = (await render(values, { namespace })).filter(({ kind }) => kind.startsWith("ValidatingAdmission"));
  assert(policies.length > 0);
  await rig.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: policies }));
}

Deno.test({
  name: "the policies of the chart warn, refuse when told to, and blame what the manager blames",
  ignore,
  async fn(t) {
    await using rig = await startKubernetes();
    await rig.installCrds(`${ROOT}/charts/virtrigaud/crds`);
    await install(rig, {});
    const dryRun = (object: unknown, ...more: string[]) =>
      kubectl(rig, ["create", "--dry-run=server", "-f", "-", ...more], object);
    // The API server takes up policies a moment after they were made.
    await until("the policies to be in force", async () => (await dryRun(CLASS)).includes(SECURE_BOOT));

    await t.step("kubectl shows the warning beside the success", async () => {
      const said = await kubectl(rig, ["apply", "-f", "-"], CLASS);
      assertMatch(
        said,
        /^Warning: Validation failed for ValidatingAdmissionPolicy 'virtrigaud-vmclasses' with binding/,
      );
      assertMatch(
        said,
        /: spec\.securityProfile\.secureBoot: needs spec\.firmware UEFI, is BIOS\nvmclass.*small created/,
      );
      assertEquals((await kubectl(rig, ["label", "vmclass", "small", "a=b"])).includes("Warning"), false);
    });

    await t.step("a deprecated value is warned about", async () => {
      const said = await dryRun({ ...CLASS, metadata: { name: "old" }, spec: { ...CLASS.spec, firmware: "EFI" } });
      assertMatch(said, /^Warning: .*'virtrigaud-vmclasses-deprecated': spec\.firmware: EFI is deprecated: say UEFI\n/);
    });

    await t.step("what earlier schemas let through and could never work is accepted, and warned about", async () => {
      const passed = goodInputs().filter(({ name }) => name.endsWith("of which a policy warns"));
      const said = await Promise.all(passed.map(({ manifest }) => dryRun(manifest)));
      const blamed = said.flatMap((text) => /: (spec\.\S+): /.exec(text)?.[1] ?? text);
      assertEquals(blamed, ["spec.source", "spec.storage.s3", "spec.schedule.cronSpec"]);
    });

    await t.step(
      "random objects: the policies blame what the manager blames, in the words of the embedded plane",
      async () => {
        await using plane = await startTestPlane({
          kinds,
          admission: { policies: admissionPolicies(kinds), action: "Warn" },
        });
        const { admin: { certPem: cert, keyPem: key }, caPem, url } = rig;
        using client = Deno.createHttpClient({ caCerts: [caPem], cert, key });
        const pathOf = ({ kind }: Sent) => {
          const plural = kinds.find((each) => each.kind === kind)?.plural;
          return `/apis/${GROUP}/${VERSION}/namespaces/default/${plural}?dryRun=All`;
        };
        const post = (object: Sent) => {
          const init: RequestInit & { client: Deno.HttpClient } = {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(object),
            client,
          };
          return fetch(`${url}${pathOf(object)}`, init);
        };
        let compared = 0;
        for (const object of RECONCILED.flatMap(corpus)) {
          const { status, headers, body } = await post(object);
          await body?.cancel();
          if (status !== 201) continue;
          const said = warningsOf(headers).toSorted();
          assertEquals(policiesBlame(said), managerBlames(object), JSON.stringify(object));
          const embedded = await plane.client.post(pathOf(object), object);
          assertEquals(warningsOf(embedded.headers).toSorted(), said, JSON.stringify(object));
          compared++;
        }
        assert(compared > 100, `only ${compared} objects were accepted`);
      },
    );

    await t.step("with Deny the same words refuse; what was there before can still be held and deleted", async () => {
      await install(rig, { admission: { action: "Deny" } });
      const other = { ...CLASS, metadata: { name: "other" } };
      const refused = await until("a refusal", async () => {
        const said = await dryRun(other).catch((error) => String(error));
        return said.includes("denied request") && said;
      });
      assert(refused.includes(`denied request: ${SECURE_BOOT}`), refused);
      await using plane = await startTestPlane({
        kinds,
        admission: { policies: admissionPolicies(kinds), action: "Deny" },
      });
      const { body } = await plane.client.post(`/apis/${GROUP}/${VERSION}/namespaces/default/vmclasses`, other);
      // kubectl makes its text from the causes.
      assert(refused.includes(body.details.causes[0].message), refused);
      await rig.kubectl("label", "vmclass", "small", "held=yes");
      await assertRejects(
        () => rig.kubectl("patch", "vmclass", "small", "--type=merge", "-p", '{"spec":{"cpu":2}}'),
        Error,
        SECURE_BOOT,
      );
      await rig.kubectl("delete", "vmclass", "small");
    });

    await t.step("a manager of one namespace has policies for that namespace only", async () => {
      await rig.kubectl("create", "namespace", "team");
      await install(rig, { admission: { action: "Deny" }, rbac: { scope: "namespace", watchNamespace: "team" } });
      await until("default to be left alone", () => dryRun(CLASS).then(() => true));
      await assertRejects(() => dryRun(CLASS, "--namespace=team"), Error, SECURE_BOOT);
    });
  },
});
