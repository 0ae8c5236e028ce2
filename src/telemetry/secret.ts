/** A value that must never be printed: credentials, tokens, user-data. @module */

const REDACTED = "[redacted]";

/**
 * Holds a value that prints as `[redacted]` wherever it ends up: string conversion, JSON, template strings,
 * `console.log` and error messages. Only {@linkcode Secret.reveal} gives the value, so that every place where a secret
 * becomes text can be found by searching for that call.
 */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Call it where the value leaves for the peer that needs it, and nowhere else. */
  reveal(): T {
    return this.#value;
  }

  /** Always `[redacted]`. */
  toString(): string {
    return REDACTED;
  }

  /** Always `[redacted]`, so that `JSON.stringify` of anything that holds a secret is harmless. */
  toJSON(): string {
    return REDACTED;
  }

  /** What `console.log` and `Deno.inspect` show. */
  [Symbol.for("Deno.customInspect")](): string {
    return REDACTED;
  }

  /** What `node:util` inspection shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }
}
