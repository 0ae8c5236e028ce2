/**
 * The documented environment variables by what they are about, with their defaults. A role composes those it uses:
 * `parseEnv({ ...logEnv, ...retryEnv }, Deno.env.get)`.
 *
 * @module
 */
import { boolVar, durationVar, enumVar, type EnvOf, intVar, numberVar, textVar } from "./env.ts";
import { type LogFormat, type LogLevel, logLevels } from "./logger.ts";

/** The log. `LOG_DEVELOPMENT` means debug level and text, unless `LOG_LEVEL` or `LOG_FORMAT` say otherwise. */
export const logEnv = {
  logLevel: enumVar<LogLevel>("LOG_LEVEL", "info", logLevels, { warning: "warn", trace: "debug" }),
  logFormat: enumVar<LogFormat>("LOG_FORMAT", "json", ["json", "text"], { console: "text" }),
  logSampling: boolVar("LOG_SAMPLING", true),
  logDevelopment: boolVar("LOG_DEVELOPMENT", false),
} as const;

/** Traces. Deno exports them itself; {@linkcode otelEnv} says what it has to be started with. */
export const tracingEnv = {
  tracingEnabled: boolVar("VIRTRIGAUD_TRACING_ENABLED", false),
  tracingEndpoint: textVar("VIRTRIGAUD_TRACING_ENDPOINT"),
  tracingSamplingRatio: numberVar("VIRTRIGAUD_TRACING_SAMPLING_RATIO", 0.1, 0, 1),
  tracingInsecure: boolVar("VIRTRIGAUD_TRACING_INSECURE", true),
} as const;

/** Deadlines of calls to providers. */
export const rpcTimeoutEnv = {
  describe: durationVar("RPC_TIMEOUT_DESCRIBE", "30s"),
  mutating: durationVar("RPC_TIMEOUT_MUTATING", "4m"),
  validate: durationVar("RPC_TIMEOUT_VALIDATE", "10s"),
  taskStatus: durationVar("RPC_TIMEOUT_TASK_STATUS", "10s"),
} as const;

/** Repetition of calls to providers. */
export const retryEnv = {
  retryMaxAttempts: intVar("RETRY_MAX_ATTEMPTS", 5, 1, 100),
  retryBaseDelay: durationVar("RETRY_BASE_DELAY", "500ms"),
  retryMaxDelay: durationVar("RETRY_MAX_DELAY", "30s"),
  retryMultiplier: numberVar("RETRY_MULTIPLIER", 2, 1, 10),
  retryJitter: boolVar("RETRY_JITTER", true),
} as const;

/** Circuit breaker of each provider. A bare number in `CB_RESET_SECONDS` is seconds. */
export const breakerEnv = {
  breakerFailureThreshold: intVar("CB_FAILURE_THRESHOLD", 10, 1, 10_000),
  breakerReset: durationVar("CB_RESET_SECONDS", "60s", { unit: "s" }),
  breakerHalfOpenMaxCalls: intVar("CB_HALF_OPEN_MAX_CALLS", 3, 1, 1000),
} as const;

/** Rate of calls to a provider whose `spec.rateLimit` says nothing. */
export const rateLimitEnv = {
  rateLimitQps: numberVar("RATE_LIMIT_QPS", 10, 0.01, 100_000),
  rateLimitBurst: intVar("RATE_LIMIT_BURST", 20, 1, 100_000),
} as const;

/** Work at a time in the manager. */
export const workEnv = {
  workersPerKind: intVar("WORKERS_PER_KIND", 2, 1, 1000),
  maxInflightTasks: intVar("MAX_INFLIGHT_TASKS", 100, 1, 100_000),
} as const;

/** Options for `createLogger` from {@linkcode logEnv}. */
export function logOptions(settings: EnvOf<typeof logEnv>, env: (name: string) => string | undefined) {
  const development = settings.logDevelopment;
  return {
    level: development && !env("LOG_LEVEL") ? "debug" as const : settings.logLevel,
    format: development && !env("LOG_FORMAT") ? "text" as const : settings.logFormat,
    sampling: settings.logSampling && !development,
  };
}

/** What a Deno process has to be started with so that it exports traces as {@linkcode tracingEnv} says. */
export function otelEnv(settings: EnvOf<typeof tracingEnv>, service: string): Record<string, string> {
  if (!settings.tracingEnabled) return {};
  const { tracingEndpoint: endpoint } = settings;
  const scheme = settings.tracingInsecure ? "http" : "https";
  return {
    OTEL_DENO: "true",
    OTEL_SERVICE_NAME: service,
    OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
    OTEL_TRACES_SAMPLER_ARG: String(settings.tracingSamplingRatio),
    ...(endpoint === ""
      ? {}
      : { OTEL_EXPORTER_OTLP_ENDPOINT: /^https?:\/\//.test(endpoint) ? endpoint : `${scheme}://${endpoint}` }),
  };
}
