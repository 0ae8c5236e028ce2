/** Server-side printing: objects as rows of a `meta.k8s.io/v1` Table. @module */
import type { Json, JsonObject } from "../storage/mod.ts";
import { child, text } from "./json.ts";
import { compileJsonPath } from "./jsonpath.ts";
import type { Column, Resource } from "./resource.ts";

/** What each row carries beside its cells (`includeObject` parameter). */
export type IncludeObject = "None" | "Metadata" | "Object";

/** Prints the objects of one resource. */
export interface TablePrinter {
  readonly definitions: Json[];
  row(object: JsonObject, include: IncludeObject, now: number): JsonObject;
}

const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique among those of its kind in its namespace.",
};
const AGE: Column = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  cell: (object, now) => age(text(child(object, "metadata"), "creationTimestamp"), now),
};

/** Makes the printer of `resource`. The name comes first unless the kind places it; without columns there is an age. */
export function tablePrinter(resource: Resource): TablePrinter {
  const own = resource.columns.length === 0 ? [AGE] : resource.columns;
  const columns = own.some(({ name }) => name === "Name") ? own : [NAME, ...own];
  const cells = columns.map(cellOf);
  return {
    definitions: columns.map(({ name, type, format = "", description, jsonPath, priority = 0 }) => ({
      name,
      type,
      format,
      description: description ??
        (resource.custom ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : ""),
      priority,
    })),
    row: (object, include, now) => ({
      cells: cells.map((cell) => cell(object, now)),
      ...(include === "None" ? {} : { object: include === "Object" ? object : partialMetadata(object) }),
    }),
  };
}

/** A Table around `rows`; `metadata` is that of the list. */
export function table(definitions: readonly Json[], rows: Json[], metadata: JsonObject): JsonObject {
  return { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata, columnDefinitions: [...definitions], rows };
}

/** The `PartialObjectMetadata` view of an object. */
export function partialMetadata(object: JsonObject): JsonObject {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata ?? {} };
}

function cellOf(column: Column): (object: JsonObject, now: number) => Json {
  if (column === NAME) return (object) => text(child(object, "metadata"), "name");
  if (column.cell !== undefined) return column.cell;
  const path = compileJsonPath(column.jsonPath ?? "");
  return (object, now) => {
    const value = path(object);
    if (value === undefined || value === null) return null;
    if (column.type === "date") return age(String(value), now);
    if (column.type === "integer" || column.type === "number") return typeof value === "number" ? value : null;
    if (column.type === "boolean") return typeof value === "boolean" ? value : null;
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
}

const UNITS: readonly [seconds: number, name: string][] = [[86_400, "d"], [3_600, "h"], [60, "m"], [1, "s"]];

/**
 * A duration as `kubectl` prints it: two units while the first is small (`4m32s`, `3h7m`, `2d4h`), one after that
 * (`12m`, `10h`, `9d`), `2y40d` beyond two years.
 */
export function age(since: string, now: number): string {
  const start = Date.parse(since);
  if (Number.isNaN(start)) return "<unknown>";
  const seconds = Math.floor((now - start) / 1000);
  if (seconds < 0) return seconds >= -2 ? "0s" : "<invalid>";
  if (seconds < 120) return `${seconds}s`;
  const days = Math.floor(seconds / 86_400);
  if (days >= 730) {
    const years = Math.floor(days / 365);
    return years < 8 && days % 365 !== 0 ? `${years}y${days % 365}d` : `${years}y`;
  }
  const index = UNITS.findIndex(([unit]) => seconds >= unit * (unit === 86_400 ? 2 : unit === 3_600 ? 3 : 2));
  const [unit, name] = UNITS[index] ?? [1, "s"];
  const count = Math.floor(seconds / unit);
  const [lower, lowerName] = UNITS[index + 1] ?? [1, "s"];
  const rest = Math.floor((seconds - count * unit) / lower);
  return count < (name === "m" ? 10 : 8) && rest > 0 ? `${count}${name}${rest}${lowerName}` : `${count}${name}`;
}
