/** The field reference: one page per kind, from schemas and support tables. @module */
import {
  type Field,
  fieldsOf,
  type JsonSchema,
  type KindDefinition,
  kinds,
  type Support,
  supportOf,
} from "@virtrigaud/api";
import { admissionPage } from "./admission.ts";
import { type GeneratedFile, type Generator } from "./generator.ts";
import { cell, code, head, NOTICE, row } from "./markdown.ts";

const FOLDER = "docs/reference";
const PROVIDERS = ["mock", "libvirt", "vsphere", "proxmox"] as const;
const MARK: Readonly<Record<Support, string>> = {
  honoured: "yes",
  descriptive: "info",
  foreign: "–",
  planned: "planned",
  refused: "no",
};

function typeOf(schema: JsonSchema): string {
  if (schema["x-kubernetes-int-or-string"]) return schema.pattern === undefined ? "integer or string" : "quantity";
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.additionalProperties !== undefined) return `map to ${typeOf(schema.additionalProperties)}`;
  return schema.format === "date-time" ? "time" : schema.type ?? "any";
}

function limitsOf(schema: JsonSchema): string {
  const limits: string[] = [];
  if (schema.enum !== undefined) limits.push(schema.enum.map((value) => code(String(value))).join(", "));
  if (schema.minimum !== undefined || schema.maximum !== undefined) {
    limits.push(`${schema.minimum ?? "…"} to ${schema.maximum ?? "…"}`);
  }
  if (schema.minLength !== undefined) limits.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength !== undefined) limits.push(`at most ${schema.maxLength} characters`);
  if (schema.minItems !== undefined) limits.push(`at least ${schema.minItems} entries`);
  if (schema.maxItems !== undefined) limits.push(`at most ${schema.maxItems} entries`);
  if (schema.maxProperties !== undefined) limits.push(`at most ${schema.maxProperties} keys`);
  const key = schema["x-kubernetes-list-map-keys"]?.[0];
  if (key !== undefined) limits.push(`one entry per ${code(key)}`);
  for (const { message } of schema["x-kubernetes-validations"] ?? []) limits.push(cell(message));
  return limits.join("; ");
}

const name = (field: Field): string => `${code(field.path)}${field.required ? " **required**" : ""}`;
const preset = (schema: JsonSchema): string => schema.default === undefined ? "" : code(JSON.stringify(schema.default));

function specTable(kind: KindDefinition): string {
  const spec = kind.schema.properties?.["spec"] ?? {};
  const rows = [...fieldsOf(spec, "spec")].map((field) => {
    const leaf = field.schema.properties === undefined && field.schema.items?.properties === undefined;
    const support = PROVIDERS.map((type) => leaf ? MARK[supportOf(kind, type, field.path)] : "");
    const { schema } = field;
    return row(
      name(field),
      typeOf(schema),
      preset(schema),
      limitsOf(schema),
      cell(schema.description ?? ""),
      ...support,
    );
  });
  return head("Field", "Type", "Default", "Limits", "Meaning", ...PROVIDERS) + rows.join("");
}

function statusTable(kind: KindDefinition): string {
  const status = kind.schema.properties?.["status"] ?? {};
  const rows = [...fieldsOf(status, "status")].map((field) =>
    row(code(field.path), typeOf(field.schema), limitsOf(field.schema), cell(field.schema.description ?? ""))
  );
  return head("Field", "Type", "Limits", "Meaning") + rows.join("");
}

function page(kind: KindDefinition): GeneratedFile {
  const shortNames = kind.shortNames.map(code).join(", ");
  const rules = kind.schema.properties?.["spec"]?.["x-kubernetes-validations"] ?? [];
  const text = `${NOTICE}# ${kind.kind}

${kind.description}

${code(`${kind.group}/${kind.version}`)}, namespaced, plural ${code(kind.plural)}, short ${shortNames}, category ${
    code("virtrigaud")
  }.

## spec

${specTable(kind)}
${
    rules.length === 0
      ? ""
      : `Rules over the whole spec:\n\n${rules.map(({ message }) => `- ${message}\n`).join("")}\n`
  }## status

${statusTable(kind)}
## Columns of \`kubectl get\`

${head("Column", "Source", "Shown")}${
    kind.printerColumns.map((column) =>
      row(column.name, code(column.jsonPath), column.priority === 1 ? "with `-o wide`" : "always")
    ).join("")
  }`;
  return { path: `${FOLDER}/${kind.kind.toLowerCase()}.md`, text };
}

function index(): GeneratedFile {
  const text = `${NOTICE}# Field reference

${head("Kind", "What it is")}${
    kinds.map((kind) => row(`[${kind.kind}](${kind.kind.toLowerCase()}.md)`, cell(kind.description))).join("")
  }
The last columns of each spec table say what a provider does with a field:

- **yes**: it is honoured.
- **no**, **planned**: setting it to something else than its default is answered by a condition that names the
  provider and the field; planned fields are to be honoured by a later version.
- **info**: it is for people; nothing is to be done.
- **–**: it is meant for another kind of hypervisor and is passed over.

[What the API server refuses](admission.md) and where that differs from earlier implementations of these kinds.
`;
  return { path: `${FOLDER}/README.md`, text };
}

/** One page per kind, an index, and the page about admission. */
export const reference: Generator = {
  name: "field reference",
  owns: [FOLDER],
  files: () => [index(), admissionPage(FOLDER), ...kinds.map(page)],
};
