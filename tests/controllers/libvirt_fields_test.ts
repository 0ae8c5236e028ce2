import { assertEquals } from "@virtrigaud/deps";
import { kindNamed, supportOf, unsupportedFields } from "@virtrigaud/api";
import { fieldsOf, isWithin } from "../../src/api/fields.ts";
import type { JsonSchema } from "../../src/api/schema.ts";
import { MACHINE_KINDS, type MachineKind, shown, shownElsewhere } from "./libvirt/fields.ts";
import { specFor } from "./libvirt/wish.ts";
import { hasTest } from "../structure/test_names.ts";

/** Fields below `spec` that hold a value themselves. */
function leavesOf(kind: MachineKind): { readonly path: string; readonly schema: JsonSchema }[] {
  const fields = [...fieldsOf(kindNamed(kind).schema)].filter(({ path }) => path.startsWith("spec."));
  return fields.filter((field) => !fields.some((other) => other !== field && isWithin(other.path, field.path)));
}

const isManagers = (kind: MachineKind, path: string): boolean =>
  kindNamed(kind).support.manager.some((prefix) => isWithin(path, prefix));

for (const kind of MACHINE_KINDS) {
  Deno.test(`${kind}: every field that the libvirt provider honours is shown to be honoured`, () => {
    const here = shown[kind].flatMap(({ shows }) => Object.keys(shows));
    const elsewhere = Object.keys(shownElsewhere[kind]);
    const honoured = leavesOf(kind).map(({ path }) => path)
      .filter((path) => supportOf(kindNamed(kind), "libvirt", path) === "honoured" && !isManagers(kind, path));
    // Field by field: what stands for everything below it would stand for fields to come as well.
    const proven = [...here, ...elsewhere];
    assertEquals(honoured.filter((path) => !proven.includes(path)), [], "show it on the host, in libvirt/fields.ts");
    assertEquals(proven.filter((path) => !honoured.includes(path)), [], "shown, but not honoured by the support table");
    assertEquals(proven.filter((path, index) => proven.indexOf(path) !== index), [], "shown twice");
  });

  Deno.test(`${kind}: every other field is refused by its path, or passed over because it asks for nothing`, () => {
    for (const { path, schema } of leavesOf(kind)) {
      const support = supportOf(kindNamed(kind), "libvirt", path);
      const refused = unsupportedFields({ kind, spec: specWith(path, otherThanDefault(schema)) }, "libvirt");
      const named = refused.map((at) => at.replace(/\[[^\]]*\]/g, "[]"));
      assertEquals(named.includes(path), support === "planned" || support === "refused", `${path} is ${support}`);
    }
  });
}

Deno.test("the tests that show the other fields are there", () => {
  const named = MACHINE_KINDS.flatMap((kind) => Object.values(shownElsewhere[kind]));
  assertEquals(named.filter(([file, name]) => !hasTest(file, name)), []);
});

Deno.test("each case is a wish that the manager passes on", () => {
  for (const kind of MACHINE_KINDS) for (const each of shown[kind]) assertEquals(specFor("vm", each).name, "vm");
});

/** A value that the field may have and that is not its default. */
function otherThanDefault(schema: JsonSchema): unknown {
  if (schema.enum !== undefined) return schema.enum.find((value) => value !== schema.default);
  switch (schema.type) {
    case "boolean":
      return schema.default !== true;
    case "integer":
    case "number":
      return (schema.minimum ?? 1) === schema.default ? (schema.minimum ?? 1) + 1 : schema.minimum ?? 1;
    case "array":
      return ["x"];
    case "object":
      return { x: "y" };
    default:
      return "777";
  }
}

/** A `spec` in which only the field at `path` is set. */
function specWith(path: string, value: unknown): unknown {
  const [first = "", ...rest] = path.replace(/^spec\./, "").split(".");
  const inner = rest.length === 0 ? value : specWith(rest.join("."), value);
  if (first.endsWith("[]")) {
    const entry = typeof inner === "object" && inner !== null ? { name: "x", ...inner } : inner;
    return { [first.slice(0, -2)]: [entry] };
  }
  return { [first]: inner };
}
