/** A control plane as a process of its own, to be killed: `plane_main.ts <folder>`. Says where it answers. @module */
import { startControlPlane } from "@virtrigaud/standalone";
import { WIDGET } from "@virtrigaud/standalone/testing";

const plane = await startControlPlane({ dataDir: Deno.args[0] ?? "", kinds: [WIDGET] });
const { url, caPem, tokens } = plane;
console.log(JSON.stringify({ url, caPem, tokens }));
