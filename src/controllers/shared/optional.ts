/** Small helpers for objects whose absent fields must stay absent. @module */

/** `{ [key]: value }`, or nothing at all for an absent value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [P in K]?: V };
}
