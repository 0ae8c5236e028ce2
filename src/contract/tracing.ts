/** Spans around calls and the W3C trace context in gRPC metadata. Deno itself is the SDK (`OTEL_DENO=true`). @module */
import type { grpc } from "@virtrigaud/deps/grpc.ts";
import { otel } from "@virtrigaud/deps/tracing.ts";

const carrier: otel.TextMapSetter<grpc.Metadata> & otel.TextMapGetter<grpc.Metadata> = {
  set: (metadata, key, value) => metadata.set(key, value),
  get: (metadata, key) => metadata.get(key).map(String)[0],
  keys: (metadata) => Object.keys(metadata.getMap()),
};

/**
 * Runs `body` in a span named `name`. As `server` the parent is read from `metadata`; as `client` the span's context is
 * written into it. Without an SDK all of it costs next to nothing.
 */
export function traced<T>(
  name: string,
  kind: "client" | "server",
  metadata: grpc.Metadata,
  body: () => Promise<T>,
): Promise<T> {
  const active = otel.context.active();
  const parent = kind === "server" ? otel.propagation.extract(active, metadata, carrier) : active;
  const spanKind = kind === "server" ? otel.SpanKind.SERVER : otel.SpanKind.CLIENT;
  const span = otel.trace.getTracer("virtrigaud").startSpan(name, {
    kind: spanKind,
    attributes: { "rpc.system": "grpc", "rpc.method": name },
  }, parent);
  const context = otel.trace.setSpan(parent, span);
  if (kind === "client") otel.propagation.inject(context, metadata, carrier);
  return otel.context.with(context, async () => {
    try {
      return await body();
    } catch (error) {
      span.setStatus({ code: otel.SpanStatusCode.ERROR, message: error instanceof Error ? error.name : "error" });
      throw error;
    } finally {
      span.end();
    }
  });
}
