/** Merging an applied object into the stored one, and taking out what nobody wants any more. @module */
import { clone, define, own } from "../json.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";
import type { FieldSet } from "./field_set.ts";
import { children, isVoid, shapeOf, stepId, typeBelow, type Typed } from "./shape.ts";

/** `live` with everything that `applied` says. */
export function merge(schema: Typed, live: JsonValue | undefined, applied: JsonValue | undefined): JsonValue {
  if (applied === undefined) return clone(live ?? null);
  if (live === undefined) return clone(applied);
  const shape = shapeOf(schema, applied);
  if (shape === "leaf" || shape !== shapeOf(schema, live) || (isVoid(live) && isVoid(applied))) return clone(applied);
  if (shape === "elements") return mergeElements(schema, list(live), list(applied));
  const result: JsonObject = {};
  const ours = isObject(live) ? live : {};
  const theirs = isObject(applied) ? applied : {};
  for (const name of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const type = typeBelow(schema, { kind: "field", name });
    define(result, name, merge(type, own(ours, name), own(theirs, name)));
  }
  return result;
}

const list = (value: JsonValue): JsonValue[] => (Array.isArray(value) ? value : []);

/**
 * Elements that both have are merged. The order is that of `applied`; elements that only `live` has stay where they were
 * between the elements that both have.
 */
function mergeElements(schema: Typed, live: JsonValue[], applied: JsonValue[]): JsonValue[] {
  const ours = children(schema, live).map(([step, item]) => ({ id: stepId(step), item }));
  const theirs = children(schema, applied).map(([step, item]) => ({ id: stepId(step), item }));
  const ourIds = new Map(ours.map(({ id, item }) => [id, item]));
  const theirIds = new Set(theirs.map(({ id }) => id));
  const shared = theirs.filter(({ id }) => ourIds.has(id)).map(({ id }) => id);
  const merged = new Set<string>();
  const result: JsonValue[] = [];
  const take = ({ id, item }: { id: string; item: JsonValue }) => {
    result.push(merge(schema?.items, ourIds.get(id), item));
    merged.add(id);
    if (shared[0] === id) shared.shift();
  };
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const our = ours[i];
    const their = theirs[j];
    if (our && !theirIds.has(our.id)) {
      // Only the stored list has it: it goes before the applied element that is next.
      result.push(clone(our.item));
      i++;
    } else if (our && their && our.id === their.id) {
      take(their);
      i++;
      j++;
    } else if (our && (merged.has(our.id) || (their && shared[0] !== undefined && shared[0] !== our.id))) {
      // It has its place elsewhere in the applied order.
      i++;
    } else if (their) {
      take(their);
      j++;
    } else i++;
  }
  return result;
}

/** What {@linkcode remove} keeps as an empty collection once everything in it is gone. */
export interface Keep {
  /** Collections that somebody owns as such. */
  readonly owned: FieldSet;
  /** The applied object: what it says is there, stays, empty or not. */
  readonly applied: JsonValue | undefined;
}

/**
 * `value` without the members of `set`. A collection that this empties goes too, unless `keep` has it.
 *
 * (A real API server leaves a `null` in its place, which most schemas then refuse.)
 */
export function remove(schema: Typed, value: JsonValue, set: FieldSet, keep: Keep): JsonValue | undefined {
  if (set.isEmpty || shapeOf(schema, value) === "leaf" || isVoid(value)) return value;
  const wanted = new Map(children(schema, keep.applied).map(([step, item]) => [stepId(step), item]));
  const kept: [name: string, value: JsonValue][] = [];
  for (const [step, child] of children(schema, value)) {
    const name = step.kind === "field" ? step.name : "";
    const inner: Keep = { owned: keep.owned.below(step), applied: wanted.get(stepId(step)) };
    const gone = set.has(step);
    const rest = gone ? undefined : remove(typeBelow(schema, step), child, set.below(step), inner);
    if (rest !== undefined) kept.push([name, rest]);
    else if (inner.applied !== undefined || (!gone && keep.owned.has(step))) {
      kept.push([name, Array.isArray(child) ? [] : {}]);
    }
  }
  if (kept.length === 0) return undefined;
  if (Array.isArray(value)) return kept.map(([, item]) => item);
  const result: JsonObject = {};
  for (const [name, item] of kept) define(result, name, item);
  return result;
}
