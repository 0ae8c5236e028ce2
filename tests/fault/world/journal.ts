/** A disk that outlives the provider process. @module */
import type { Commit, Journal } from "../../../providers/mock/hypervisor/store.ts";

/** Called around a write that reaches the disk; what it does decides whether the process survives it. */
export type OnWrite = (phase: "before" | "after") => void;

/** The lines of a hypervisor's memory, as its file would hold them. Everything passes JSON, as through a file. */
export class MemoryDisk {
  #lines: string[] = [];

  /** A journal for one life of the process. A dead process writes nothing, whatever its code still does. */
  open(isAlive: () => boolean, onWrite: OnWrite): Journal {
    const write = (put: (line: string) => void, { writes, effects }: Commit) => {
      if (!isAlive()) return;
      onWrite("before");
      if (!isAlive()) return;
      put(JSON.stringify({ writes: writes.map(({ previous: _none, ...write }) => write), effects }));
      onWrite("after");
    };
    return {
      load: () => this.#lines.map((line): Commit => JSON.parse(line)),
      append: (commit) => write((line) => this.#lines.push(line), commit),
      replace: (commit) => write((line) => this.#lines = [line], commit),
      close() {},
    };
  }
}
