/** Log, metrics, health endpoints and configuration of every role. @module */
export { type BuildInfo, buildInfo, buildLabels, versionLine } from "./build.ts";
export { assertDenoVersion, DENO_VERSION } from "./deno_version.ts";
export { boolVar, ConfigError, durationVar, enumVar, intVar, listVar, numberVar, parseEnv, textVar } from "./env.ts";
export type { EnvOf, EnvSpec, EnvVar } from "./env.ts";
export { CLIENT_METRICS, MANAGER_METRICS, PROCESS_METRICS, PROVIDER_METRICS } from "./families.ts";
export type { ClientMetric, ManagerMetric, ProviderMetric } from "./families.ts";
export { type CheckResult, type HealthOptions, type HealthServer, serveHealth } from "./health.ts";
export {
  createLogger,
  type LogFields,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  silentLogger,
} from "./logger.ts";
export { type LogLevel, logLevels } from "./logger.ts";
export { createMetrics, DURATION_BUCKETS, noMetrics } from "./metrics.ts";
export type { MetricDescription, MetricLabels, Metrics, MetricsOptions, MetricsRegistry } from "./metrics.ts";
export { redact, redactText } from "./redact.ts";
export { Secret } from "./secret.ts";
export { breakerEnv, logEnv, logOptions, otelEnv, rateLimitEnv, retryEnv } from "./settings.ts";
export { rpcTimeoutEnv, tracingEnv, workEnv } from "./settings.ts";
export { signalled } from "./signals.ts";
