/** Events of a Provider: one for each change of state, found by comparing two statuses. Pure. @module */
import type { ProviderStatus } from "@virtrigaud/api";
import { getCondition } from "@virtrigaud/runtime";

/** An event to record on the Provider. */
export interface ProviderEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

const CALM = new Set(["ProviderReady", "Starting", "Connecting", "DeploymentNotReady", "RemoteAvailable"]);

/** What happened between two statuses. */
export function providerEvents(before: ProviderStatus | undefined, after: ProviderStatus): ProviderEvent[] {
  const was = getCondition(before?.conditions, "Ready");
  const is = getCondition(after.conditions, "Ready");
  if (is === undefined || (was?.status === is.status && was.reason === is.reason)) return [];
  return [{ type: CALM.has(is.reason) ? "Normal" : "Warning", reason: is.reason, message: is.message }];
}
