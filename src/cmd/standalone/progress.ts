/** Tells a person how an object gets ready: one line for each change that matters. @module */
import type { Condition } from "@virtrigaud/api";
import type { KubeObject } from "@virtrigaud/kube";
import { getCondition } from "@virtrigaud/runtime";

/** An object with conditions. */
export interface Watched extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly powerState?: string;
    readonly ips?: readonly string[];
  };
}

/** How far an object is. */
export type Progress =
  | { readonly type: "Waiting"; readonly line: string }
  | { readonly type: "Ready"; readonly line: string }
  /** Nothing goes on until somebody acts. */
  | { readonly type: "Stalled"; readonly line: string };

/** What there is to say about `object` now. A VM that is to run counts as ready once it has an address. */
export function progressOf(object: Watched, options: { readonly needsAddress: boolean }): Progress {
  const { conditions = [], powerState, ips = [] } = object.status ?? {};
  const ready = getCondition(conditions, "Ready");
  const stalled = getCondition(conditions, "Stalled");
  const facts = [powerState, ...ips].filter((fact) => fact !== undefined).join("  ");
  if (ready === undefined) return { type: "Waiting", line: "waits to be looked at" };
  if (stalled?.status === "True") return { type: "Stalled", line: `${ready.reason}: ${ready.message}` };
  if (ready.status !== "True") return { type: "Waiting", line: `${ready.reason}: ${ready.message}` };
  if (options.needsAddress && ips.length === 0) {
    return { type: "Waiting", line: `runs, its address is awaited  ${facts}` };
  }
  return { type: "Ready", line: `Ready  ${facts}`.trimEnd() };
}
