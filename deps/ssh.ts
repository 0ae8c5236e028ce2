/** Door for SSH. `ssh2` reads `__dirname` when it loads, which a bundled ES module does not have. */
import "./cjs_globals.ts";
// @ts-types="@types/ssh2"
import ssh2 from "ssh2";

export { ssh2 };
// @ts-types="@types/ssh2"
export type { Client as SshClient, ClientChannel, ConnectConfig } from "ssh2";
