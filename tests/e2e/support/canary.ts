/** A word that no log, event, status or process argument may ever hold. @module */
import { join } from "node:path";

/** A word for the secrets of one run, and the search for it. */
export class Canary {
  readonly word = `canary${crypto.randomUUID().replaceAll("-", "")}`;
  readonly #needles = [this.word, ...base64Forms(this.word)];
  readonly #found: string[] = [];

  /** Looks for another secret too, wherever it looks from now on. */
  alsoFind(secret: string): void {
    this.#needles.push(secret);
  }

  /** Whether a text holds it, as it is or in base64. */
  isIn(text: string): boolean {
    return this.#needles.some((needle) => text.includes(needle));
  }

  /** Looks into a text; what is found is kept for {@linkcode findings}. */
  search(where: string, text: string): void {
    for (const needle of this.#needles) {
      const at = text.indexOf(needle);
      if (at < 0) continue;
      const around = text.slice(Math.max(0, at - 120), at).replaceAll(/\s+/g, " ");
      this.#found.push(`${where}: ...${around}<the secret>`);
    }
  }

  /** Looks into the command lines of all processes of this machine. */
  searchProcesses(): void {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
      try {
        this.search(
          `arguments of process ${name}`,
          Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " "),
        );
      } catch {
        // It has ended, or is not ours to look at.
      }
    }
  }

  /** Looks into every log file below a folder; answers with how many there were. */
  searchLogs(folder: string): number {
    const files = logFiles(folder);
    for (const path of files) this.search(path, Deno.readTextFileSync(path));
    return files.length;
  }

  /** Where it was found, one line each. */
  get findings(): readonly string[] {
    return this.#found;
  }
}

/** What is in the base64 of every text that holds `word`, for each of the three ways in which it can be aligned. */
function base64Forms(word: string): string[] {
  const bytes = new TextEncoder().encode(word);
  return [0, 1, 2].map((shift) => {
    const padded = new Uint8Array(shift + bytes.length);
    padded.set(bytes, shift);
    const text = padded.toBase64();
    // The first and the last characters depend on the neighbours too.
    return text.slice(shift === 0 ? 0 : 4, Math.floor((shift + bytes.length) / 3) * 4);
  });
}

/** Every file below a folder whose name ends in `.log`, or in `.log.1`. */
export function logFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory, isFile }) => {
    const path = join(folder, name);
    return isDirectory ? logFiles(path) : isFile && /\.log(\.1)?$/.test(name) ? [path] : [];
  });
}
