import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { FakeLibvirtd } from "../testing/fake_libvirtd.ts";
import { errorCode } from "./errors.ts";
import { packetStatus, packetType } from "./packet.ts";
import * as storage from "./storage.ts";

const volume = { pool: "default", name: "disk.qcow2", key: "/disk.qcow2" };
const range = { offset: 0, length: 100 };
/** Lets streams and promises settle. */
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** A download that the server has answered, and a way to send its data. */
async function begin(server: FakeLibvirtd) {
  const content = storage.read(server.connection, volume, range);
  content.catch(() => {});
  await settle();
  const call = server.calls.at(-1);
  server.reply(call);
  const send = (body: Uint8Array) =>
    server.send({
      type: packetType.stream,
      serial: call?.serial ?? 0,
      status: packetStatus.continue,
      body,
    });
  return { content, call, send, data: (...bytes: number[]) => send(Uint8Array.from(bytes)) };
}

Deno.test("a download is everything up to the piece without content, and is confirmed", async () => {
  const server = new FakeLibvirtd();
  const { content, call, data } = await begin(server);
  // In one go with the answer, as libvirt does it.
  data(1, 2);
  data(3);
  data();
  await settle();
  const last = server.received.at(-1);
  assertEquals([last?.type, last?.status, last?.serial], [packetType.stream, packetStatus.ok, call?.serial]);
  server.send({ type: packetType.stream, serial: call?.serial ?? 0, status: packetStatus.ok });
  assertEquals((await content).flatMap((piece) => [...piece]), [1, 2, 3]);
  server.connection.close();
});

Deno.test("what libvirtd sends before its answer belongs to the download as well", async () => {
  const server = new FakeLibvirtd();
  const content = storage.read(server.connection, volume, range);
  await settle();
  const call = server.calls.at(-1);
  const serial = call?.serial ?? 0;
  const send = (...bytes: number[]) =>
    server.send({ type: packetType.stream, serial, status: packetStatus.continue, body: Uint8Array.from(bytes) });
  send(1, 2);
  server.reply(call);
  send(3);
  send();
  await settle();
  server.send({ type: packetType.stream, serial, status: packetStatus.ok });
  assertEquals((await content).flatMap((piece) => [...piece]), [1, 2, 3]);
  server.connection.close();
});

Deno.test("a download whose caller has gone is ended, and its content is dropped", async () => {
  const server = new FakeLibvirtd();
  const caller = new AbortController();
  const content = storage.read(server.connection, volume, range, { signal: caller.signal });
  await settle();
  const call = server.calls.at(-1);
  caller.abort();
  assertEquals((await assertRejects(() => content, ProviderError)).class, "Timeout");
  server.reply(call);
  await settle();
  const last = server.received.at(-1);
  assertEquals([last?.type, last?.status, last?.serial], [packetType.stream, packetStatus.error, call?.serial]);
  server.connection.close();
});

Deno.test("a download that libvirt ends with an error, or that the connection takes along, fails as such", async () => {
  const server = new FakeLibvirtd();
  const refused = await begin(server);
  refused.data(1);
  server.refuse(refused.call, errorCode.system, "cannot read data: Input/output error", packetType.stream);
  const error = await assertRejects(() => refused.content, ProviderError);
  assertStringIncludes(error.message, "disk.qcow2");
  const cut = await begin(server);
  cut.data(1);
  await settle();
  server.connection.close();
  assertEquals((await assertRejects(() => cut.content, ProviderError)).class, "Unavailable");
});

Deno.test("a server that sends more than it was asked for is not followed without limit", async () => {
  const server = new FakeLibvirtd();
  const { content, send } = await begin(server);
  const piece = new Uint8Array(200_000);
  for (let sent = 0; sent < 17 * 2 ** 20; sent += piece.byteLength) send(piece);
  assertEquals((await assertRejects(() => content, ProviderError)).class, "Unavailable");
  server.connection.close();
});
