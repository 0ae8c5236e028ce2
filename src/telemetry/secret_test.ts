import { assertEquals } from "@virtrigaud/deps";
import { inspect } from "node:util";
import { Secret } from "./secret.ts";

Deno.test("a secret prints as redacted everywhere and reveals only on request", () => {
  const secret = new Secret("hunter2");
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret, list: [secret] }),
    Deno.inspect({ secret }),
    inspect({ secret }, { depth: 9, showHidden: true }),
    String(new Error(`login with ${secret}`)),
  ];
  assertEquals(printed.filter((text) => text.includes("hunter2") || !text.includes("[redacted]")), []);
  assertEquals(secret.reveal(), "hunter2");
});
