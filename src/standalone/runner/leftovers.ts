/** Processes that a runner which died left behind: found by their pid files and ended. @module */
import { join } from "node:path";

/** Notes the pid of a child, with a word that its command line holds. */
export async function notePid(folder: string, name: string, pid: number, mark: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(join(folder, `${name}.pid`), JSON.stringify({ pid, mark }), { mode: 0o600 });
}

/** Forgets a child that has ended. */
export async function dropPid(folder: string, name: string): Promise<void> {
  await Deno.remove(join(folder, `${name}.pid`)).catch(() => {});
}

/**
 * Ends what is left of an earlier run. A pid is used again by the system, so that a process is only touched when its
 * command line still holds the mark; where command lines cannot be read, nothing is touched.
 */
export async function endLeftovers(folder: string): Promise<number> {
  let ended = 0;
  let files: Deno.DirEntry[];
  try {
    files = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
  for (const { name } of files.filter((file) => file.name.endsWith(".pid"))) {
    const path = join(folder, name);
    try {
      const { pid, mark } = JSON.parse(await Deno.readTextFile(path)) as { pid: number; mark: string };
      const command = await Deno.readTextFile(`/proc/${pid}/cmdline`);
      if (command.split("\0").includes(mark)) {
        Deno.kill(pid, "SIGKILL");
        ended++;
      }
    } catch {
      // Gone already, or never ours.
    }
    await Deno.remove(path).catch(() => {});
  }
  return ended;
}
