import { assertEquals } from "@virtrigaud/deps";
import { play } from "./play.ts";

Deno.test("one VM becomes Ready, is changed and deleted in a world without faults", async () => {
  assertEquals(await play([{ type: "Create", vm: "a", power: "On", retain: false }], 1), { broken: [] });
  assertEquals(
    await play([
      { type: "Create", vm: "a", power: "On", retain: false },
      { type: "Wait", ms: 20_000 },
      { type: "Resize", vm: "a", to: "large" },
      { type: "Disks", vm: "a", sizes: [1] },
      { type: "Wait", ms: 20_000 },
      { type: "Power", vm: "a", power: "OffGraceful" },
    ], 1),
    { broken: [] },
  );
});
