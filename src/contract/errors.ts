/** The one taxonomy of errors between manager and provider. It survives the wire unchanged in both directions. @module */

/**
 * What went wrong, from the caller's point of view.
 *
 * - `NotFound`: the thing provably does not exist. Never used for "could not look".
 * - `InvalidSpec`: the request can never succeed as it is; a user has to change something.
 * - `Unauthorized`: credentials are missing, wrong or not sufficient.
 * - `NotSupported`: this provider, or this hypervisor, cannot do it.
 * - `Retryable`: a passing fault; the same request may succeed later.
 * - `Unavailable`: the provider or its hypervisor cannot be reached.
 * - `RateLimit`: too many requests; see {@linkcode ProviderError.retryAfterMs}.
 * - `Timeout`: no answer in time; whether the request had an effect is unknown.
 * - `QuotaExceeded`: no room: storage, memory, address pool, licence.
 * - `Conflict`: the state of the thing, or another owner, forbids it; see {@linkcode ProviderError.reason}.
 */
export const errorClasses = [
  "NotFound",
  "InvalidSpec",
  "Unauthorized",
  "NotSupported",
  "Retryable",
  "Unavailable",
  "RateLimit",
  "Timeout",
  "QuotaExceeded",
  "Conflict",
] as const;

/** One of {@linkcode errorClasses}. */
export type ErrorClass = typeof errorClasses[number];

/** Reasons within a class that callers act on. Providers may use others for people to read. */
export type KnownReason =
  /** `Conflict`: a VM, volume or folder of that name exists without our mark. */
  | "NameConflict"
  /** `Conflict`: a newer leader was heard of, or its manager has asked since what became of this. */
  | "StaleFence"
  /** `Conflict`: the VM has to be in another power state for this. */
  | "PowerState"
  /** `Conflict`: another task holds the VM. */
  | "Locked"
  /** `NotFound`: the task is not known (any more). */
  | "TaskUnknown"
  /** `NotFound`: an image, template, volume or network that the request names is missing. */
  | "DependencyMissing";

/** Options of {@linkcode ProviderError}. */
export interface ProviderErrorOptions {
  /** Machine-readable reason within the class, UpperCamelCase. */
  readonly reason?: KnownReason | (string & Record<never, never>);
  /** The field of the request that is at fault, as a path (`disks[data].sizeGib`). */
  readonly field?: string;
  /** How long to wait before the next try, milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An error with a class of the taxonomy. The message is for people: what was being done, to what, what to do next. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly class: ErrorClass;
  readonly reason?: string;
  readonly field?: string;
  readonly retryAfterMs?: number;

  constructor(errorClass: ErrorClass, message: string, options: ProviderErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.class = errorClass;
    if (options.reason !== undefined) this.reason = options.reason;
    if (options.field !== undefined) this.field = options.field;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether `error` is a provider error, of class `errorClass` if one is given. */
  static is(error: unknown, errorClass?: ErrorClass): error is ProviderError {
    return error instanceof ProviderError && (errorClass === undefined || error.class === errorClass);
  }
}

/** Whether the same request may succeed later without anybody changing anything. */
export function isRetryable(errorClass: ErrorClass): boolean {
  switch (errorClass) {
    case "Retryable":
    case "Unavailable":
    case "RateLimit":
    case "Timeout":
    case "QuotaExceeded":
    case "Unauthorized":
      return true;
    case "NotFound":
    case "InvalidSpec":
    case "NotSupported":
    case "Conflict":
      return false;
  }
}

/** Whether the class speaks of the way to the hypervisor and not of the request: what a circuit breaker counts. */
export function isInfrastructure(errorClass: ErrorClass): boolean {
  return errorClass === "Unavailable" || errorClass === "Timeout" || errorClass === "Retryable";
}
