/** What these tests read from the environment: the only file here that does. @module */

/** Variables that a process needs to find Deno and its cache, and nothing else of this one's. */
export function baseEnv(): Record<string, string> {
  const wanted = ["PATH", "HOME", "DENO_DIR", "NPM_CONFIG_REGISTRY", "TMPDIR"];
  return Object.fromEntries(wanted.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
