/** A control plane as a process of its own, to be killed: `plane_main.ts <folder> [port]`. Says where it answers. @module */
import { kinds } from "@virtrigaud/api";
import { startControlPlane, writePrivate } from "@virtrigaud/standalone";
import { WIDGET } from "@virtrigaud/standalone/testing";
import { join } from "node:path";

const [dataDir = "", port = "0"] = Deno.args;
const plane = await startControlPlane({ dataDir, kinds: [...kinds, WIDGET], port: Number(port) });
await writePrivate(join(dataDir, "kubeconfig"), plane.kubeconfig("admin"));
const { url, caPem, tokens } = plane;
console.log(JSON.stringify({ url, caPem, tokens }));
