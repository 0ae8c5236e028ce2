import { assertEquals } from "@virtrigaud/deps";
import { generateContract } from "../../scripts/generate/contract.ts";
import { rpcs, WATCH_RPC } from "./codec/rpcs.ts";
import { serviceDefinition } from "./service.ts";

Deno.test("wire types and descriptor are what `deno task generate` makes of the proto", () => {
  for (const { path, text } of generateContract()) {
    const kept = Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
    assertEquals(kept === text, true, `${path} is stale; run \`deno task generate\``);
  }
});

Deno.test("the table of RPCs and the service in the proto name the same methods", () => {
  const known = [...Object.values(rpcs).map(({ rpc }) => rpc), WATCH_RPC].sort();
  assertEquals(Object.keys(serviceDefinition).sort(), known);
});
