import { Buffer } from "node:buffer";
import { assertEquals } from "@virtrigaud/deps";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import { fc } from "@virtrigaud/deps/testing.ts";
import { errorClasses, ProviderError } from "../errors.ts";
import { codeName, fromStatus, toStatus } from "./status.ts";

const { status } = grpc;

Deno.test("every error comes back from its status as it was", () => {
  const details = fc.record({
    reason: fc.string({ minLength: 1, maxLength: 128 }),
    field: fc.string({ maxLength: 1000 }),
    retryAfterMs: fc.maxSafeNat(),
  }, { requiredKeys: [] });
  fc.assert(fc.property(fc.constantFrom(...errorClasses), fc.string(), details, (errorClass, message, options) => {
    const { class: back, message: text, reason, field, retryAfterMs } = fromStatus(
      toStatus(new ProviderError(errorClass, message, options)),
    );
    assertEquals(
      { errorClass: back, text, reason, field, retryAfterMs },
      {
        errorClass,
        text: message,
        reason: options.reason,
        field: options.field,
        retryAfterMs: options.retryAfterMs,
      },
    );
  }));
});

Deno.test("what is too long for a header is shortened and still arrives", () => {
  const error = new ProviderError("Conflict", "x".repeat(100_000), {
    reason: "r".repeat(999),
    field: "f".repeat(9999),
  });
  const back = fromStatus(toStatus(error));
  assertEquals([back.class, back.message.length, back.reason?.length, back.field?.length], [
    "Conflict",
    4096,
    128,
    1024,
  ]);
});

Deno.test("a code without our detail is mapped, whoever sent it", () => {
  const expected: Record<string, string> = {
    CANCELLED: "Timeout/Cancelled",
    UNKNOWN: "Retryable",
    INVALID_ARGUMENT: "InvalidSpec",
    DEADLINE_EXCEEDED: "Timeout/DeadlineExceeded",
    NOT_FOUND: "NotFound",
    ALREADY_EXISTS: "Conflict",
    PERMISSION_DENIED: "Unauthorized",
    RESOURCE_EXHAUSTED: "RateLimit",
    FAILED_PRECONDITION: "Conflict",
    ABORTED: "Retryable",
    OUT_OF_RANGE: "InvalidSpec",
    UNIMPLEMENTED: "NotSupported",
    INTERNAL: "Retryable",
    UNAVAILABLE: "Unavailable",
    DATA_LOSS: "Retryable",
    UNAUTHENTICATED: "Unauthorized",
  };
  const codes = Object.values(status).filter((code) => typeof code === "number" && code !== status.OK) as number[];
  const mapped = Object.fromEntries(codes.map((code) => {
    const error = fromStatus({ code, details: "x", metadata: new grpc.Metadata() });
    return [status[code], error.reason === undefined ? error.class : `${error.class}/${error.reason}`];
  }));
  assertEquals(mapped, expected);
  assertEquals(fromStatus({ code: 99 as grpc.status, details: "x" }).class, "Retryable");
});

Deno.test("details of somebody else, and bytes that are no details, leave the code to speak", () => {
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from("nonsense"));
  assertEquals(fromStatus({ code: status.NOT_FOUND, details: "x", metadata }).class, "NotFound");
});

Deno.test("codes have the names that gRPC libraries print", () => {
  assertEquals(errorClasses.map(codeName), [
    "NotFound",
    "InvalidArgument",
    "Unauthenticated",
    "Unimplemented",
    "Aborted",
    "Unavailable",
    "ResourceExhausted",
    "DeadlineExceeded",
    "ResourceExhausted",
    "FailedPrecondition",
  ]);
});
