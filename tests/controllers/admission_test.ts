/** The API server says at once what the manager would say later: the same fields, by policy and by condition. @module */
import { assertEquals, assertMatch } from "@virtrigaud/deps";
import { admissionPolicies, API_VERSION, GROUP, kinds, VERSION } from "@virtrigaud/api";
import { startTestPlane } from "@virtrigaud/standalone/testing";
import { validManifest } from "../compat/examples.ts";
import { corpus, managerBlames, policiesBlame, RECONCILED, type Sent, warningsOf } from "./admission_corpus.ts";

const policies = admissionPolicies(kinds);
const pathOf = (kind: string): string => {
  const plural = kinds.find((each) => each.kind === kind)?.plural;
  return `/apis/${GROUP}/${VERSION}/namespaces/default/${plural}`;
};
const fieldsOfPolicy = (kind: string): string[] =>
  policies.filter(({ level, spec }) =>
    level === "Invalid" &&
    spec.matchConstraints.resourceRules.some(({ resources }) => pathOf(kind).endsWith(`/${resources[0]}`))
  ).flatMap(({ spec }) => spec.validations.map(({ message }) => message.split(": ")[0] ?? ""));
const secureBoot = (firmware: string, more: Record<string, unknown> = {}): Sent => ({
  apiVersion: API_VERSION,
  kind: "VMClass",
  metadata: { name: "small", namespace: "default" },
  spec: { cpu: 1, memory: "1Gi", firmware, securityProfile: { secureBoot: true, ...more } },
});

Deno.test("policies and manager blame the same fields of random objects", async (t) => {
  await using plane = await startTestPlane({ kinds, admission: { policies, action: "Warn" } });
  for (const kind of RECONCILED) {
    await t.step(kind, async () => {
      const blamed = new Set<string>();
      for (const object of corpus(kind)) {
        const { status, headers } = await plane.client.post(`${pathOf(kind)}?dryRun=All`, object);
        if (status !== 201) continue;
        const expected = managerBlames(object);
        assertEquals(policiesBlame(warningsOf(headers)), expected, JSON.stringify(object.spec));
        for (const field of expected) blamed.add(field);
      }
      assertEquals(fieldsOfPolicy(kind).filter((field) => !blamed.has(field)), [], "rules that no object broke");
    });
  }
});

Deno.test("a refusal is worded as on a cluster, and a deprecated value is only ever warned about", async () => {
  await using plane = await startTestPlane({ kinds, admission: { policies, action: "Deny" } });
  const refused = await plane.client.post(pathOf("VMClass"), secureBoot("BIOS"));
  assertEquals([refused.status, refused.body.reason], [422, "Invalid"]);
  assertEquals(
    refused.body.message,
    `vmclasses.infra.virtrigaud.io "small" is forbidden: ValidatingAdmissionPolicy 'virtrigaud-vmclasses' with binding ` +
      `'virtrigaud-vmclasses' denied request: spec.securityProfile.secureBoot: needs spec.firmware UEFI, is BIOS`,
  );
  const old = await plane.client.post(pathOf("VMClass"), secureBoot("EFI", { tpmVersion: "2" }));
  assertEquals(old.status, 201);
  const [firmware = "", tpm = "", ...rest] = warningsOf(old.headers).toSorted();
  assertMatch(firmware, /'virtrigaud-vmclasses-deprecated': spec\.firmware: EFI is deprecated: say UEFI$/);
  assertMatch(tpm, /spec\.securityProfile\.tpmVersion: "2" is deprecated: say "2\.0"$/);
  assertEquals(rest, []);
});

Deno.test("an object from before the rules can be labelled and deleted; only its spec is looked at again", async () => {
  await using plane = await startTestPlane({ kinds, admission: { policies, action: "Warn" } });
  const path = pathOf("VMClass");
  await plane.client.post(path, secureBoot("BIOS"));
  const merge = async (body: unknown) =>
    warningsOf((await plane.client.patch(`${path}/small`, "merge", body)).headers).length;
  assertEquals(await merge({ metadata: { labels: { a: "b" } } }), 0);
  assertEquals(await merge({ spec: { cpu: 2 } }), 1);
  assertEquals((await plane.client.delete(`${path}/small`)).status, 200);
});

Deno.test("what earlier schemas let through and could never work is accepted, and warned about", async () => {
  await using plane = await startTestPlane({ kinds, admission: { policies, action: "Warn" } });
  const said = async (kind: string, spec: Record<string, unknown>) => {
    const manifest = validManifest(kind);
    const object = { ...manifest, spec: { ...manifest.spec, ...spec } };
    const { status, headers } = await plane.client.post(`${pathOf(kind)}?dryRun=All`, object);
    assertEquals([kind, status], [kind, 201]);
    return policiesBlame(warningsOf(headers));
  };
  assertEquals(await said("VMClone", { source: {} }), ["spec.source"]);
  assertEquals(await said("VMClone", {}), []);
  assertEquals(await said("VMMigration", { storage: { type: "nfs" } }), ["spec.storage.nfs"]);
  assertEquals(await said("VMMigration", { storage: { type: "s3" } }), ["spec.storage.s3"]);
  assertEquals(await said("VMMigration", { storage: { type: "pvc" } }), []);
  for (const cronSpec of ["@dailyXX", "11111", "x".repeat(300)]) {
    assertEquals(await said("VMSnapshot", { schedule: { cronSpec } }), ["spec.schedule.cronSpec"], cronSpec);
  }
  for (const cronSpec of ["@daily", "@every 1h30m", "*/5 8-18 * * MON-FRI"]) {
    assertEquals(await said("VMSnapshot", { schedule: { cronSpec } }), [], cronSpec);
  }
});

Deno.test("a kind that nothing acts on says so when an object of it is made", async () => {
  await using plane = await startTestPlane({ kinds, admission: { policies, action: "Warn" } });
  for (const { kind } of kinds.filter((each) => !RECONCILED.includes(each.kind))) {
    const { status, headers } = await plane.client.post(pathOf(kind), validManifest(kind));
    assertEquals([kind, status], [kind, 201]);
    const idle = policies.some(({ spec }) =>
      spec.validations.some(({ message }) => message.startsWith(`${kind} is kept`))
    );
    assertEquals(warningsOf(headers).some((text) => text.endsWith("but nothing acts on it yet")), idle, kind);
  }
});
