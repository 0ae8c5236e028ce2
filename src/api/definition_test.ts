import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { customResourceDefinition } from "./crd.ts";
import { fieldsOf } from "./fields.ts";
import { kindNamed, kinds } from "./kinds.ts";
import { type JsonSchema } from "./schema.ts";

/** Every schema below and including `schema`, with its path. */
function* every(schema: JsonSchema, path: string): Generator<{ path: string; schema: JsonSchema }> {
  yield { path, schema };
  for (const [name, child] of Object.entries(schema.properties ?? {})) yield* every(child, `${path}.${name}`);
  if (schema.items !== undefined) yield* every(schema.items, `${path}[]`);
  if (schema.additionalProperties !== undefined) yield* every(schema.additionalProperties, `${path}{}`);
}

const metadata = /^\.metadata(\.|$)/;
const toField = (jsonPath: string): string =>
  jsonPath.replace(/^\./, "").replace(/\[[^\]]*\](?=\.|$)/g, "[]").replace(/\[\]$/, "");

for (const kind of kinds) {
  const paths = new Set([...fieldsOf(kind.schema)].map(({ path }) => path));

  Deno.test(`${kind.kind}: every field has a sentence for kubectl explain`, () => {
    const silent = [...every(kind.schema, "")]
      .filter(({ path }) => !metadata.test(path) && !path.endsWith("{}"))
      .filter(({ schema }) => !/^[A-Z].*[.]$/s.test(schema.description ?? ""));
    assertEquals(silent.map(({ path }) => path), []);
  });

  Deno.test(`${kind.kind}: columns and scale paths lead to fields that exist`, () => {
    const columns = kind.printerColumns.map(({ jsonPath }) => jsonPath).filter((path) => !metadata.test(path));
    const { specReplicasPath, statusReplicasPath, labelSelectorPath } = kind.subresources.scale ?? {};
    const all = [...columns, specReplicasPath, statusReplicasPath, labelSelectorPath].filter((path) =>
      path !== undefined
    );
    assertEquals(all.filter((path) => !paths.has(toField(path))), []);
  });

  Deno.test(`${kind.kind}: the structural rules of the API server are kept`, () => {
    const broken = [...every(kind.schema, "")].flatMap(({ path, schema }) => {
      const faults: string[] = [];
      if (schema.type === undefined && !schema["x-kubernetes-int-or-string"]) faults.push("has no type");
      if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
        faults.push("is object and map");
      }
      if (schema.type === "array" && schema.items === undefined) faults.push("has no items");
      for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
        if (!schema.items?.required?.includes(key)) faults.push(`key ${key} is not required`);
      }
      const values = schema.enum;
      if (values !== undefined && schema.default !== undefined && !values.includes(schema.default)) {
        faults.push("default is not in the enum");
      }
      return faults.map((fault) => `${path} ${fault}`);
    });
    assertEquals(broken, []);
  });

  Deno.test(`${kind.kind}: status has conditions by type and requires nothing`, () => {
    const status = kind.schema.properties?.["status"];
    assertEquals(status?.properties?.["conditions"]?.["x-kubernetes-list-map-keys"], ["type"]);
    assertEquals(status?.properties?.["observedGeneration"]?.type, "integer");
    assertEquals(status?.required, undefined);
    const keyed = [...every(status ?? {}, "status")].filter(({ schema }) => schema["x-kubernetes-list-type"] === "map");
    assertEquals(keyed.map(({ path }) => path), ["status.conditions"], "a double entry must not lose a status write");
  });
}

Deno.test("the definition carries names, category, columns and subresources", () => {
  const { metadata, spec } = customResourceDefinition(kindNamed("VMSet"));
  assertEquals(metadata.name, "vmsets.infra.virtrigaud.io");
  assertEquals(spec.names.categories, ["virtrigaud"]);
  assertEquals(spec.versions[0]?.subresources, {
    status: {},
    scale: {
      specReplicasPath: ".spec.replicas",
      statusReplicasPath: ".status.replicas",
      labelSelectorPath: ".status.selector",
    },
  });
  assertEquals(customResourceDefinition(kindNamed("VirtualMachine")).spec.versions[0]?.subresources, { status: {} });
});

Deno.test("a kind that does not exist is refused with the ones that do", () => {
  const error = assertThrows(() => kindNamed("Pod"), RangeError, 'no kind "Pod"');
  assertStringIncludes(error.message, "VirtualMachine");
});

Deno.test("a second version is served beside the stored one, and refused when it would lose fields", () => {
  const set = kindNamed("VMSet");
  const { schema, printerColumns } = set;
  const { spec } = customResourceDefinition(set, [
    { name: "v1alpha1", schema, printerColumns, deprecationWarning: "use v1beta1" },
  ]);
  assertEquals(spec.conversion, { strategy: "None" });
  assertEquals(spec.versions.map(({ name, storage, deprecated }) => [name, storage, deprecated]), [
    ["v1beta1", true, undefined],
    ["v1alpha1", false, true],
  ]);
  assertEquals(spec.versions.every(({ subresources }) => subresources.scale !== undefined), true);
  const { spec: wanted, ...rest } = schema.properties ?? {};
  const { replicas: _, ...fewer } = wanted?.properties ?? {};
  const poorer = { ...schema, properties: { ...rest, spec: { ...wanted, properties: fewer } } };
  const error = assertThrows(() => customResourceDefinition(set, [{ name: "v2", schema: poorer, printerColumns }]));
  assertStringIncludes(String(error), "do not both have spec.replicas");
});
