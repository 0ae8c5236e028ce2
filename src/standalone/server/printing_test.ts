import { assertEquals, assertThrows } from "@virtrigaud/deps";
import type { JsonObject } from "../storage/mod.ts";
import { compileJsonPath } from "./jsonpath.ts";
import { age } from "./table.ts";

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const ages: [ms: number, text: string][] = [
  [0, "0s"],
  [119 * SECOND, "119s"],
  [2 * MINUTE, "2m"],
  [4 * MINUTE + 32 * SECOND, "4m32s"],
  [12 * MINUTE + 5 * SECOND, "12m"],
  [179 * MINUTE, "179m"],
  [3 * HOUR + 7 * MINUTE, "3h7m"],
  [10 * HOUR + 7 * MINUTE, "10h"],
  [47 * HOUR, "47h"],
  [2 * DAY + 4 * HOUR, "2d4h"],
  [9 * DAY + 4 * HOUR, "9d"],
  [729 * DAY, "729d"],
  [770 * DAY, "2y40d"],
  [9 * 365 * DAY, "9y"],
];
Deno.test("ages are printed with two units while they are young and one when they are not", () => {
  const start = Date.UTC(2030, 0, 1);
  assertEquals(ages.map(([ms]) => age("2030-01-01T00:00:00Z", start + ms)), ages.map(([, text]) => text));
  assertEquals(age("", start), "<unknown>");
});

const object: JsonObject = {
  metadata: { name: "a", labels: { "app.kubernetes.io/name": "x" } },
  status: {
    ips: ["10.0.0.1", "fe80::1"],
    conditions: [{ type: "Ready", status: "True", n: 3 }, { type: "Synced", status: "False" }],
  },
};
const paths: [path: string, value: unknown][] = [
  [".metadata.name", "a"],
  ["metadata.name", "a"],
  [".metadata.labels['app.kubernetes.io/name']", "x"],
  [".metadata.labels.app\\.kubernetes\\.io/name", "x"],
  [".status.ips[0]", "10.0.0.1"],
  [".status.ips[-1]", "fe80::1"],
  [".status.ips[*]", "10.0.0.1"],
  ['.status.conditions[?(@.type=="Synced")].status', "False"],
  [".status.conditions[?(@.type=='Ready')].status", "True"],
  [".status.conditions[?(@.n>2)].type", "Ready"],
  ['.status.conditions[?(@.type!="Ready")].type', "Synced"],
  ['.status.conditions[?(@.type=="None")].status', undefined],
  [".status.nothing.below", undefined],
];
for (const [path, value] of paths) {
  Deno.test(`JSONPath ${path} finds ${value}`, () => assertEquals<unknown>(compileJsonPath(path)(object), value));
}

Deno.test("a JSONPath that is not understood is refused with the part in question", () => {
  assertThrows(() => compileJsonPath(".a[?(@.b=~'x')]"), Error, "is not understood");
  assertThrows(() => compileJsonPath(".a..b"), Error, "is not understood");
});
