import { assertEquals } from "@virtrigaud/deps";
import { Contest } from "./contest.ts";

Deno.test("an object that is changed back again and again is put right less often, until it is left alone", () => {
  const contest = new Contest();
  const at = (ms: number, object = "ns/p Deployment") => contest.waitMs(object, ms);
  assertEquals([at(0), at(1), at(2)], [0, 0, 0]);
  assertEquals([at(3), at(5_002)], [9_999, 5_000]);
  assertEquals([at(0, "ns/q Deployment"), at(3, "ns/q Deployment")], [0, 0]);
  assertEquals([at(10_002), at(10_003), at(10_004), at(10_005)], [0, 0, 0, 9_999]);
  contest.forget("ns/p ");
  assertEquals([at(10_006), at(10_007, "ns/q Deployment")], [0, 0]);
});
