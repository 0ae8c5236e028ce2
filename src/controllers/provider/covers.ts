/** Whether what is there has everything that is wanted. Pure. @module */

/**
 * True when every field of `wanted` is in `live` with the same value; what `live` has beside it (defaults, status,
 * other writers' fields) does not matter. Lists have to be of the same length, entry by entry.
 */
export function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && live.length === wanted.length && wanted.every((value, i) => covers(live[i], value));
  }
  if (typeof wanted === "object" && wanted !== null) {
    if (typeof live !== "object" || live === null || Array.isArray(live)) return false;
    const fields = live as Record<string, unknown>;
    return Object.entries(wanted).every(([key, value]) => value === undefined || covers(fields[key], value));
  }
  return live === wanted;
}
