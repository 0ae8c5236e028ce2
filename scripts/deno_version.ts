/** The Deno release that the project runs on, and the check that it is the one in use. @module */

/** The only supported release. Later 2.9 releases abort in `node:http2` (denoland/deno#36788), which gRPC runs on. */
export const DENO_VERSION = "2.9.3";

/** Ends the process with an explanation unless it runs on {@linkcode DENO_VERSION}. */
export function assertDenoVersion(): void {
  if (Deno.version.deno === DENO_VERSION) return;
  console.error(
    `VirtRigaud needs Deno ${DENO_VERSION}, this is ${Deno.version.deno}. Deno 2.9.4 to 2.9.8 crash in HTTP/2 ` +
      `(denoland/deno#36788), older ones lack what the project uses. Run it as: npx deno@${DENO_VERSION} task <name>`,
  );
  Deno.exit(1);
}
