import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { FakeLibvirtd } from "../testing/fake_libvirtd.ts";
import { type DomainEvent, onEvent } from "./events.ts";
import * as domains from "./domain.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import * as hosts from "./host.ts";
import { type Packet, packetStatus, packetType, program } from "./packet.ts";
import { procedure } from "./procedures.ts";
import type { SaslCredentials } from "./sasl.ts";
import * as storage from "./storage.ts";
import { XdrWriter } from "./xdr.ts";

const web = { name: "web", uuid: "11111111-2222-4333-8444-555555555555", id: 3 };
const volume = { pool: "default", name: "seed.iso", key: "/seed.iso" };
/** Lets streams and promises settle. */
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("answers find their calls by serial, in whatever order they come", async () => {
  const server = new FakeLibvirtd();
  const [first, second] = [hosts.hostname(server.connection), hosts.libvirtVersion(server.connection)];
  await settle();
  server.reply(server.calls[1], (w) => w.u64(9_000_000));
  server.reply(server.calls[0], (w) => w.string("kvm1"));
  assertEquals(await Promise.all([first, second]), ["kvm1", "9.0.0"]);
  server.connection.close();
});

Deno.test("libvirt's errors keep their code and say what was being done", async () => {
  const server = new FakeLibvirtd();
  const call = domains.start(server.connection, web);
  await settle();
  server.refuse(server.calls[0], errorCode.operationInvalid, "domain is already running");
  const error = await assertRejects(() => call, LibvirtError);
  assertEquals([error.class, error.reason, error.code], ["Conflict", "PowerState", errorCode.operationInvalid]);
  assertStringIncludes(error.message, 'start domain "web"');
  assertStringIncludes(error.message, "already running");
  server.connection.close();
});

Deno.test("when the connection breaks, everything under way fails as Unavailable, and so does what follows", async () => {
  const server = new FakeLibvirtd();
  const calls = [hosts.hostname(server.connection), domains.start(server.connection, web)];
  await settle();
  server.duplex.destroy(new Error("ECONNRESET"));
  for (const call of calls) {
    const error = await assertRejects(() => call, ProviderError);
    assertEquals(error.class, "Unavailable");
  }
  assertEquals((await server.connection.ended).class, "Unavailable");
  const later = await assertRejects(() => hosts.hostname(server.connection), ProviderError);
  assertEquals(later.class, "Unavailable");
  assertEquals(server.connection.usable, false);
});

Deno.test("bytes outside the protocol end the connection with a typed error", async () => {
  const broken: ((server: FakeLibvirtd) => void)[] = [
    (server) => server.duplex.push(new Uint8Array(8)),
    (server) => server.reply(server.calls[0], (w) => w.u32(1_000_000)),
    (server) => server.send({ type: 9 }),
  ];
  for (const send of broken) {
    const server = new FakeLibvirtd();
    const call = hosts.hostname(server.connection);
    await settle();
    send(server);
    assertEquals((await assertRejects(() => call, ProviderError)).class, "Unavailable");
    assertStringIncludes((await server.connection.ended).message, "libvirt sent");
  }
});

Deno.test("a call that is not answered times out, one that is given up says so, and late answers harm nobody", async () => {
  const server = new FakeLibvirtd();
  const slow = hosts.hostname(server.connection);
  const abort = new AbortController();
  const given = hosts.hostname(server.connection, { signal: abort.signal });
  await settle();
  abort.abort();
  assertEquals((await assertRejects(() => given, ProviderError)).class, "Timeout");
  const timeout = assertRejects(() => slow, ProviderError);
  await server.clock.advance(60_000);
  assertEquals((await timeout).class, "Timeout");
  for (const call of server.calls) server.reply(call, (w) => w.string("late"));
  await settle();
  const again = hosts.hostname(server.connection);
  await settle();
  server.reply(server.calls[2], (w) => w.string("kvm1"));
  assertEquals(await again, "kvm1");
  server.connection.close();
  assertEquals(server.clock.pending, 0);
});

