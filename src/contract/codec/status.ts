/**
 * The error taxonomy on the wire: a gRPC code that any client understands, and an exact detail in the trailer
 * `grpc-status-details-bin` that brings back the same error. One table, both directions.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { type ErrorClass, ProviderError } from "../errors.ts";
import type * as wire from "../gen/wire.ts";
import { messageType } from "../service.ts";
import { int64, name, optional, text } from "./codec.ts";
import { message } from "./message.ts";
import { errorClass } from "./requests.ts";

const { status } = grpc;

const codes: Readonly<Record<ErrorClass, grpc.status>> = {
  NotFound: status.NOT_FOUND,
  InvalidSpec: status.INVALID_ARGUMENT,
  Unauthorized: status.UNAUTHENTICATED,
  NotSupported: status.UNIMPLEMENTED,
  Retryable: status.ABORTED,
  Unavailable: status.UNAVAILABLE,
  RateLimit: status.RESOURCE_EXHAUSTED,
  Timeout: status.DEADLINE_EXCEEDED,
  QuotaExceeded: status.RESOURCE_EXHAUSTED,
  Conflict: status.FAILED_PRECONDITION,
};

/** Name of a class's code as gRPC libraries print it (`OK`, `NotFound`), for metrics. */
export const codeName = (errorClass: ErrorClass): string =>
  (status[codes[errorClass]] ?? "Unknown").toLowerCase().replaceAll(
    /(?:^|_)([a-z])/g,
    (_, letter) => letter.toUpperCase(),
  );

/**
 * The class of a code that comes without our detail: from the transport, a proxy, or a provider not built on this SDK.
 * `UNKNOWN`, `INTERNAL` and `DATA_LOSS` prove nothing about the request, so that they may pass: `Retryable`.
 * `CANCELLED` leaves the effect unknown: `Timeout`.
 */
function foreignClass(code: grpc.status): ErrorClass {
  switch (code) {
    case status.NOT_FOUND:
      return "NotFound";
    case status.INVALID_ARGUMENT:
    case status.OUT_OF_RANGE:
      return "InvalidSpec";
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return "Unauthorized";
    case status.UNIMPLEMENTED:
      return "NotSupported";
    case status.UNAVAILABLE:
      return "Unavailable";
    case status.RESOURCE_EXHAUSTED:
      return "RateLimit";
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
      return "Timeout";
    case status.ALREADY_EXISTS:
    case status.FAILED_PRECONDITION:
      return "Conflict";
    default:
      return "Retryable";
  }
}

interface Detail {
  readonly class: ErrorClass;
  readonly reason?: string;
  readonly field?: string;
  readonly retryAfterMs?: number;
}

const detailCodec = message<Detail, wire.ErrorDetail>({
  class: errorClass,
  reason: optional(name(128)),
  field: optional(text()),
  retryAfterMs: optional(int64()),
});

const DETAILS = "grpc-status-details-bin";
const TYPE_URL = "type.googleapis.com/provider.v1.ErrorDetail";
const detailType = messageType("provider.v1.ErrorDetail");
const statusType = messageType("google.rpc.Status");
/** Messages travel in an HTTP/2 header; longer ones make peers reset the stream. */
const MAX_MESSAGE = 4096;

/** Well-formed Unicode of at most `max` characters; half a surrogate pair cannot be put into a header. */
const clip = (value: string, max: number): string =>
  (value.length > max ? `${value.slice(0, max - 1)}…` : value).toWellFormed();

/** The error as gRPC sends it. Total: what is too long for a header is shortened. */
export function toStatus(error: ProviderError): grpc.StatusObject {
  const code = codes[error.class];
  const details = clip(error.message, MAX_MESSAGE);
  const value = detailType.serialize(
    detailCodec.encode({
      class: error.class,
      reason: error.reason ? clip(error.reason, 128) : undefined,
      field: error.field === undefined ? undefined : clip(error.field, 1024),
      retryAfterMs: error.retryAfterMs === undefined ? undefined : Math.max(0, Math.round(error.retryAfterMs)),
    }, "") ?? {},
  );
  const metadata = new grpc.Metadata();
  const envelope = { code, message: details, details: [{ type_url: TYPE_URL, value }] };
  metadata.set(DETAILS, Buffer.from(statusType.serialize(envelope)));
  return { code, details, metadata };
}

function readDetail(metadata: grpc.Metadata | undefined): Detail | undefined {
  const bytes = metadata?.get(DETAILS)[0];
  if (bytes === undefined || typeof bytes === "string") return undefined;
  try {
    const envelope = statusType.deserialize(bytes) as { details?: { type_url?: string; value?: Uint8Array }[] };
    const detail = envelope.details?.find((any) => any.type_url === TYPE_URL)?.value;
    return detail === undefined ? undefined : detailCodec.decode(detailType.deserialize(detail), "");
  } catch {
    // A detail that cannot be read is a detail of somebody else's; the code still says the class.
    return undefined;
  }
}

/** The error of a failed call. Total over every code, with our detail or without. */
export function fromStatus(failure: Partial<grpc.StatusObject>): ProviderError {
  const text = failure.details ?? "";
  const detail = readDetail(failure.metadata);
  if (detail !== undefined) return new ProviderError(detail.class, text, { ...detail, cause: failure });
  const code = failure.code ?? status.UNKNOWN;
  if (code === status.RESOURCE_EXHAUSTED && /larger than max|message exceeds maximum/i.test(text)) {
    return new ProviderError("InvalidSpec", `message is larger than the peer allows: ${text}`, {
      reason: "MessageTooLarge",
      cause: failure,
    });
  }
  const reason = code === status.CANCELLED
    ? "Cancelled"
    : code === status.DEADLINE_EXCEEDED
    ? "DeadlineExceeded"
    : undefined;
  return new ProviderError(foreignClass(code), `${status[code] ?? code}: ${text}`, { reason, cause: failure });
}
