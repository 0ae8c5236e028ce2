/** The hypervisor's memory on disk: one line per transaction. @module */
import type { Effect, TableName, Tables } from "./hypervisor/model.ts";
import type { Commit, Journal } from "./hypervisor/store.ts";

/** A line of the file: what was written and what it meant. */
interface Line {
  readonly w: readonly (readonly [table: TableName, id: string, record: Tables[TableName] | null])[];
  readonly e: readonly Effect[];
}

/**
 * A journal in a file. A transaction is one line, written in one call before it is acknowledged, so that it survives
 * the death of the process (not a power cut: nothing is synced to the disk). A last line that was cut short was never
 * acknowledged and is dropped.
 */
export class FileJournal implements Journal {
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  readonly #encoder = new TextEncoder();

  /** @param path made when it does not exist. */
  constructor(path: string) {
    this.#path = path;
  }

  *load(): Iterable<Commit> {
    for (const { w, e } of this.#lines()) {
      yield { writes: w.map(([table, id, record]) => ({ table, id, record: record ?? undefined })), effects: e };
    }
  }

  append(commit: Commit): void {
    this.#file ??= Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
    writeAll(this.#file, this.#encoder.encode(encode(commit)));
  }

  replace(commit: Commit): void {
    this.close();
    const temporary = `${this.#path}.new`;
    Deno.writeTextFileSync(temporary, encode(commit), { mode: 0o600 });
    Deno.renameSync(temporary, this.#path);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  *#lines(): Iterable<Line> {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    const lines = text.split("\n");
    lines.pop(); // what stands after the last line end was never acknowledged
    for (const [index, line] of lines.entries()) {
      try {
        yield JSON.parse(line) as Line;
      } catch (cause) {
        throw new Error(
          `line ${index + 1} of ${this.#path} is damaged; remove the file to start with an empty memory`,
          {
            cause,
          },
        );
      }
    }
  }
}

function encode({ writes, effects }: Commit): string {
  const line: Line = { w: writes.map(({ table, id, record }) => [table, id, record ?? null]), e: effects };
  return `${JSON.stringify(line)}\n`;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}