Deno.test("at most four calls are on their way, so that libvirtd goes on reading; two of them to guest agents", async () => {
  const server = new FakeLibvirtd();
  const agents = [1, 2, 3].map(() => domains.agentInfo(server.connection, web));
  const others = [1, 2, 3, 4].map(() => hosts.hostname(server.connection));
  await settle();
  const kinds = () => server.calls.map((call) => call.procedure);
  const { domainGetGuestInfo: agent, connectGetHostname: name } = procedure;
  assertEquals(kinds(), [agent, agent, name, name]);
  server.reply(server.calls[2], (w) => w.string("a"));
  await settle();
  assertEquals(kinds(), [agent, agent, name, name, name], "the third agent still waits for its lane");
  server.reply(server.calls[0], (w) => w.u32(0));
  await settle();
  assertEquals(kinds().at(-1), agent);
  server.connection.close();
  const ends = await Promise.allSettled([...agents, ...others]);
  assertEquals(ends.filter((end) => end.status === "fulfilled").length, 2, "and those that still waited have failed");
  assertEquals(server.clock.pending, 0);
});

Deno.test("pings are answered; a silent server is pinged and then given up", async () => {
  const server = new FakeLibvirtd();
  server.send({ program: program.keepAlive, procedure: 1, type: packetType.message });
  await settle();
  assertEquals(server.received.map((packet) => [packet.program, packet.procedure]), [[program.keepAlive, 2]]);
  server.connection.startKeepAlive();
  await server.clock.advance(7_000);
  assert(server.connection.usable);
  assertEquals(server.received.filter((packet) => packet.procedure === 1).length, 3);
  await server.clock.advance(1_000);
  assertStringIncludes((await server.connection.ended).message, "has not answered");
  assertEquals(server.clock.pending, 0);
});

Deno.test("while disk content flows, a server that is busy writing it has more time to answer", async () => {
  const server = new FakeLibvirtd();
  server.connection.startKeepAlive();
  const upload = storage.upload(server.connection, volume, new Uint8Array(10));
  await settle();
  server.reply(server.calls[0]);
  await settle();
  await server.clock.advance(20_000);
  assert(server.connection.usable);
  const cut = assertRejects(() => upload, ProviderError);
  await server.clock.advance(20_000);
  assertEquals((await cut).class, "Unavailable");
});

Deno.test("events are decoded and carry the domain", async () => {
  const server = new FakeLibvirtd();
  const events: DomainEvent[] = [];
  const networks: string[] = [];
  const stop = onEvent(server.connection, {
    domain: (event) => events.push(event),
    network: ({ name }) => networks.push(name),
  });
  const body = (lifecycle: number) =>
    new XdrWriter().i32(0).string(web.name).uuid(web.uuid).i32(web.id).i32(lifecycle).i32(0).bytes();
  const message = { type: packetType.message, procedure: procedure.eventLifecycle };
  server.send({ ...message, body: body(1) });
  server.send({ ...message, procedure: procedure.eventAgentLifecycle, body: body(2) });
  server.send({ ...message, procedure: procedure.eventBlockJob, body: body(1) });
  server.send({
    ...message,
    procedure: procedure.eventNetworkLifecycle,
    body: new XdrWriter().i32(0).string("lan").uuid(web.uuid).i32(3).i32(0).bytes(),
  });
  server.send({ ...message, procedure: 999, body: new Uint8Array(0) });
  await settle();
  assertEquals(events, [
    { domain: web, kind: "lifecycle", undefined: true },
    { domain: web, kind: "agent", undefined: false },
    { domain: web, kind: "blockJob", undefined: false },
  ]);
  assertEquals(networks, ["lan"]);
  stop();
  server.send({ ...message, body: body(2) });
  await settle();
  assertEquals(events.length, 3);
  server.connection.close();
});

