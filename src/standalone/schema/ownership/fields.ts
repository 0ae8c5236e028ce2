/** Which fields an object has, and which differ between two. @module */
import { equal } from "../json.ts";
import type { JsonValue } from "../types.ts";
import { FieldSet } from "./field_set.ts";
import type { Step } from "./path.ts";
import { children, isNamed, isVoid, shapeOf, stepId, typeBelow, type Typed } from "./shape.ts";

/**
 * The paths that applying `value` takes ownership of: leaves, list elements, entries of maps, and empty or `null` fields.
 * A declared field with something in it is not itself owned: whoever owns a part of it keeps it alive.
 */
export function fieldsOf(schema: Typed, value: JsonValue): FieldSet {
  const shape = shapeOf(schema, value);
  return FieldSet.of(
    children(schema, value).map(([step, child]) => {
      const below = typeBelow(schema, step);
      const emptyMap = child !== null && typeof child === "object" && !Array.isArray(child) && isVoid(child);
      const member = shape === "elements" || child === null || emptyMap || !isNamed(schema, step) ||
        shapeOf(below, child) === "leaf";
      return { step, member, below: fieldsOf(below, child) };
    }),
  );
}

/** How a new value differs from an old one. */
export interface Difference {
  readonly added: FieldSet;
  readonly removed: FieldSet;
  readonly modified: FieldSet;
}
type Kind = keyof Difference;

/** Whether the value itself, and what below it, differs. */
interface Compared {
  readonly self: ReadonlySet<Kind>;
  readonly below: Difference;
}
const SAME: Difference = { added: FieldSet.empty, removed: FieldSet.empty, modified: FieldSet.empty };

function compare(schema: Typed, old: JsonValue | undefined, now: JsonValue | undefined): Compared {
  if (old === undefined && now === undefined) return { self: new Set(), below: SAME };
  const before = shapeOf(schema, old);
  const after = shapeOf(schema, now);
  if (old !== undefined && now !== undefined && before !== after) {
    const gone = compare(schema, old, undefined);
    const come = compare(schema, undefined, now);
    return {
      self: before === "leaf" || after === "leaf" ? new Set<Kind>(["modified"]) : new Set(),
      below: union(gone.below, come.below),
    };
  }
  const shape = now === undefined ? before : after;
  const self = new Set<Kind>();
  if (old === undefined) self.add("added");
  else if (now === undefined) self.add("removed");
  if (shape === "leaf" || (isVoid(old) && isVoid(now))) {
    if (self.size === 0 && !equal(old, now)) self.add("modified");
    return { self, below: SAME };
  }
  return { self, below: compareChildren(schema, old, now) };
}

function compareChildren(schema: Typed, old: JsonValue | undefined, now: JsonValue | undefined): Difference {
  const pairs = new Map<string, { step: Step; old?: JsonValue; now?: JsonValue }>();
  for (const [step, value] of children(schema, old)) pairs.set(stepId(step), { step, old: value });
  for (const [step, value] of children(schema, now)) {
    pairs.set(stepId(step), { ...pairs.get(stepId(step)), step, now: value });
  }
  const compared = [...pairs.values()]
    .map((pair) => ({ step: pair.step, ...compare(typeBelow(schema, pair.step), pair.old, pair.now) }));
  const pick = (kind: Kind) =>
    FieldSet.of(compared.map(({ step, self, below }) => ({ step, member: self.has(kind), below: below[kind] })));
  return { added: pick("added"), removed: pick("removed"), modified: pick("modified") };
}

const union = (a: Difference, b: Difference): Difference => ({
  added: a.added.union(b.added),
  removed: a.removed.union(b.removed),
  modified: a.modified.union(b.modified),
});

/** How `now` differs from `old`. */
export const difference = (schema: Typed, old: JsonValue, now: JsonValue): Difference =>
  compareChildren(schema, old, now);

/** `set` with every declared field that has members below it made a member, too. */
export const withParents = (schema: Typed, set: FieldSet): FieldSet =>
  set.promote(schema, (step, at) => isNamed(at, step), (step, at) => typeBelow(at, step));
