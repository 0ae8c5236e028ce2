import { assertEquals } from "@virtrigaud/deps";
import { likeApt } from "./like_apt.ts";

const aptSaying = (proxies: string, mirrors: string) => ([command]: readonly string[]): Promise<string> =>
  Promise.resolve(command === "apt-config" ? proxies : mirrors);

Deno.test("packages of another release come through apt's proxy and from apt's mirror, named once", async () => {
  const proxy = 'Acquire::http::Proxy "http://proxy.example.com:3142";';
  const mirror = "http://mirror.example.com/debian";
  assertEquals(await likeApt(aptSaying(`${proxy}\n`, `${mirror}\n${mirror}\n`)), [`--aptopt=${proxy}`, mirror]);
});

Deno.test("where apt has neither mirror nor proxy, mmdebstrap goes by its own defaults", async () => {
  assertEquals(await likeApt(aptSaying("", "")), []);
});
