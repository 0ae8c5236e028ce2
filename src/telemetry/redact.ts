/** Takes secrets out of what is about to be printed: by key at any depth, and by shape inside text. @module */
import { Secret } from "./secret.ts";

const REDACTED = "[redacted]";
/** Parts of names under which secrets travel, after {@linkcode plain}. */
const SECRET_NAME =
  /password|passwd|passphrase|authorization|cookie|privatekey|apikey|accesskey|keypem|userdata|networkconfig|ignition|stringdata|tokens?$|credentials?$|secret(?!.*(ref|name|namespace|uid)$)/;

/** A name without separators and case: `api_token`, `apiToken` and `API-Token` are one. */
const plain = (key: string): string => key.replaceAll(/[^a-z0-9]/gi, "").toLowerCase();

/** Whether what stands under `key` is secret. Guest `metaData` is; `metadata`, which every Kubernetes object has, is not. */
const isSecretName = (key: string): boolean => SECRET_NAME.test(plain(key)) || /^(metaData|meta[-_]data)$/.test(key);

/** Secrets that can be told by their shape. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, REDACTED],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, `$1:${REDACTED}@`],
  [/\b(PVEAPIToken=[^\s=]+=)\S+/g, `$1${REDACTED}`],
  [
    /\b((?:password|passwd|secret|token|api[-_]?key)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&}"']+)/gi,
    `$1${REDACTED}`,
  ],
];

const MAX_DEPTH = 8;
const MAX_TEXT = 8192;
const MAX_ELEMENTS = 100;

/** `text` without secrets that can be told by their shape, at most 8192 characters. */
export function redactText(text: string): string {
  let clean = text.length > 4 * MAX_TEXT ? text.slice(0, 4 * MAX_TEXT) : text;
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}… (${text.length} characters)` : clean;
}

/** A copy of `value` that is fit to print: plain JSON, no secrets, no cycles, bounded in depth and size. */
export function redact(value: unknown, depth = 0, seen: readonly object[] = []): unknown {
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "bigint":
      return String(value);
    case "function":
    case "symbol":
      return `[${typeof value}]`;
    case "object":
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof Secret) return REDACTED;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
  if (seen.includes(value)) return "[cycle]";
  if (depth >= MAX_DEPTH) return "[deeper]";
  const path = [...seen, value];
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ELEMENTS).map((element) => redact(element, depth + 1, path));
    return value.length > MAX_ELEMENTS ? [...shown, `[${value.length - MAX_ELEMENTS} more]`] : shown;
  }
  return redactEntries(value instanceof Error ? errorEntries(value) : entriesOf(value), depth, path);
}

function entriesOf(value: object): [string, unknown][] {
  if (value instanceof Map) return [...value].map(([key, element]) => [String(key), element]);
  if (value instanceof Set) return [["values", [...value]]];
  return Object.entries(value);
}

/** The parts of an error that help: own facts (class, reason, code) and the chain of causes. */
function errorEntries(error: Error): [string, unknown][] {
  const entries: [string, unknown][] = [["name", error.name], ["message", error.message]];
  entries.push(...Object.entries(error).filter(([key]) => key !== "name" && key !== "message"));
  if (error.cause !== undefined) entries.push(["cause", error.cause]);
  if (error.stack !== undefined) entries.push(["stack", error.stack]);
  return entries;
}

function redactEntries(entries: [string, unknown][], depth: number, path: readonly object[]): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, element] of entries.slice(0, MAX_ELEMENTS)) {
    if (element === undefined) continue;
    result[key] = isSecretName(key) && !isHarmless(element) ? REDACTED : redact(element, depth + 1, path);
  }
  return result;
}

/** Under a secret's name, these give nothing away. */
const isHarmless = (value: unknown): boolean => value === null || typeof value === "boolean" || value === "";
