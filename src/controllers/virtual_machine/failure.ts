/** What a failed step means for the next try. Pure. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import type { ErrorClass } from "@virtrigaud/contract";
import { optional } from "../shared/optional.ts";
import type { Verb, VmInput } from "./input.ts";

/** A failure as the status keeps it. */
export type Failure = NonNullable<VirtualMachineStatus["failures"]>[number];
type Failures = VirtualMachineStatus["failures"];

/** An error in the words of the contract, from an answer or from a task. */
export interface StepError {
  readonly class: ErrorClass;
  readonly reason?: string;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Whether only a change of the wish can help. */
export function isTerminal(errorClass: ErrorClass): boolean {
  return errorClass === "InvalidSpec" || errorClass === "NotSupported";
}

/**
 * What may pass by itself and is tried again with the queue's backoff. It is not counted in the status: every count
 * would be a write, and a crowd of VMs on a sick provider would write without end.
 */
export function isPassing(error: StepError): boolean {
  switch (error.class) {
    case "Unavailable":
    case "Timeout":
    case "RateLimit":
    case "Retryable":
    case "Unauthorized":
      return true;
    case "Conflict":
      return error.reason === "Locked";
    case "NotFound":
    case "InvalidSpec":
    case "NotSupported":
    case "QuotaExceeded":
      return false;
  }
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

/** A step that failed, as far as the next try depends on it. */
export interface FailedStep {
  readonly verb: Verb;
  readonly wish: string;
  /** True: not tried again for this wish, whatever the class. */
  readonly final?: boolean;
  /** True: to be tried once more without waiting. */
  readonly atOnce?: boolean;
}

/** `failures` with the one of this step in it; counts on from the one before it. */
export function withFailure(failures: Failures, error: StepError, step: FailedStep, now: number): Failure[] {
  const { verb, wish } = step;
  const before = failures?.find((failure) => failure.verb === verb && failure.wish === wish);
  const attempt = (before?.attempt ?? 0) + 1;
  // Nobody can change the wish of a deleted object, so that even a final refusal is tried again, slowly.
  const final = step.final === true || (isTerminal(error.class) && verb !== "Delete");
  const failure: Failure = {
    verb,
    class: error.class,
    ...optional("reason", error.reason),
    message: error.message,
    wish,
    attempt,
    ...(final ? {} : { retryAfter: new Date(step.atOnce ? now : now + retryDelayMs(error, attempt)).toISOString() }),
  };
  return [...withoutFailure(failures, verb), failure];
}

/** `failures` without those of `verb`. */
export function withoutFailure(failures: Failures, verb: Verb): Failure[] {
  return (failures ?? []).filter((failure) => failure.verb !== verb);
}

/** Whether a step may be tried now. */
export type Gate =
  | { readonly type: "Open" }
  /** `waitMs` absent: until the wish changes. */
  | { readonly type: "Closed"; readonly failure: Failure; readonly waitMs?: number };

/** Looks up whether `verb` for `wish` failed before and has to wait. */
export function gateOf(
  failures: Failures,
  verb: Verb,
  wish: string,
  { now, nameHolder }: Pick<VmInput, "now" | "nameHolder">,
): Gate {
  const failure = failures?.find((candidate) => candidate.verb === verb && candidate.wish === wish);
  if (failure === undefined) return { type: "Open" };
  if (failure.retryAfter === undefined) {
    // Whoever held the name is gone: what stood in the way does no longer.
    if (isNameConflict(failure) && nameHolder === undefined) return { type: "Open" };
    return { type: "Closed", failure };
  }
  const waitMs = Date.parse(failure.retryAfter) - now;
  return waitMs > 0 ? { type: "Closed", failure, waitMs } : { type: "Open" };
}

/** Whether the step was refused because somebody else has the name. */
export function isNameConflict(error: { readonly class: string; readonly reason?: string }): boolean {
  return error.class === "Conflict" && error.reason === "NameConflict";
}

/** Reason of the `Ready` condition after an error. */
export function reasonOf(error: { readonly class: string; readonly reason?: string }): string {
  if (error.reason !== undefined && /^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(error.reason)) return error.reason;
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
