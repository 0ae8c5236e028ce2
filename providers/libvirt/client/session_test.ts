import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { createServer } from "node:net";
import { ProviderError } from "@virtrigaud/contract";
import { FakeClock } from "@virtrigaud/resilience";
import * as hosts from "./host.ts";
import { encodePacket, PacketAssembler, packetStatus, packetType } from "./packet.ts";
import { procedure } from "./procedures.ts";
import { LibvirtSession, type SessionEvent } from "./session.ts";
import { XdrWriter } from "./xdr.ts";

/** A libvirtd on a socket of its own that answers just enough to be connected to. */
async function listen(socket: string) {
  const sockets = new Set<{ destroy(): void }>();
  let connections = 0;
  const server = createServer((peer) => {
    connections++;
    sockets.add(peer);
    const assembler = new PacketAssembler();
    peer.on("error", () => {});
    peer.on("data", (chunk: Uint8Array) => {
      for (const packet of assembler.push(chunk)) {
        const body = new XdrWriter();
        if (packet.procedure === procedure.authList) body.list([0], (w, type) => w.i32(type));
        else if (packet.procedure === procedure.connectGetHostname) body.string("kvm1");
        else body.i32(1);
        peer.write(encodePacket({ ...packet, type: packetType.reply, status: packetStatus.ok, body: body.bytes() }));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    get connections() {
      return connections;
    },
    cut: () => sockets.forEach((peer) => peer.destroy()),
    async [Symbol.asyncDispose]() {
      sockets.forEach((peer) => peer.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function withFolder(run: (socket: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/s`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sessionTo(socket: string) {
  const clock = new FakeClock();
  const session = new LibvirtSession({
    endpoint: { transport: "unix", socket, driverUri: "qemu:///system" },
    credentials: () => ({}),
    clock,
    backoff: { baseMs: 1_000, maxMs: 8_000, jitter: 0 },
  });
  return { clock, session };
}

Deno.test("a host that is away is not hammered: attempts keep a growing distance, calls between fail at once", () =>
  withFolder(async (socket) => {
    const { clock, session } = sessionTo(socket);
    for (const delay of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      const attempt = await assertRejects(() => hosts.hostname(session), ProviderError);
      assertEquals([attempt.class, attempt.retryAfterMs], ["Unavailable", undefined]);
      assertStringIncludes(attempt.message, socket);
      const between = await assertRejects(() => hosts.hostname(session), ProviderError);
      assertEquals([between.class, between.retryAfterMs], ["Unavailable", delay]);
      await clock.advance(delay);
    }
    await using _server = await listen(socket);
    assertEquals(await hosts.hostname(session), "kvm1");
    assertEquals(session.retryAfterMs, 0);
    await session.close();
    assertEquals(clock.pending, 0);
  }));

Deno.test("calls share one connection; after a loss listeners are told, and the next call makes a new one", () =>
  withFolder(async (socket) => {
    await using server = await listen(socket);
    const { session } = sessionTo(socket);
    const heard: SessionEvent["type"][] = [];
    const lost = Promise.withResolvers<void>();
    session.listen((event) => {
      heard.push(event.type);
      if (event.type === "Lost") lost.resolve();
    });
    assertEquals(await Promise.all([1, 2, 3].map(() => hosts.hostname(session))), ["kvm1", "kvm1", "kvm1"]);
    assertEquals(server.connections, 1);
    server.cut();
    await lost.promise;
    assertEquals(await hosts.hostname(session), "kvm1");
    assertEquals(server.connections, 2);
    assertEquals(heard, ["Connected", "Lost", "Connected"]);
    session.renew();
    assertEquals(await hosts.hostname(session), "kvm1");
    assertEquals(server.connections, 3);
    await session.close();
    const closed = await assertRejects(() => hosts.hostname(session), ProviderError);
    assertStringIncludes(closed.message, "shutting down");
  }));

Deno.test("a caller who loses patience while the connection is made is let go", () =>
  withFolder(async (socket) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(socket, resolve));
    const { clock, session } = sessionTo(socket);
    const abort = new AbortController();
    const call = hosts.hostname(session, { signal: abort.signal });
    abort.abort();
    assertEquals((await assertRejects(() => call, ProviderError)).class, "Timeout");
    await session.close();
    await new Promise((resolve) => silent.close(resolve));
    assert(clock.pending === 0, "no timer is left");
  }));
