/** Lets mmdebstrap fetch packages the way this machine's own apt does. @module */
import { run } from "../command.ts";

/**
 * The last arguments of mmdebstrap: the proxies of apt's configuration, and the mirror of Debian in apt's sources, which
 * serves every release. Where apt has neither, there are none, and mmdebstrap goes by its own defaults.
 */
export async function likeApt(execute: (argv: [string, ...string[]]) => Promise<string> = run): Promise<string[]> {
  const proxies = await execute(["apt-config", "dump", "--no-empty", "Acquire::http::Proxy", "Acquire::https::Proxy"]);
  const mirrors = await execute(["apt-get", "indextargets", "--format", "$(SITE)", "Origin: Debian", "Label: Debian"]);
  return [...lines(proxies).map((line) => `--aptopt=${line}`), ...lines(mirrors).slice(0, 1)];
}

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");
