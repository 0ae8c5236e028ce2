/** Reads small files of a folder, such as a mounted Secret, and finds out when they change. @module */
import { join } from "node:path";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { type Logger, silentLogger } from "@virtrigaud/telemetry";

/** Contents by file name. */
export type FolderContents = ReadonlyMap<string, string>;

/** Options of {@linkcode watchFolder}. */
export interface FolderOptions {
  /** Files to read; absent: all. */
  readonly names?: readonly string[];
  /** How often to look, ms. Default 5000. A Secret reaches a pod within a minute or so anyway. */
  readonly intervalMs?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A folder that is looked at from time to time. */
export interface FolderWatch {
  readonly contents: FolderContents;
  /** Called after each change with what is there now. */
  onChange(listener: (contents: FolderContents) => void): void;
  /** Looks now. */
  refresh(): Promise<void>;
  close(): void;
}

const MAX_FILE_BYTES = 1024 * 1024;
const MAX_FILES = 128;

/**
 * Files below `folder`, without sub-folders and without the `..data` links by which Kubernetes swaps a volume. Polling
 * and not events, because those links, network file systems and editors all make different events of one change.
 *
 * @throws {Error} when a file is larger than 1 MiB or there are more than 128.
 */
export async function readFolder(folder: string, names?: readonly string[]): Promise<FolderContents> {
  const contents = new Map<string, string>();
  for (const name of names ?? await list(folder)) {
    const path = join(folder, name);
    try {
      const { size, isFile } = await Deno.stat(path);
      if (!isFile) continue;
      if (size > MAX_FILE_BYTES) throw new Error(`${path} is ${size} bytes long, at most ${MAX_FILE_BYTES} are read`);
      contents.set(name, await Deno.readTextFile(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return contents;
}

async function list(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (!name.startsWith("..")) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (names.length > MAX_FILES) throw new Error(`${folder} holds ${names.length} files, at most ${MAX_FILES} are read`);
  return names.sort();
}

/** Reads `folder` and keeps looking. A failure to look keeps what was read last and is logged. */
export async function watchFolder(folder: string, options: FolderOptions = {}): Promise<FolderWatch> {
  const { clock = systemClock, log = silentLogger, intervalMs = 5000, names } = options;
  const listeners: ((contents: FolderContents) => void)[] = [];
  let contents = await readFolder(folder, names);
  let closed = false;
  let cancel = () => {};
  const refresh = async (): Promise<void> => {
    const now = await readFolder(folder, names);
    if (closed || same(contents, now)) return;
    contents = now;
    for (const listener of listeners) listener(now);
  };
  const look = async (): Promise<void> => {
    try {
      await refresh();
    } catch (error) {
      log.warn("folder cannot be read, what was read last stays in use", { folder, error });
    }
    if (!closed) arm();
  };
  const arm = (): void => {
    cancel = clock.setTimeout(() => void look(), intervalMs);
  };
  arm();
  return {
    get contents() {
      return contents;
    },
    onChange: (listener) => void listeners.push(listener),
    refresh,
    close() {
      closed = true;
      cancel();
    },
  };
}

const same = (a: FolderContents, b: FolderContents): boolean =>
  a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
