/** What `kubectl explain` says of every field: it reads the OpenAPI document of the server. @module */
import { kinds } from "@virtrigaud/api";
import { assert } from "@virtrigaud/deps";
import type { Send } from "./servers.ts";

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
}

/** What every object has; `kubectl` explains it in the server's own words. */
const COMMON = ["apiVersion", "kind", "metadata"];

/** Every field of the ten kinds by its path, such as `vm.spec.disks.sizeGiB`, with what is said of it. */
export async function explanations(send: Send): Promise<Map<string, string>> {
  const response = await send("/openapi/v3/apis/infra.virtrigaud.io/v1beta1", {});
  const { components } = await response.json();
  const said = new Map<string, string>();
  const visit = (path: string, schema: Schema): void => {
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (!path.includes(".") && COMMON.includes(name)) continue;
      said.set(`${path}.${name}`, field.description ?? "");
      visit(`${path}.${name}`, field);
    }
    if (schema.items !== undefined) visit(path, schema.items);
    if (typeof schema.additionalProperties === "object") visit(path, schema.additionalProperties);
  };
  for (const { kind } of kinds) {
    const schema = components.schemas[`io.virtrigaud.infra.v1beta1.${kind}`];
    assert(schema !== undefined, `the document has no ${kind}: ${Object.keys(components.schemas).join(", ")}`);
    visit(kind, schema);
  }
  return said;
}
