/** Log, metrics, tracing, health and configuration of every role. @module */
export {
  createLogger,
  type LogFields,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  silentLogger,
} from "./logger.ts";
export { type LogLevel, logLevels } from "./logger.ts";
export { redact, redactText } from "./redact.ts";
export { Secret } from "./secret.ts";
