/** A provider program with nothing behind it, for tests of the process around a provider. @module */
import { otel } from "@virtrigaud/deps/tracing.ts";
import { runProvider } from "../server/mod.ts";
import { scriptedProvider } from "./fixture.ts";

if (import.meta.main) {
  await runProvider({
    name: "provider-test",
    version: "1.2.3",
    create: ({ endpoint, log, version }) => {
      if (endpoint === "rejects") setTimeout(() => void Promise.reject(new Error("password=hunter2")), 0);
      log.info("created", { endpoint });
      // The trace that the call belongs to, for those who ask for it.
      const trace = () => otel.trace.getActiveSpan()?.spanContext().traceId ?? "";
      const answer = () => endpoint === "trace" ? trace() : endpoint;
      return scriptedProvider({ validate: () => Promise.resolve({ hypervisor: answer(), version }) });
    },
  });
}
