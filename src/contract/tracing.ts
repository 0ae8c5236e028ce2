/** Spans around calls and the W3C trace context in gRPC metadata. Deno itself is the SDK (`OTEL_DENO=true`). @module */
import type { grpc } from "@virtrigaud/deps/grpc.ts";
import { otel } from "@virtrigaud/deps/tracing.ts";

const carrier: otel.TextMapSetter<grpc.Metadata> & otel.TextMapGetter<grpc.Metadata> = {
  set: (metadata, key, value) => metadata.set(key, value),
  get: (metadata, key) => metadata.get(key).map(String)[0],
  keys: (metadata) => Object.keys(metadata.getMap()),
};

/** Runs `body` in a span for RPC `rpc`. Without an SDK this costs next to nothing. */
export function traced<T>(
  rpc: string,
  kind: "client" | "server",
  body: () => Promise<T>,
  parent: otel.Context = otel.context.active(),
): Promise<T> {
  const span = otel.trace.getTracer("virtrigaud").startSpan(`provider.v1.Provider/${rpc}`, {
    kind: kind === "server" ? otel.SpanKind.SERVER : otel.SpanKind.CLIENT,
    attributes: { "rpc.system": "grpc", "rpc.service": "provider.v1.Provider", "rpc.method": rpc },
  }, parent);
  return otel.context.with(otel.trace.setSpan(parent, span), async () => {
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

/** Writes the context of the running span into `metadata`. */
export function injectTrace(metadata: grpc.Metadata): void {
  otel.propagation.inject(otel.context.active(), metadata, carrier);
}

/** The caller's context as `metadata` carries it. */
export function extractTrace(metadata: grpc.Metadata): otel.Context {
  return otel.propagation.extract(otel.context.active(), metadata, carrier);
}
