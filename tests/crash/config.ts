/** How much is played: the only file here that reads the environment, but for what is preloaded into a victim. @module */

/** Whether `deno task crash` runs: real processes die at every point instead of at a sample. */
export function isExhaustive(): boolean {
  return Deno.env.get("VIRTRIGAUD_CRASH") === "all";
}

/** Decides which points a sample has; the same number gives the same points. Default: another one every time. */
export function seed(): number {
  const given = Deno.env.get("VIRTRIGAUD_CRASH_SEED");
  return given === undefined ? crypto.getRandomValues(new Uint16Array(1))[0] ?? 0 : Number(given);
}
