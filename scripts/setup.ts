/** `deno task setup`: installs or builds what the integration suites need, and names what it cannot get. */
import { assertDenoVersion } from "../src/telemetry/deno_version.ts";
import { setUp } from "./setup/setup.ts";

assertDenoVersion();
await setUp((line) => console.log(line));
