/** The JSONPath dialect of printer columns (`.spec.a`, `['b']`, `[0]`, `[*]`, `[?(@.type=="Ready")].status`). @module */
import type { Json, JsonObject } from "../storage/mod.ts";
import { at, objectOf } from "./json.ts";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: string; readonly op: string; readonly value: Json };

const TOKEN =
  /\.((?:[\w$-]|\\\.)+(?:\/[\w-]+)?)|\[['"]([^'"]*)['"]\]|\[(-?\d+)\]|(\[\*\]|\.\*)|\[\?\(\s*@\.([\w.-]+)\s*(==|!=|<=|>=|<|>)\s*("[^"]*"|'[^']*'|-?[\d.]+|true|false)\s*\)\]/gy;

/**
 * Compiles a path once; the result yields the first match in an object, or `undefined`.
 *
 * @throws {Error} naming the part that cannot be read.
 */
export function compileJsonPath(path: string): (object: JsonObject) => Json | undefined {
  const steps: Step[] = [];
  const source = path.startsWith(".") || path.startsWith("[") ? path : `.${path}`;
  let end = 0;
  for (const m of source.matchAll(TOKEN)) {
    const [whole, field, quoted, index, all, filterPath, op = "==", literal = '""'] = m;
    end = (m.index ?? 0) + whole.length;
    const name = field?.replaceAll("\\.", ".") ?? quoted;
    if (name !== undefined) steps.push({ kind: "field", name });
    else if (index !== undefined) steps.push({ kind: "index", index: Number(index) });
    else if (all !== undefined) steps.push({ kind: "all" });
    else steps.push({ kind: "filter", path: filterPath ?? "", op, value: JSON.parse(literal.replaceAll("'", '"')) });
  }
  if (end !== source.length) throw new Error(`reading JSONPath "${path}": "${source.slice(end)}" is not understood`);
  return (object) => steps.reduce<Json[]>((found, step) => found.flatMap((value) => take(value, step)), [object])[0];
}

function take(value: Json, step: Step): Json[] {
  switch (step.kind) {
    case "field": {
      const next = objectOf(value)?.[step.name];
      return next === undefined ? [] : [next];
    }
    case "index": {
      const next = Array.isArray(value) ? value.at(step.index) : undefined;
      return next === undefined ? [] : [next];
    }
    case "all":
      return Array.isArray(value) ? value : Object.values(objectOf(value) ?? {});
    case "filter":
      return Array.isArray(value) ? value.filter((item) => holds(item, step)) : [];
  }
}

function holds(item: Json, { path, op, value }: Extract<Step, { kind: "filter" }>): boolean {
  const object = objectOf(item);
  const found = object === undefined ? undefined : at(object, path);
  if (op === "==") return found === value;
  if (op === "!=") return found !== value;
  if (typeof found !== typeof value || found === undefined || found === null || value === null) return false;
  if (op === "<") return found < value;
  if (op === ">") return found > value;
  return op === "<=" ? found <= value : found >= value;
}
