/** The order of list elements after a strategic merge. @module */
import { equal, own } from "../json.ts";
import { isObject, type JsonValue } from "../types.ts";

/**
 * Orders `merged`: elements that `wanted` names keep its order among themselves, the others keep that of `before`, and
 * one of the others comes first where `before` had it first.
 *
 * @param key merge key of object elements
 */
export function mergeOrder(
  merged: readonly JsonValue[],
  wanted: readonly JsonValue[],
  before: readonly JsonValue[],
  key: string | undefined,
): JsonValue[] {
  const name = (item: JsonValue): JsonValue => (key !== undefined && isObject(item) ? own(item, key) ?? null : item);
  const place = (order: readonly JsonValue[]) => {
    const names = order.map(name);
    return (item: JsonValue) => names.findIndex((other) => equal(other, name(item)));
  };
  const inWanted = place(wanted);
  const inBefore = place(before);
  const sorted = (items: readonly JsonValue[], at: (item: JsonValue) => number) =>
    [...items].sort((a, b) => at(a) - at(b));
  const named = sorted(merged.filter((item) => inWanted(item) >= 0), inWanted);
  const others = sorted(merged.filter((item) => inWanted(item) < 0), inBefore);
  const result: JsonValue[] = [];
  let i = 0;
  for (const item of named) {
    for (let other = others[i]; other !== undefined; other = others[++i]) {
      const here = inBefore(item);
      if (here < 0 || inBefore(other) >= here) break;
      result.push(other);
    }
    result.push(item);
  }
  return [...result, ...others.slice(i)];
}
