/** What the manager's metrics tell of its work. @module */
import { until } from "@virtrigaud/resilience";

/** Reconciles so far, and keys that wait or are worked on. */
export interface Work {
  readonly reconciles: number;
  readonly pending: number;
}

const read = async (url: string): Promise<string> =>
  await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();

/** Calls of providers so far, by method. */
export async function callsOf(url: string): Promise<Readonly<Record<string, number>>> {
  const calls: Record<string, number> = {};
  for (const line of (await read(url)).split("\n")) {
    const method = /^virtrigaud_provider_rpc_requests_total\{.*method="(?<method>\w+)"/.exec(line)?.groups?.["method"];
    if (method === undefined) continue;
    calls[method] = (calls[method] ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return calls;
}

/** Reads `/metrics` (controller-runtime's families). */
export async function workOf(url: string): Promise<Work> {
  const text = await read(url);
  const sum = (family: string): number =>
    text.split("\n").filter((line) => line.startsWith(`${family}{`)).reduce(
      (total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)),
      0,
    );
  return {
    reconciles: sum("controller_runtime_reconcile_total"),
    pending: sum("workqueue_depth") + sum("controller_runtime_active_workers"),
  };
}

/** Longer than the three seconds by which the manager lets the counts in a status wait. */
const QUIET_MS = 4_000;

/** Waits until the manager has worked off `reconciles` keys at least and does nothing any more. */
export async function untilIdle(url: string, reconciles: number): Promise<Work> {
  let before: Work | undefined;
  let since = performance.now();
  return await until("the manager to have nothing to do", async () => {
    const now = await workOf(url);
    if (now.pending > 0 || now.reconciles !== before?.reconciles) since = performance.now();
    before = now;
    return performance.now() - since > QUIET_MS && now.reconciles >= reconciles ? now : undefined;
  }, { seen: () => JSON.stringify(before) });
}
