import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ConfigError, listVar, parseEnv, textVar } from "./env.ts";
import { breakerEnv, logEnv, logOptions, otelEnv, rateLimitEnv, retryEnv } from "./settings.ts";
import { rpcTimeoutEnv, tracingEnv, workEnv } from "./settings.ts";

const all = {
  ...logEnv,
  ...tracingEnv,
  ...rpcTimeoutEnv,
  ...retryEnv,
  ...breakerEnv,
  ...rateLimitEnv,
  ...workEnv,
};
const from = (values: Record<string, string>) => (name: string) => values[name];

Deno.test("without any variable every documented default holds", () => {
  assertEquals(parseEnv(all, from({})), {
    logLevel: "info",
    logFormat: "json",
    logSampling: true,
    logDevelopment: false,
    tracingEnabled: false,
    tracingEndpoint: "",
    tracingSamplingRatio: 0.1,
    tracingInsecure: true,
    describe: 30_000,
    mutating: 240_000,
    validate: 10_000,
    taskStatus: 10_000,
    retryMaxAttempts: 5,
    retryBaseDelay: 500,
    retryMaxDelay: 30_000,
    retryMultiplier: 2,
    retryJitter: true,
    breakerFailureThreshold: 10,
    breakerReset: 60_000,
    breakerHalfOpenMaxCalls: 3,
    rateLimitQps: 10,
    rateLimitBurst: 20,
    workersPerKind: 2,
    maxInflightTasks: 100,
  });
});

Deno.test("what is set is read: durations in Go's syntax, numbers, booleans, names in any case, aliases", () => {
  const read = parseEnv(
    all,
    from({
      RPC_TIMEOUT_MUTATING: "1h30m",
      RETRY_MULTIPLIER: "2.5",
      RETRY_JITTER: "F",
      CB_RESET_SECONDS: "90",
      LOG_LEVEL: "WARN",
      LOG_FORMAT: "console",
      WORKERS_PER_KIND: "",
    }),
  );
  assertEquals(
    [
      read.mutating,
      read.retryMultiplier,
      read.retryJitter,
      read.breakerReset,
      read.logLevel,
      read.logFormat,
      read.workersPerKind,
    ],
    [5_400_000, 2.5, false, 90_000, "warn", "text", 2],
  );
});

Deno.test("every bad value is named, with what it is and what is allowed, all at once", () => {
  const error = assertThrows(() =>
    parseEnv(
      all,
      from({
        RPC_TIMEOUT_DESCRIBE: "soon",
        RPC_TIMEOUT_VALIDATE: "48h",
        RETRY_MAX_ATTEMPTS: "0",
        RETRY_MULTIPLIER: "-1",
        LOG_LEVEL: "loud",
        LOG_SAMPLING: "maybe",
        MAX_INFLIGHT_TASKS: "1e3",
        LOG_FORMAT: "toString",
      }),
    ), ConfigError);
  assertEquals([...error.problems].sort(), [
    'LOG_FORMAT is "toString"; allowed: one of json, text',
    'LOG_LEVEL is "loud"; allowed: one of debug, info, warn, error',
    'LOG_SAMPLING is "maybe"; allowed: true or false',
    'MAX_INFLIGHT_TASKS is "1e3"; allowed: a whole number from 1 to 100000',
    'RETRY_MAX_ATTEMPTS is "0"; allowed: a whole number from 1 to 100',
    'RETRY_MULTIPLIER is "-1"; allowed: a number from 1 to 10',
    'RPC_TIMEOUT_DESCRIBE is "soon"; allowed: a duration from 1ms to 24h, such as 30s',
    'RPC_TIMEOUT_VALIDATE is "48h"; allowed: a duration from 1ms to 24h, such as 10s',
  ]);
});

Deno.test("a variable without default has to be set; lists are split", () => {
  const spec = { required: { ...textVar("MUST"), default: undefined }, names: listVar("NAMES") };
  assertThrows(() => parseEnv(spec, from({})), ConfigError, "MUST is not set");
  assertEquals(parseEnv(spec, from({ MUST: "x", NAMES: " a, ,b " })), { required: "x", names: ["a", "b"] });
});

Deno.test("development means debug and text unless said otherwise", () => {
  const options = (values: Record<string, string>) => logOptions(parseEnv(logEnv, from(values)), from(values));
  assertEquals(options({ LOG_DEVELOPMENT: "true" }), { level: "debug", format: "text", sampling: false });
  assertEquals(options({ LOG_DEVELOPMENT: "true", LOG_LEVEL: "error", LOG_FORMAT: "json" }), {
    level: "error",
    format: "json",
    sampling: false,
  });
  assertEquals(options({}), { level: "info", format: "json", sampling: true });
});

Deno.test("tracing settings become what Deno's own exporter reads", () => {
  const otel = (values: Record<string, string>) => otelEnv(parseEnv(tracingEnv, from(values)), "virtrigaud-manager");
  assertEquals(otel({}), {});
  assertEquals(
    otel({
      VIRTRIGAUD_TRACING_ENABLED: "true",
      VIRTRIGAUD_TRACING_ENDPOINT: "collector:4318",
      VIRTRIGAUD_TRACING_SAMPLING_RATIO: "1",
    }),
    {
      OTEL_DENO: "true",
      OTEL_SERVICE_NAME: "virtrigaud-manager",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
    },
  );
});
