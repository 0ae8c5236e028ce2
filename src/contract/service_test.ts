import { assertEquals } from "@virtrigaud/deps";
import { rpcs, WATCH_RPC } from "./codec/rpcs.ts";
import { serviceDefinition } from "./service.ts";

Deno.test("the table of RPCs and the service in the proto name the same methods", () => {
  const known = [...Object.values(rpcs).map(({ rpc }) => rpc), WATCH_RPC].sort();
  assertEquals(Object.keys(serviceDefinition).sort(), known);
});
