/** The page about what each program may do. @module */
import { permissionFlags, ROLES } from "../build/roles.ts";
import { type Generator } from "./generator.ts";
import { NOTICE } from "./markdown.ts";

const FOLDER = "docs/permissions";

/** `docs/permissions/README.md`. */
export const permissions: Generator = {
  name: "permissions",
  owns: [FOLDER],
  files: () => [{
    path: `${FOLDER}/README.md`,
    text: `${NOTICE.replace("src/api", "scripts/build/roles.ts")}# What each program may do

Binaries, bundles and images run under Deno's permissions: what is not listed is refused by the runtime, whatever the code
or a package in it tries. Nothing but the standalone may start programs, and nothing loads native code or fetches code.
Files are written only where it says so. Other environment variables read as if they were not set; the runtime itself
reads \`OTEL_*\` where traces are exported.

\`volumes\` and \`state\` lie below the folder that a program is started in: the standalone starts each provider in one of
its own, and in an image there are none.

${
      ROLES.map(({ name, permissions, why }) =>
        `## ${name}\n\n${permissionFlags(permissions).map((flag) => `    ${flag}\n`).join("")}${
          Object.entries(why).map(([what, reason]) => `\n- \`${what}\`: ${reason}.\n`).join("")
        }`
      ).join("\n")
    }`,
  }],
};