Deno.test("an upload goes in pieces, ends with a confirmation, and reports what the server says", async () => {
  const server = new FakeLibvirtd();
  const content = new Uint8Array(150_000).fill(7);
  const upload = storage.upload(server.connection, volume, content);
  await settle();
  server.reply(server.calls[0]);
  await settle();
  const stream = server.received.filter((packet) => packet.type === packetType.stream);
  assertEquals(stream.map((packet) => packet.body.byteLength), [65_536, 65_536, 18_928, 0]);
  assertEquals(stream.map((packet) => packet.status), [2, 2, 2, packetStatus.ok]);
  server.send({ type: packetType.stream, serial: server.calls[0]?.serial ?? 0, status: packetStatus.ok });
  await upload;

  const refused = storage.upload(server.connection, volume, content);
  await settle();
  server.reply(server.calls[1]);
  await settle();
  server.refuse(server.calls[1], errorCode.system, "cannot write data: No space left on device", packetType.stream);
  const error = await assertRejects(() => refused, ProviderError);
  assertEquals(error.class, "QuotaExceeded");
  assertStringIncludes(error.message, "seed.iso");

  const cut = storage.upload(server.connection, volume, content);
  await settle();
  server.reply(server.calls[2]);
  await settle();
  server.connection.close();
  assertEquals((await assertRejects(() => cut, ProviderError)).class, "Unavailable");
});

/** Plays libvirtd's part of a login: each entry answers one call, in order. */
async function logIn(
  credentials: SaslCredentials,
  answers: readonly ((w: XdrWriter, call: Packet) => unknown)[],
  options: { readonly exposed?: boolean } = {},
) {
  const server = new FakeLibvirtd();
  const opening = hosts.open(server.connection, "qemu:///system", { credentials, ...options });
  opening.catch(() => {});
  for (const [index, answer] of answers.entries()) {
    await settle();
    const call = server.calls[index];
    if (call === undefined) break;
    server.reply(call, (w) => answer(w, call));
  }
  const result = await opening.then(() => undefined, (error) => error);
  server.connection.close();
  return { error: result, calls: server.calls };
}
const sasl = { username: "ops", password: new Secret("pencil") };
const offersSasl = (w: XdrWriter) => w.list([1], (x, type) => x.i32(type));
const says = (complete: boolean, text: string) => (w: XdrWriter) =>
  w.i32(complete ? 1 : 0).i32(0).list([...new TextEncoder().encode(text)], (x, byte) => x.i32(byte));

Deno.test("a libvirt that wants a login gets one by PLAIN only where nobody can listen", async () => {
  const mechanisms = (w: XdrWriter) => w.string("GSSAPI,PLAIN");
  const { error, calls } = await logIn(sasl, [offersSasl, mechanisms, says(true, ""), () => {}, (w) => w.i32(1)]);
  assertEquals(error, undefined);
  assertEquals(calls[2]?.procedure, procedure.authSaslStart);
  const exposed = await logIn(sasl, [offersSasl, mechanisms], { exposed: true });
  assertEquals([exposed.error?.class, exposed.calls.length], ["Unauthorized", 2]);
  assertStringIncludes(exposed.error?.message, "scram-sha-256");
  const without = await logIn({}, [offersSasl, mechanisms]);
  assertStringIncludes(without.error?.message, "username and password");
});

Deno.test("a server that does not prove that it knows the password is not trusted, whatever it claims", async () => {
  const mechanisms = (w: XdrWriter) => w.string("SCRAM-SHA-256");
  const liars = [
    [says(true, "")],
    [says(false, "r=stranger,s=AAAA,i=4096")],
    [says(false, "r=,s=AAAA,i=99999999999")],
  ];
  for (const lies of liars) {
    const { error, calls } = await logIn(sasl, [offersSasl, mechanisms, ...lies]);
    assertEquals(error?.class, "Unauthorized");
    assertEquals(calls.length, 3, "nothing more is said to it");
    assertEquals(error.message.includes("pencil"), false);
  }
});

Deno.test("an authentication that nobody knows is refused with what to change", async () => {
  const { error } = await logIn({}, [(w) => w.list([7], (x, type) => x.i32(type))]);
  assertEquals(error?.class, "Unauthorized");
  assertStringIncludes(error?.message, "auth_unix_rw");
});
