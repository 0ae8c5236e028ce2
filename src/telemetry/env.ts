/** Environment variables as typed settings, read once per role; every bad value is reported, with what is allowed. @module */
import { parseDuration } from "@virtrigaud/api";

/** How one variable is read. */
export interface EnvVar<T> {
  readonly name: string;
  /** What a person may write, for messages and docs. */
  readonly allowed: string;
  /** Text that is read when the variable is absent or empty; `undefined`: it has to be set. */
  readonly default?: string;
  /** @throws when `text` is not allowed; the message need not repeat the name. */
  readonly parse: (text: string) => T;
}

/** Variables by the property that they become. */
export type EnvSpec = Readonly<Record<string, EnvVar<unknown>>>;

/** What {@linkcode parseEnv} answers. */
export type EnvOf<S extends EnvSpec> = { readonly [K in keyof S]: S[K] extends EnvVar<infer T> ? T : never };

/** Everything that is wrong with the environment, one line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(`the configuration cannot be used:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  }
}

/**
 * Reads `spec` from `env` (`Deno.env.get`, or a test's own).
 * @throws {ConfigError} naming every variable that is missing or wrong, its value and what is allowed.
 */
export function parseEnv<S extends EnvSpec>(spec: S, env: (name: string) => string | undefined): EnvOf<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(spec)) {
    const given = env(variable.name);
    const text = given === undefined || given === "" ? variable.default : given;
    if (text === undefined) {
      problems.push(`${variable.name} is not set; allowed: ${variable.allowed}`);
      continue;
    }
    try {
      values[key] = variable.parse(text);
    } catch {
      problems.push(`${variable.name} is ${JSON.stringify(text.slice(0, 64))}; allowed: ${variable.allowed}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as EnvOf<S>;
}

function fail(): never {
  throw new RangeError("not allowed");
}

/** A length of time in Go's syntax, as milliseconds. `unit` is what a bare number means; without it none is allowed. */
export function durationVar(
  name: string,
  fallback: string,
  options: { readonly min?: string; readonly max?: string; readonly unit?: string } = {},
): EnvVar<number> {
  const { min = "1ms", max = "24h", unit } = options;
  return {
    name,
    default: fallback,
    allowed: `a duration from ${min} to ${max}, such as ${fallback}`,
    parse(text) {
      const ms = parseDuration(unit !== undefined && /^\d+$/.test(text) ? text + unit : text);
      return ms >= parseDuration(min) && ms <= parseDuration(max) ? ms : fail();
    },
  };
}

/** A number in decimal notation from `min` to `max`. */
export function numberVar(name: string, fallback: number, min: number, max: number): EnvVar<number> {
  return {
    name,
    default: String(fallback),
    allowed: `a number from ${min} to ${max}`,
    parse: (text) => /^\d+(\.\d+)?$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : fail(),
  };
}

/** A whole number from `min` to `max`. */
export function intVar(name: string, fallback: number, min: number, max: number): EnvVar<number> {
  return {
    name,
    default: String(fallback),
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : fail(),
  };
}

/** `true` or `false`; also 1, 0, in any case, as Go reads them. */
export function boolVar(name: string, fallback: boolean): EnvVar<boolean> {
  return {
    name,
    default: String(fallback),
    allowed: "true or false",
    parse(text) {
      if (/^(true|t|1)$/i.test(text)) return true;
      return /^(false|f|0)$/i.test(text) ? false : fail();
    },
  };
}

/** One of `values`; `aliases` are other spellings of them. */
export function enumVar<T extends string>(
  name: string,
  fallback: T,
  values: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): EnvVar<T> {
  return {
    name,
    default: fallback,
    allowed: `one of ${values.join(", ")}`,
    parse(text) {
      const wanted = text.toLowerCase();
      return values.find((value) => value.toLowerCase() === wanted) ??
        (Object.hasOwn(aliases, wanted) ? aliases[wanted] : undefined) ?? fail();
    },
  };
}

/** Any text; absent becomes `fallback`. */
export const textVar = (name: string, fallback = ""): EnvVar<string> => ({
  name,
  default: fallback,
  allowed: "any text",
  parse: (text) => text,
});

/** Comma-separated words without empty ones. */
export const listVar = (name: string): EnvVar<readonly string[]> => ({
  name,
  default: "",
  allowed: "words separated by commas",
  parse: (text) => text.split(",").map((word) => word.trim()).filter((word) => word !== ""),
});
