/** How the server writes time. @module */

/** RFC 3339 with seconds, the precision of `metav1.Time`; `ms` since 1970. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
