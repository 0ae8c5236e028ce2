/** Door for the OpenTelemetry API; Deno itself is the SDK (`OTEL_DENO=true`). */
export * as otel from "@opentelemetry/api";
