/** How large the cases of this folder are run: the only file here that reads the environment. @module */

/** Whether `deno task campaign` runs: the reference's own numbers instead of ones that end within a minute. */
export function isCampaign(): boolean {
  return Deno.env.get("VIRTRIGAUD_CAMPAIGN") === "true";
}

/** Variables that a child process needs to find the module cache. */
export function denoVariables(): Record<string, string> {
  const names = ["HOME", "DENO_DIR", "XDG_CACHE_HOME"] as const;
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
