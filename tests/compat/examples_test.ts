import { assert, assertEquals, parseAllYaml } from "@virtrigaud/deps";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { admissionPolicies, kinds, type ProviderType, unsupportedFields } from "@virtrigaud/api";
import { KubeClient, SECRETS, type UntypedObject } from "@virtrigaud/kube";
import { resourceType } from "@virtrigaud/kube";
import { startControlPlane } from "@virtrigaud/standalone";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

function* manifests(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* manifests(path);
    else if (entry.name.endsWith(".yaml")) yield path;
  }
}

function typeOf(kind: string) {
  const definition = kinds.find((candidate) => candidate.kind === kind);
  if (definition !== undefined) return resourceType<UntypedObject>(definition);
  assertEquals(kind, "Secret", "examples hold the product's kinds and Secrets");
  return resourceType<UntypedObject>(SECRETS);
}

Deno.test("every example is taken by the API server as it stands: no field unknown, nothing that a policy refuses", async () => {
  const admission = { policies: admissionPolicies(kinds), action: "Deny" } as const;
  await using plane = await startControlPlane({ dataDir: ":memory:", kinds, admission });
  const client = new KubeClient({ baseUrl: plane.url, caPem: plane.caPem, token: plane.tokens[0]?.token ?? "" });
  try {
    const files = [...manifests(EXAMPLES)];
    assert(files.length >= 2, "there are examples");
    for (const file of files) {
      for (const object of parseAllYaml(await Deno.readTextFile(file)) as UntypedObject[]) {
        const name = { ...object.metadata, namespace: "default" };
        const { plural, group } = typeOf(object.kind ?? "");
        const path = `${group === "" ? "/api/v1" : `/apis/${group}/v1beta1`}/namespaces/default/${plural}`;
        await client.raw("POST", `${path}?dryRun=All&fieldValidation=Strict`, { ...object, metadata: name });
      }
    }
  } finally {
    client.close();
  }
});

Deno.test("no example asks for what its provider does not honour", async () => {
  for (const file of manifests(EXAMPLES)) {
    const objects = parseAllYaml(await Deno.readTextFile(file)) as UntypedObject[];
    const provider = objects.find(({ kind }) => kind === "Provider");
    const type = (provider?.spec as { type?: ProviderType } | undefined)?.type;
    assert(type !== undefined, `${file} has a Provider`);
    for (const object of objects.filter(({ kind }) => kind !== "Secret")) {
      const { kind = "", spec } = object;
      assertEquals(unsupportedFields({ kind, spec }, type), [], file);
    }
  }
});
