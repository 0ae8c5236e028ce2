/** Structured log, one line per event, with every secret taken out before it is written. @module */
import { systemClock } from "@virtrigaud/resilience";
import { redact, redactText } from "./redact.ts";

/** Levels, least important first. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = typeof logLevels[number];

/** `json`: one object per line, for machines. `text`: `time LEVEL message key=value`, for a terminal. */
export type LogFormat = "json" | "text";

/** What is said besides the message; redacted by key and shape. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A log. Messages are fixed texts; what varies goes into fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

/** Options of {@linkcode createLogger}. */
export interface LoggerOptions {
  /** Lines below are dropped. Default `info`. */
  readonly level?: LogLevel;
  /** Default `json`. */
  readonly format?: LogFormat;
  /** Of equal debug or info messages in one second keep the first 100, then every 100th. Default false. */
  readonly sampling?: boolean;
  /** Takes a finished line without line end. Default standard error. */
  readonly sink?: (line: string) => void;
  /** Default: the system clock. */
  readonly clock?: { now(): number };
}

const SAMPLE_FIRST = 100;
const SAMPLE_EVERY = 100;
const SAMPLED_MESSAGES = 1000;

/** A {@linkcode Logger} that writes lines. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { format = "json", sink = stderr, clock = systemClock } = options;
  const threshold = logLevels.indexOf(options.level ?? "info");
  const keeps = options.sampling ? sampler(clock) : () => true;
  const write = (level: LogLevel, message: string, fields: LogFields): void => {
    if (logLevels.indexOf(level) < threshold || !keeps(level, message)) return;
    const clean = redact(fields) as Record<string, unknown>;
    const time = new Date(clock.now()).toISOString();
    sink(format === "json" ? json(time, level, redactText(message), clean) : text(time, level, message, clean));
  };
  return bind(write, {});
}

/** A log that drops everything. */
export const silentLogger: Logger = Object.freeze({
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
});

type Write = (level: LogLevel, message: string, fields: LogFields) => void;

function bind(write: Write, bound: LogFields): Logger {
  const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
    write(level, message, { ...bound, ...fields });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => bind(write, { ...bound, ...fields }),
  };
}

const json = (time: string, level: LogLevel, message: string, fields: Record<string, unknown>): string =>
  JSON.stringify({ time, level, message, ...rename(fields) });

/** A field must not overwrite the frame of the line. */
function rename(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map((
      [key, value],
    ) => [key === "time" || key === "level" || key === "message" ? `${key}_` : key, value]),
  );
}

function text(time: string, level: LogLevel, message: string, fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([key, value]) =>
    `${key}=${typeof value === "string" && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)}`
  );
  // A line stays a line, whatever a peer put into a message.
  return [time, level.toUpperCase().padEnd(5), redactText(message).replaceAll(/[\r\n]+/g, " "), ...pairs].join(" ");
}

function sampler(clock: { now(): number }): (level: LogLevel, message: string) => boolean {
  let second = 0;
  const counts = new Map<string, number>();
  return (level, message) => {
    if (level === "warn" || level === "error") return true;
    const now = Math.floor(clock.now() / 1000);
    if (now !== second || counts.size > SAMPLED_MESSAGES) {
      counts.clear();
      second = now;
    }
    const count = (counts.get(message) ?? 0) + 1;
    counts.set(message, count);
    return count <= SAMPLE_FIRST || (count - SAMPLE_FIRST) % SAMPLE_EVERY === 0;
  };
}

function stderr(line: string): void {
  console.error(line);
}
