/** `metadata.managedFields`: who owns what. @module */
import { canonical } from "../json.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";
import { FieldSet } from "./field_set.ts";

/** How a manager wrote. */
export type Operation = "Apply" | "Update";

/** One manager and what it owns. */
export interface Manager {
  readonly name: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  /** RFC 3339, whole seconds; absent when the manager has never changed anything. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Update managers that are told apart; beyond it the oldest are put together, as a real API server does. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = "ancient-changes";

/** Identifies a manager. An applier is the same whatever version it applies; an updater is not. */
export const managerId = ({ name, operation, apiVersion, subresource }: Omit<Manager, "time" | "fields">): string =>
  canonical([name, operation, operation === "Apply" ? "" : apiVersion, subresource ?? ""]);

/** The managers of an object, by {@linkcode managerId}. */
export type Managers = ReadonlyMap<string, Manager>;

const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");

/**
 * Reads `metadata.managedFields`.
 *
 * @throws {RequestError} 400 when an entry is malformed
 */
export function decodeManagers(managedFields: JsonValue | undefined): Managers {
  const managers = new Map<string, Manager>();
  for (const entry of Array.isArray(managedFields) ? managedFields : []) {
    if (!isObject(entry) || (entry.operation !== "Apply" && entry.operation !== "Update")) continue;
    const manager: Manager = {
      name: text(entry.manager),
      operation: entry.operation,
      apiVersion: text(entry.apiVersion),
      subresource: text(entry.subresource) || undefined,
      time: text(entry.time) || undefined,
      fields: FieldSet.decode(entry.fieldsV1 ?? {}),
    };
    managers.set(managerId(manager), manager);
  }
  return managers;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const inOrder = (a: Manager, b: Manager): number =>
  compareText(a.operation, b.operation) || compareText(a.time ?? "", b.time ?? "") || compareText(a.name, b.name) ||
  compareText(a.apiVersion, b.apiVersion) || compareText(a.subresource ?? "", b.subresource ?? "");

/** Puts the oldest updaters together until no more than the limit are left. */
function cap(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter(({ operation }) => operation === "Update");
  const excess = updaters.length - MAX_UPDATE_MANAGERS;
  if (excess <= 0) return [...managers];
  const old = new Set(updaters.slice(0, excess + 1));
  const newest = [...old].at(-1);
  const ancient: Manager = {
    name: ANCIENT,
    operation: "Update",
    apiVersion: newest?.apiVersion ?? "",
    subresource: undefined,
    time: newest?.time,
    fields: [...old].reduce((all, { fields }) => all.union(fields), FieldSet.empty),
  };
  return [...managers.filter((manager) => !old.has(manager)), ancient].sort(inOrder);
}

/** Writes `metadata.managedFields`: appliers first, then by time and name; managers of nothing are left out. */
export function encodeManagers(managers: Managers): JsonObject[] {
  const owners = [...managers.values()].filter(({ fields }) => !fields.isEmpty).sort(inOrder);
  return cap(owners).map(({ name, operation, apiVersion, subresource, time, fields }) => ({
    manager: name,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: fields.encode(),
    ...(subresource === undefined ? {} : { subresource }),
  }));
}

/** The name of a manager in the message of a conflict. */
export function printManager({ name, operation, apiVersion, subresource }: Manager): string {
  const who = JSON.stringify(name) +
    (subresource === undefined ? "" : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === "Apply" ? who : `${who} using ${apiVersion}`;
}
