/** What a failed step means for the next try. Pure. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import type { ErrorClass } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";
import type { Verb } from "./input.ts";

/** A failure as the status keeps it. */
export type Failure = NonNullable<VirtualMachineStatus["failure"]>;

/** An error in the words of the contract, from an answer or from a task. */
export interface StepError {
  readonly class: ErrorClass;
  readonly reason?: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Whether only a change of the wish can help. */
export function isTerminal(errorClass: ErrorClass | string): boolean {
  return errorClass === "InvalidSpec" || errorClass === "NotSupported";
}

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 5 * 60_000;
/** What stands in the way at the hypervisor is not cleared away in seconds. */
const OUTSIDE_RETRY_MS = 60_000;
const OUTSIDE: readonly ErrorClass[] = ["Conflict", "NotFound", "QuotaExceeded"];

/** Delay before try number `attempt + 1`, milliseconds. */
export function retryDelayMs(error: Pick<StepError, "class" | "retryAfterMs">, attempt: number): number {
  const floor = error.retryAfterMs ??
    (isTerminal(error.class) || OUTSIDE.includes(error.class) ? OUTSIDE_RETRY_MS : FIRST_RETRY_MS);
  return Math.min(Math.max(floor, FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 16)), LAST_RETRY_MS);
}

/** The failure to keep after `verb` for `wish` ended with `error`; counts on from the one before it. */
export function failureOf(
  error: StepError,
  verb: Verb,
  wish: string,
  before: Failure | undefined,
  now: number,
): Failure {
  const attempt = (before !== undefined && before.verb === verb && before.wish === wish ? before.attempt : 0) + 1;
  return {
    verb,
    class: error.class,
    ...optional("reason", error.reason),
    message: error.message,
    wish,
    attempt,
    // Nobody can change the wish of a deleted object, so that even a final refusal is tried again, slowly.
    ...(isTerminal(error.class) && verb !== "Delete"
      ? {}
      : { retryAfter: new Date(now + retryDelayMs(error, attempt)).toISOString() }),
  };
}

/** Whether a step may be tried now. */
export type Gate =
  | { readonly type: "Open" }
  /** `waitMs` absent: until the wish changes. */
  | { readonly type: "Closed"; readonly failure: Failure; readonly waitMs?: number };

/** Looks up whether `verb` for `wish` failed before and has to wait. */
export function gateOf(failure: Failure | undefined, verb: Verb, wish: string, now: number): Gate {
  if (failure === undefined || failure.verb !== verb || failure.wish !== wish) return { type: "Open" };
  if (failure.retryAfter === undefined) return { type: "Closed", failure };
  const waitMs = Date.parse(failure.retryAfter) - now;
  return waitMs > 0 ? { type: "Closed", failure, waitMs } : { type: "Open" };
}

/** Reason of the `Ready` condition after an error. */
export function reasonOf(error: { readonly class: string; readonly reason?: string }): string {
  if (error.reason !== undefined && /^[A-Za-z][A-Za-z0-9_]*$/.test(error.reason)) return error.reason;
  switch (error.class) {
    case "Unavailable":
    case "Timeout":
    case "Retryable":
    case "RateLimit":
      return "ProviderError";
    case "NotFound":
      return "DependencyMissing";
    default:
      return error.class;
  }
}
