/** The Deno release that the product runs on, and the check that it is the one in use. @module */

/** The only supported release. Later 2.9 releases abort in `node:http2` (denoland/deno#36788), which gRPC runs on. */
export const DENO_VERSION = "2.9.3";

/** What is wrong with running on `version`; `undefined`: nothing. */
export function denoVersionProblem(version: string): string | undefined {
  if (version === DENO_VERSION) return undefined;
  return `VirtRigaud needs Deno ${DENO_VERSION}, this is ${version}. Deno 2.9.4 to 2.9.8 crash in HTTP/2 ` +
    `(denoland/deno#36788), older ones lack what the project uses. Run it as: npx deno@${DENO_VERSION} task <name>`;
}

/** Ends the process with an explanation unless it runs on {@linkcode DENO_VERSION}. Every entry point calls it first. */
export function assertDenoVersion(): void {
  const problem = denoVersionProblem(Deno.version.deno);
  if (problem === undefined) return;
  console.error(problem);
  Deno.exit(1);
}
