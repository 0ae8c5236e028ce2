/**
 * The one door through which third-party code enters the project: light packages that every role may load.
 *
 * Packages that cost start-up time or memory, or that only some roles need, have a door of their own under `deps/`
 * (`deps/grpc.ts`, `deps/ssh.ts`, ...), so that a provider does not load the Kubernetes client and the manager does not
 * load SSH. No other file may import a package by name; `tests/structure` keeps this rule.
 *
 * @module
 */
import * as std from "@std/assert";

export { deadline } from "@std/async/deadline.js";
export { delay } from "@std/async/delay.js";
export { parse as parseYaml, parseAll as parseAllYaml, stringify as stringifyYaml } from "@std/yaml";
export { type Static, type TSchema, Type } from "typebox";

/**
 * Assertions for tests. `deno-std` on npm carries no type declarations, so that the ones which narrow are given their
 * type here.
 */
export const assert: (expr: unknown, msg?: string) => asserts expr = std.assert;
export const assertExists: <T>(actual: T, msg?: string) => asserts actual is NonNullable<T> = std.assertExists;
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertEquals;
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void = std.assertNotEquals;
export const assertStrictEquals: <T>(actual: unknown, expected: T, msg?: string) => asserts actual is T =
  std.assertStrictEquals;
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertMatch;
export const assertNotMatch: (actual: string, expected: RegExp, msg?: string) => void = std.assertNotMatch;
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void = std.assertStringIncludes;
export const assertObjectMatch: (
  actual: Record<PropertyKey, unknown>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
) => void = std.assertObjectMatch;
export const assertArrayIncludes: <T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string) => void =
  std.assertArrayIncludes;
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreater;
export const assertGreaterOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertGreaterOrEqual;
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = std.assertLess;
export const assertLessOrEqual: <T>(actual: T, expected: T, msg?: string) => void = std.assertLessOrEqual;
export const assertInstanceOf: <T extends abstract new (...args: never[]) => unknown>(
  actual: unknown,
  expected: T,
  msg?: string,
) => asserts actual is InstanceType<T> = std.assertInstanceOf;
type ErrorClass<E> = new (...args: never[]) => E;
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  error?: ErrorClass<E>,
  includes?: string,
) => E = std.assertThrows;
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  error?: ErrorClass<E>,
  includes?: string,
) => Promise<E> = std.assertRejects;
export const fail: (msg?: string) => never = std.fail;
