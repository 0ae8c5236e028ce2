/**
 * Makes `reference_schemas.jsonl` from a folder of CustomResourceDefinitions: one line per kind, without descriptions,
 * so that the compatibility tests run on a clean clone.
 *
 *     deno run -A tests/compat/make_fixture.ts FOLDER
 *
 * @module
 */
import { parseYaml } from "@virtrigaud/deps";
import { type ReferenceKind } from "./reference.ts";

interface Source {
  spec: {
    names: { kind: string; plural: string; shortNames?: string[] };
    versions: { schema: { openAPIV3Schema: Record<string, unknown> } }[];
  };
}

function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): [string, unknown][] => {
      if (key === "description" && typeof value === "string") return [];
      // An enum that is said twice comes out as allOf of twice the same.
      if (key === "allOf") return Object.entries((value as unknown[])[0] as Record<string, unknown>);
      if (key === "properties") {
        return [[key, Object.fromEntries(Object.entries(value).map(([name, child]) => [name, bare(child)]))]];
      }
      return [[key, key === "default" ? value : bare(value)]];
    }),
  );
}

const folder = Deno.args[0];
if (folder === undefined) throw new Error("name the folder that holds the reference CustomResourceDefinitions");
const lines: string[] = [];
for (
  const file of [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".yaml")).sort()
) {
  const { spec } = parseYaml(Deno.readTextFileSync(`${folder}/${file}`)) as Source;
  const { kind, plural, shortNames = [] } = spec.names;
  const [version] = spec.versions;
  if (version === undefined) throw new Error(`${file} has no version`);
  const schema = bare(version.schema.openAPIV3Schema) as ReferenceKind["schema"];
  lines.push(JSON.stringify({ kind, plural, shortNames, schema } satisfies ReferenceKind));
}
Deno.writeTextFileSync(new URL("reference_schemas.jsonl", import.meta.url), lines.join("\n") + "\n");
console.log(`${lines.length} kinds`);
