/** One error type for everything that can go wrong between a caller and the API server. @module */

/** `Status` object that the API server answers a failed request with, and sends as a watch `ERROR` event. */
export interface KubeStatus {
  kind?: string;
  status?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
}

/** Details of a {@linkcode KubeError}. */
export interface KubeErrorInit {
  /** HTTP status, or 0 when no answer came. */
  readonly code: number;
  /** Reason of the API server (`NotFound`, `Conflict`, ...), or one of the client's own: see {@linkcode KubeError}. */
  readonly reason: string;
  readonly retryAfterSeconds?: number;
  readonly details?: KubeStatus["details"];
  readonly cause?: unknown;
}

/**
 * A request that failed. Besides the API server's reasons there are three of the client itself, with code 0:
 * `ConnectionFailed` (no answer came, or the answer broke off), `DeadlineExceeded` and `InvalidResponse`.
 */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: number;
  readonly reason: string;
  /** How long the server asks to wait, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  readonly details: KubeStatus["details"];

  constructor(message: string, init: KubeErrorInit) {
    super(message, { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.retryAfterSeconds = init.retryAfterSeconds;
    this.details = init.details;
  }

  /** From the server's answer. `doing` says what was being done to which object. */
  static fromStatus(doing: string, status: KubeStatus, retryAfterSeconds?: number): KubeError {
    const code = status.code ?? 0;
    const reason = status.reason || reasonOf(code);
    return new KubeError(`${doing}: ${code} ${reason}: ${status.message ?? "no message"}`, {
      code,
      reason,
      retryAfterSeconds: retryAfterSeconds ?? status.details?.retryAfterSeconds,
      details: status.details,
    });
  }
}

function reasonOf(code: number): string {
  switch (code) {
    case 400:
      return "BadRequest";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "NotFound";
    case 409:
      return "Conflict";
    case 410:
      return "Expired";
    case 422:
      return "Invalid";
    case 429:
      return "TooManyRequests";
    case 503:
      return "ServiceUnavailable";
    case 504:
      return "Timeout";
    default:
      return code >= 500 ? "InternalError" : "Unknown";
  }
}

const is = (error: unknown, test: (error: KubeError) => boolean): error is KubeError =>
  error instanceof KubeError && test(error);

/** The object (or its kind) is not there. */
export const isNotFound = (error: unknown): boolean => is(error, (e) => e.code === 404);
/** The object changed since it was read; read it again. An object that exists already is not a conflict. */
export const isConflict = (error: unknown): boolean => is(error, (e) => e.code === 409 && e.reason !== "AlreadyExists");
/** An object of that name is there already. */
export const isAlreadyExists = (error: unknown): boolean =>
  is(error, (e) => e.code === 409 && e.reason === "AlreadyExists");
/** The resource version or page token is too old: list again. */
export const isGone = (error: unknown): boolean =>
  is(error, (e) => e.code === 410 || e.reason === "Expired" || e.reason === "Gone");
/** The server asks to slow down. */
export const isTooManyRequests = (error: unknown): boolean => is(error, (e) => e.code === 429);
/** The object breaks a rule of its schema. */
export const isInvalid = (error: unknown): boolean => is(error, (e) => e.code === 422);
/** The credentials may not do this. */
export const isForbidden = (error: unknown): boolean => is(error, (e) => e.code === 403);
/** The server does not know the credentials. */
export const isUnauthorized = (error: unknown): boolean => is(error, (e) => e.code === 401);
/** The deadline passed before an answer came. The request may have been carried out. */
export const isDeadlineExceeded = (error: unknown): boolean => is(error, (e) => e.reason === "DeadlineExceeded");
/** No answer came, or it broke off. The request may have been carried out. */
export const isConnectionFailed = (error: unknown): boolean => is(error, (e) => e.reason === "ConnectionFailed");
