/** Reading and writing `status.conditions`. @module */
import { type Condition } from "./meta.ts";

/** What a controller says about one aspect; {@linkcode setCondition} adds the times. */
export type ConditionUpdate = Omit<Condition, "lastTransitionTime">;

/** The condition of `type`, if it was ever reported. */
export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of `type` is reported as true. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === "True";
}

/**
 * A new list in which `update` stands in place of the condition of its type. The time of transition moves only when
 * the status does, so that saying the same thing twice gives an equal list and needs no write. `now` is the time of
 * the caller's clock in milliseconds since the epoch; conditions carry whole seconds, as Kubernetes writes them.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  update: ConditionUpdate,
  now: number,
): Condition[] {
  const before = getCondition(conditions, update.type);
  const lastTransitionTime = before !== undefined && before.status === update.status
    ? before.lastTransitionTime
    : new Date(now).toISOString().replace(/\.\d{3}Z$/, "Z");
  const next: Condition = { ...update, lastTransitionTime };
  if (before === undefined) return [...conditions ?? [], next];
  return (conditions ?? []).map((condition) => condition === before ? next : condition);
}

/** A new list without the condition of `type`. */
export function removeCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
