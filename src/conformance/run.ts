/** Runs conformance cases against an endpoint. @module */
import { stripVTControlCharacters } from "node:util";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import type { Capabilities, Provider } from "@virtrigaud/contract";
import type { ConformanceCase } from "./case.ts";
import { conformanceCases } from "./cases/mod.ts";
import type { ConformanceProfile } from "./profile.ts";
import { type RunState, Subject } from "./subject.ts";

/** How one case ended. */
export interface CaseResult {
  readonly name: string;
  readonly promise: string;
  readonly outcome: "Passed" | "Failed" | "Skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly error?: unknown;
  readonly durationMs: number;
}

/** Options of {@linkcode runConformance}. */
export interface ConformanceOptions {
  readonly signal?: AbortSignal;
  /** Names of cases, or of groups with a slash at the end (`create/`). Default: all. */
  readonly only?: readonly string[];
  /** Called after each case. */
  readonly report?: (result: CaseResult) => void;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

/** The provider, its profile and its capabilities: what every case of a run shares. */
export interface ConformanceRun {
  readonly provider: Provider;
  readonly profile: ConformanceProfile;
  readonly capabilities: Capabilities;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly state: RunState;
}

/** Asks the provider what it can do and gets ready. */
export async function beginConformance(
  provider: Provider,
  profile: ConformanceProfile,
  options: Pick<ConformanceOptions, "clock" | "signal"> = {},
): Promise<ConformanceRun> {
  const { clock = systemClock, signal = new AbortController().signal } = options;
  const capabilities = await provider.getCapabilities({ signal, requestId: crypto.randomUUID() });
  return { provider, profile, capabilities, clock, signal, state: { fence: profile.fence ?? 1 } };
}

/** Runs one case and cleans up after it. A failure to clean up is a failure of the case. */
export async function runCase(
  run: ConformanceRun,
  { name, promise, skip, run: body }: ConformanceCase,
): Promise<CaseResult> {
  const reason = skip?.(run.profile, run.capabilities);
  if (reason !== undefined) return { name, promise, outcome: "Skipped", reason, durationMs: 0 };
  const start = run.clock.monotonic();
  const late = new AbortController();
  const subject = new Subject({ ...run, signal: AbortSignal.any([run.signal, late.signal]) });
  const { caseMs } = subject.timeouts;
  const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
  const cancel = run.clock.setTimeout(() => {
    giveUp(new Error(`the case did not come to an end within ${caseMs} ms: a call does not answer`));
    late.abort();
  }, caseMs);
  let failure: { error: unknown } | undefined;
  try {
    await Promise.race([body(subject), givenUp]);
  } catch (error) {
    failure = { error };
  } finally {
    cancel();
  }
  try {
    await subject.cleanUp();
  } catch (error) {
    failure ??= { error };
  }
  const durationMs = run.clock.monotonic() - start;
  if (failure === undefined) return { name, promise, outcome: "Passed", durationMs };
  const { error } = failure;
  return {
    name,
    promise,
    outcome: "Failed",
    reason: plain(error),
    error,
    durationMs,
  };
}

/** Runs the suite, one case after the other. Stops early, without further results, when `signal` aborts. */
export async function runConformance(
  provider: Provider,
  profile: ConformanceProfile,
  options: ConformanceOptions = {},
): Promise<CaseResult[]> {
  const run = await beginConformance(provider, profile, options);
  const results: CaseResult[] = [];
  for (const one of conformanceCases()) {
    if (run.signal.aborted) break;
    if (options.only !== undefined && !options.only.some((name) => selects(name, one.name))) continue;
    const result = await runCase(run, one);
    results.push(result);
    options.report?.(result);
  }
  return results;
}

function selects(wanted: string, name: string): boolean {
  return wanted.endsWith("/") ? name.startsWith(wanted) : name === wanted;
}

/** The message, without the colours that assertions give it. */
function plain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return stripVTControlCharacters(text).trim();
}
