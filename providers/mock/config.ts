/** The mock's configuration: environment and `mock://` endpoint. @module */
import { type ErrorClass, errorClasses } from "@virtrigaud/contract";
import { type Method, methods } from "./faults.ts";
import { defaultOptions, type HypervisorOptions } from "./hypervisor/options.ts";

/** Everything that a mock process can be told from outside. */
export interface MockConfig {
  readonly hypervisor: Partial<HypervisorOptions>;
  /** Every call of this method fails; `all`: of every method. */
  readonly failureMode?: Method | "all";
  /** Class of failures. Default `Retryable`. */
  readonly errorClass: ErrorClass;
  /** Share of calls that fail, 0 to 1, whatever the method; besides `failureMode`. */
  readonly errorRate: number;
  /** Tasks take ten times as long. */
  readonly slow: boolean;
  /** Delay of every call, milliseconds. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Seed of everything random. */
  readonly seed: number;
  /** Where the memory is kept; absent: it ends with the process. */
  readonly statePath?: string;
  /** Start with an empty memory even if there is a state file. */
  readonly emptyMemory: boolean;
  /** Port of the control endpoint on 127.0.0.1; absent: there is none. 0 takes a free one. */
  readonly controlPort?: number;
}

/** A setting: its environment variable, its name in the endpoint's query, and how it is read. */
interface Setting<T> {
  readonly env: string;
  readonly query: string;
  readonly parse: (text: string) => T | undefined;
  readonly allowed: string;
}

/** Names of the variables that {@linkcode readConfig} looks at, for the permissions of the program. */
export const MOCK_ENV: readonly string[] = (() => {
  const names: string[] = [];
  readConfig(new Proxy({}, { get: (_, name) => void names.push(String(name)) }), undefined);
  return names;
})();

/** The configuration of this process; see {@linkcode readConfig}. */
export function processConfig(endpoint: string): MockConfig {
  return readConfig(Deno.env.toObject(), endpoint);
}

/**
 * Reads the configuration. The endpoint (`mock://?taskLatencyMs=50&failureMode=create`) wins over the environment, so
 * that two Providers in one cluster can behave differently.
 * @throws Error that names every setting that is wrong, its value and what is allowed.
 */
export function readConfig(env: Readonly<Record<string, string>>, endpoint: string | undefined): MockConfig {
  const query = queryOf(endpoint);
  const problems: string[] = [];
  const known = new Set<string>();
  const read = <T>({ env: variable, query: key, parse, allowed }: Setting<T>): T | undefined => {
    known.add(key);
    const [source, text] = query.has(key) ? [`endpoint ${key}`, query.get(key)] : [variable, env[variable]];
    if (text === undefined || text === null || text === "") return undefined;
    const value = parse(text);
    if (value === undefined) problems.push(`${source} is "${text}": expected ${allowed}`);
    return value;
  };
  const number = (env: string, query: string, min: number, max: number, integer = true) =>
    read({
      env,
      query,
      parse: (text) => {
        const value = Number(text);
        return Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value))
          ? value
          : undefined;
      },
      allowed: `a ${integer ? "whole " : ""}number from ${min} to ${max}`,
    });
  const flag = (env: string, query: string) =>
    read({
      env,
      query,
      parse: (text) => text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined,
      allowed: "true or false",
    });
  const oneOf = <T extends string>(env: string, query: string, values: readonly T[]) =>
    read({
      env,
      query,
      parse: (text) => values.find((value) => value === text),
      allowed: `one of ${values.join(", ")}`,
    });
  const text = (env: string, query: string) => read({ env, query, parse: (text) => text, allowed: "a text" });
  const names = (env: string, query: string) =>
    read({
      env,
      query,
      parse: (text) => text.split(",").map((name) => name.trim()).filter((name) => name !== ""),
      allowed: "names separated by commas",
    });
  const templates = names("MOCK_TEMPLATES", "templates")?.map((name) => ({ name, sizeGib: 2 }));
  const networks = names("MOCK_NETWORKS", "networks");
  const hypervisor = withoutUndefined({
    taskLatencyMs: number("MOCK_TASK_LATENCY", "taskLatencyMs", 0, 86_400_000),
    bootMs: number("MOCK_BOOT_LATENCY", "bootMs", 0, 86_400_000),
    seedVms: number("MOCK_SEED_VMS", "seedVms", 0, 10_000),
    poolSizeGib: number("MOCK_POOL_SIZE_GIB", "poolSizeGib", 0, 1_000_000_000),
    templates: templates === undefined ? undefined : [...defaultOptions.templates, ...templates],
    networks: networks === undefined ? undefined : [...defaultOptions.networks, ...networks],
  });
  const config: MockConfig = {
    hypervisor,
    ...withoutUndefined({
      failureMode: oneOf("MOCK_FAILURE_MODE", "failureMode", ["all", ...methods]),
      statePath: text("MOCK_STATE_FILE", "stateFile"),
      controlPort: number("MOCK_CONTROL_PORT", "controlPort", 0, 65_535),
    }),
    errorClass: oneOf("MOCK_ERROR_CLASS", "errorClass", errorClasses) ?? "Retryable",
    errorRate: number("MOCK_ERROR_RATE", "errorRate", 0, 1, false) ?? 0,
    slow: flag("MOCK_SLOW_MODE", "slowMode") ?? false,
    latencyMs: number("MOCK_LATENCY", "latencyMs", 0, 3_600_000) ?? 0,
    jitterMs: number("MOCK_JITTER", "jitterMs", 0, 3_600_000) ?? 0,
    seed: number("MOCK_SEED", "seed", 0, 4_294_967_295) ?? 1,
    emptyMemory: flag("MOCK_EMPTY_MEMORY", "emptyMemory") ?? false,
  };
  for (const key of query.keys()) {
    if (!known.has(key)) problems.push(`endpoint ${key} is not known: expected one of ${[...known].join(", ")}`);
  }
  if (problems.length > 0) throw new Error(`the mock provider is configured wrongly: ${problems.join("; ")}`);
  return config;
}

function queryOf(endpoint: string | undefined): URLSearchParams {
  if (endpoint === undefined || endpoint === "") return new URLSearchParams();
  const [scheme = "", ...rest] = endpoint.split("?");
  if (!scheme.startsWith("mock:")) {
    throw new Error(`the endpoint of a mock provider is "${scheme}": expected mock://, with or without settings`);
  }
  return new URLSearchParams(rest.join("?"));
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Defined<T>;
}
