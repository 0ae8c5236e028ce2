import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { FakeClock, systemClock } from "@virtrigaud/resilience";
import { ImageServer, redirect, truncated, whole } from "../testing/image_server.ts";
import { addressKind } from "./addresses.ts";
import { type FetchOptions, openUrl } from "./download.ts";

const options = { clock: systemClock, field: "image.url" };

async function read(url: string, change: Partial<FetchOptions> = {}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of (await openUrl(url, { ...options, ...change })).chunks) parts.push(chunk);
  return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
}

const refusal = (url: string, change: Partial<FetchOptions> = {}): Promise<ProviderError> =>
  assertRejects(() => read(url, change), ProviderError);

const content = crypto.getRandomValues(new Uint8Array(60_000));

Deno.test("what the server has arrives, also through redirects of the same house", async () => {
  await using server = await ImageServer.start();
  const url = server.at("/a", whole(content));
  assertEquals(await read(url), content);
  assertEquals(await read(server.at("/b", redirect("/a"))), content);
});

Deno.test("headers go to the host that was asked for and to no other", async () => {
  await using server = await ImageServer.start();
  await using other = await ImageServer.start();
  const seen: (string | undefined)[] = [];
  const target = other.at("/target", (request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { "content-length": 0 }).end();
  });
  const url = server.at("/start", (request, response) => {
    seen.push(request.headers.authorization);
    redirect(target)(request, response);
  });
  await read(url, { headers: { authorization: "Bearer x" } });
  assertEquals(seen, ["Bearer x", undefined]);
});

Deno.test("a server that sends less than it said, or hangs, is told as such", async () => {
  await using server = await ImageServer.start();
  const cut = await refusal(server.at("/cut", truncated(content)));
  assertEquals([cut.class, cut.reason], ["Retryable", "ImageServer"]);
  const clock = new FakeClock();
  const slow = server.at("/slow", (_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write(new Uint8Array(10));
  });
  const body = await openUrl(slow, { ...options, clock, idleMs: 5_000 });
  const iterator = body.chunks[Symbol.asyncIterator]();
  assertEquals((await iterator.next()).value?.byteLength, 10);
  const silence = assertRejects(() => iterator.next(), ProviderError, "5000 ms");
  await clock.advance(5_000);
  await silence;
});

Deno.test("redirects lead neither to metadata services, nor from outside into the house, nor round and round", async () => {
  await using server = await ImageServer.start();
  const metadata = await refusal(server.at("/metadata", redirect("http://169.254.169.254/latest")));
  assertEquals([metadata.class, metadata.field], ["InvalidSpec", "image.url"]);
  assertStringIncludes(metadata.message, "169.254.169.254");
  assertEquals((await refusal("http://[fe80::1]/x")).class, "InvalidSpec");
  assertEquals((await refusal(server.at("/round", redirect("/round")))).message.includes("more than 5 times"), true);
  assertEquals((await refusal(server.at("/ftp", redirect("ftp://x/y")))).class, "InvalidSpec");
  // A name with a forbidden address beside an allowed one is reached at the allowed one only.
  const named = server.at("/named", whole(content)).replace("127.0.0.1", "images.test");
  assertEquals(await read(named, { resolve: () => Promise.resolve(["169.254.1.1", "127.0.0.1"]) }), content);
  assertEquals((await refusal(named, { resolve: () => Promise.resolve(["fe80::2"]) })).class, "InvalidSpec");
});

Deno.test("answers mean what they say", async () => {
  await using server = await ImageServer.start();
  const answer = (status: number) =>
    server.at(`/${status}`, (_request, response) => void response.writeHead(status).end());
  const table: [status: number, errorClass: string][] = [
    [401, "Unauthorized"],
    [403, "Unauthorized"],
    [404, "NotFound"],
    [400, "InvalidSpec"],
    [429, "Retryable"],
    [500, "Retryable"],
    [304, "Retryable"],
  ];
  for (const [status, errorClass] of table) {
    assertEquals((await refusal(answer(status))).class, errorClass, `${status}`);
  }
  assertEquals((await refusal("file:///etc/passwd")).class, "InvalidSpec");
  const secret = await refusal("http://user:canary@127.0.0.1/x");
  assertEquals([secret.class, secret.message.includes("canary")], ["InvalidSpec", false]);
  const signed = await refusal(`${answer(404)}?signature=canary`);
  assertEquals(signed.message.includes("canary"), false);
});

Deno.test("kinds of addresses", () => {
  const table: [kind: string, ...addresses: string[]][] = [
    ["public", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"],
    [
      "private",
      "10.1.2.3",
      "172.31.0.1",
      "192.168.1.1",
      "127.0.0.1",
      "::1",
      "fd00::1",
      "::ffff:10.0.0.1",
      "100.64.0.1",
    ],
    ["forbidden", "169.254.169.254", "0.0.0.0", "::", "fe80::1", "224.0.0.1", "255.255.255.255", "::ffff:a9fe:a9fe"],
    ["forbidden", "64:ff9b::169.254.169.254", "not an address", ""],
  ];
  for (const [kind, ...addresses] of table) {
    for (const address of addresses) assertEquals(addressKind(address), kind, address);
  }
});
