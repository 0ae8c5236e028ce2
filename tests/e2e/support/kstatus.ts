/**
 * What GitOps tools and `kubectl` make of an object: the rules of sigs.k8s.io/cli-utils kstatus for objects with
 * conditions, so that a test can tell what they would show.
 *
 * @module
 */
import type { Condition } from "./manifests.ts";
import type { Printed } from "./kubectl.ts";

/** What an object is taken for. */
export type Kstatus = "Current" | "InProgress" | "Failed" | "Terminating";

/** Computes it. */
export function kstatus({ metadata, status }: Printed): Kstatus {
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  const { observedGeneration } = status ?? {};
  if (observedGeneration !== undefined && observedGeneration !== metadata.generation) return "InProgress";
  const is = (type: string) =>
    (status?.conditions ?? []).find((condition: Condition) => condition.type === type)?.status;
  if (is("Reconciling") === "True") return "InProgress";
  if (is("Stalled") === "True") return "Failed";
  const ready = is("Ready");
  // An object that nobody has looked at yet counts as current by the rules; tools wait for the first status.
  return ready === undefined || ready === "True" ? "Current" : "InProgress";
}
