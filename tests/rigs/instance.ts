/** Folders of running rig instances, and the clean-up of those whose owner has died. @module */
import { rigFolders } from "./config.ts";

/** What identifies a process for good: its id may be used again, its start time not. */
interface ProcessId {
  readonly pid: number;
  readonly startTime: string;
}

/** Makes a folder for one instance of `kind`, marked with this process as owner. */
export async function makeInstance(kind: string, run: string = rigFolders().run): Promise<string> {
  await Deno.mkdir(run, { recursive: true, mode: 0o755 });
  const dir = await Deno.makeTempDir({ dir: run, prefix: `${kind}-` });
  // Services in it run under users of their own.
  await Deno.chmod(dir, 0o755);
  await note(dir, "owner", Deno.pid);
  return dir;
}

/** Notes in an instance that process `pid` belongs to it and has to be ended with it. */
export async function noteProcess(dir: string, name: string, pid: number): Promise<void> {
  await note(dir, `process-${name}`, pid);
}

/** Ends what instances left behind whose owner is gone; returns their folders. */
export async function sweepInstances(run: string = rigFolders().run): Promise<string[]> {
  const swept: string[] = [];
  for (const entry of await list(run)) {
    const dir = `${run}/${entry}`;
    const owner = await noted(dir, "owner");
    // A folder without an owner is one that is being made this moment, or was left just then: an hour tells them apart.
    if (owner === undefined ? !(await olderThanAnHour(dir)) : await alive(owner)) continue;
    await endInstance(dir);
    swept.push(dir);
  }
  return swept;
}

/** Kills the noted processes of an instance that still run and removes its folder. */
export async function endInstance(dir: string): Promise<void> {
  for (const name of await list(dir)) {
    if (!name.startsWith("process-")) continue;
    const id = await noted(dir, name);
    if (id && await alive(id)) Deno.kill(id.pid, "SIGKILL");
  }
  await Deno.remove(dir, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

async function note(dir: string, name: string, pid: number): Promise<void> {
  const id: ProcessId = { pid, startTime: await startTime(pid) ?? "" };
  await Deno.writeTextFile(`${dir}/${name}`, JSON.stringify(id));
}

async function noted(dir: string, name: string): Promise<ProcessId | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(`${dir}/${name}`));
  } catch {
    return undefined;
  }
}

async function alive(id: ProcessId): Promise<boolean> {
  return await startTime(id.pid) === id.startTime;
}

/** Field 22 of `/proc/PID/stat` (proc(5)), or `undefined` if there is no such process. */
async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

async function olderThanAnHour(dir: string): Promise<boolean> {
  const info = await Deno.stat(dir).catch(() => undefined);
  return info?.mtime ? Date.now() - info.mtime.getTime() > 3_600_000 : false;
}

async function list(dir: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name);
  } catch {
    return [];
  }
}
