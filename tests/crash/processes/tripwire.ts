/**
 * Ends the process that it is loaded into as kill -9 does, at a point that it was told. Preloaded before the real entry
 * point of a role (`deno run --preload`), so that what dies is the program that users run.
 *
 * @module
 */

/** One passage of this process past something outside of it, by its name. */
type Named = (args: readonly unknown[]) => string | undefined;

/**
 * Notes the points that the process passes in `<path>.points`, from the moment that somebody writes a number to
 * `<path>.armed` on, and dies at the point of that number, counted from 0. Files, because they outlive the process.
 */
export class Tripwire {
  readonly #path: string;
  #left: number | undefined;

  /** @param path from the environment, which a preloaded module has nothing else to learn from */
  constructor(path: string = Deno.env.get("CRASH_TRIPWIRE") ?? "") {
    if (path === "") throw new TypeError("CRASH_TRIPWIRE names no file");
    this.#path = path;
  }

  /** Makes a point of every call of a method, before and after; of those that `name` leaves without a name, none. */
  around(target: object, method: string, name: Named): void {
    const original: unknown = Reflect.get(target, method);
    if (typeof original !== "function") throw new TypeError(`there is no method ${method}: adapt the preloaded module`);
    const pass = (what: string, phase: "before" | "after") => this.#pass(what, phase);
    Object.defineProperty(target, method, {
      configurable: true,
      writable: true,
      value: function (this: unknown, ...args: unknown[]): unknown {
        const what = name(args);
        if (what === undefined) return Reflect.apply(original, this, args);
        pass(what, "before");
        const result: unknown = Reflect.apply(original, this, args);
        if (!(result instanceof Promise)) {
          pass(what, "after");
          return result;
        }
        return result.then((value) => {
          pass(what, "after");
          return value;
        });
      },
    });
  }

  #pass(what: string, phase: "before" | "after"): void {
    const order = this.#order();
    if (order !== undefined) this.#left = order === "off" ? undefined : Number(order);
    if (this.#left === undefined) return;
    Deno.writeTextFileSync(`${this.#path}.points`, `${phase} ${what}\n`, { append: true });
    if (this.#left-- === 0) Deno.kill(Deno.pid, "SIGKILL");
  }

  /** Takes the order, so that the next life of the process does not find it. */
  #order(): string | undefined {
    try {
      const order = Deno.readTextFileSync(`${this.#path}.armed`);
      Deno.removeSync(`${this.#path}.armed`);
      return order;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}
