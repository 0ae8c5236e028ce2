/** Quantities and durations of the API in the contract's units; what cannot be read becomes a problem. @module */
import { parseDuration, quantityToGiB, quantityToMiB } from "@virtrigaud/api";
import type { Problem } from "./input.ts";

/** GiB of a quantity, rounded up. */
export const tryGib = (value: number | string, field: string, problems: Problem[]): number | undefined =>
  attempt(() => quantityToGiB(value), field, problems);

/** MiB of a quantity, rounded up. */
export const tryMib = (value: number | string, field: string, problems: Problem[]): number | undefined =>
  attempt(() => quantityToMiB(value), field, problems);

/** Milliseconds of a duration. */
export const tryDuration = (text: string, field: string, problems: Problem[]): number | undefined =>
  attempt(() => parseDuration(text), field, problems);

function attempt<T>(read: () => T, field: string, problems: Problem[]): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push({ field, message: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}
