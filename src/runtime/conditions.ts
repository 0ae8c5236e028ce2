/** Conditions as `kubectl wait` and kstatus read them. @module */

/** One observed aspect of an object. */
export interface ConditionLike {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/**
 * `conditions` with `condition` in place of the one of its type. `lastTransitionTime` moves only when `status` does;
 * the same list comes back when nothing differs, so that it compares equal and no write follows.
 * @param nowMs time of the change, in milliseconds since 1970
 */
export function setCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  condition: Omit<C, "lastTransitionTime">,
  nowMs: number,
): readonly C[] {
  const list = conditions ?? [];
  const present = list.find((candidate) => candidate.type === condition.type);
  const lastTransitionTime = present !== undefined && present.status === condition.status
    ? present.lastTransitionTime
    : rfc3339Seconds(nowMs);
  const next = { ...condition, lastTransitionTime } as C;
  if (present === undefined) return [...list, next];
  const same = present.reason === next.reason && present.message === next.message && present.status === next.status &&
    present.observedGeneration === next.observedGeneration;
  return same ? list : list.map((candidate) => candidate === present ? next : candidate);
}

/** `conditions` without the one of `type`; the same list when there is none. */
export function removeCondition<C extends ConditionLike>(conditions: readonly C[], type: string): readonly C[] {
  return conditions.some((candidate) => candidate.type === type)
    ? conditions.filter((candidate) => candidate.type !== type)
    : conditions;
}

/** The condition of `type`, if it was ever reported. */
export function getCondition<C extends ConditionLike>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((candidate) => candidate.type === type);
}

/** Whether the condition of `type` is there and `True`. */
export function isTrue(conditions: readonly ConditionLike[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/** Time in the form of `metav1.Time`: whole seconds, UTC. */
export function rfc3339Seconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Time in the form of `metav1.MicroTime`: microseconds, UTC. */
export function rfc3339Micros(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
