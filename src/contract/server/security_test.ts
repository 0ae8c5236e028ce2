import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { jose } from "@virtrigaud/deps/jwt.ts";
import { FakeClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { connect as tlsConnect } from "node:tls";
import { type ConnectOptions, connectProvider } from "../client/mod.ts";
import { ProviderError } from "../errors.ts";
import { type TestPki, testPki, writeTls } from "../testing/certificates.ts";
import { callContext, loopback, machineSpec, operation } from "../testing/fixture.ts";
import type { ServeOptions } from "./serve.ts";
import { openTlsFolder } from "./tls.ts";

/**
 * Without leak sanitizers: after a refused connection grpc-js keeps an (unreferenced) timer for the next attempt until it
 * fires, even on a closed channel.
 */
const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });

const answers = {
  validate: () => Promise.resolve({ hypervisor: "mock", version: "1" }),
  create: () => Promise.resolve({ vmId: "1" }),
};
const serverName = "localhost";
const once = { retry: { maxAttempts: 1 }, timeouts: { validate: 3000 } };

const open = (serve: Partial<ServeOptions>, connect: Partial<ConnectOptions>) =>
  loopback(answers, { serve, connect: { serverName, ...once, ...connect } });

async function refusal(serve: Partial<ServeOptions>, connect: Partial<ConnectOptions>): Promise<ProviderError> {
  await using loop = await open(serve, connect);
  return await assertRejects(() => loop.provider.validate(callContext()), ProviderError);
}

test("with certificates of one authority on both ends the call goes through", async () => {
  const pki = await testPki();
  await using loop = await open({ tls: pki.serverTls }, { tls: pki.client });
  assertEquals((await loop.provider.validate(callContext())).hypervisor, "mock");
});

test("a client without certificate, with a stranger's, or with an expired one is not let in", async () => {
  const [pki, stranger] = await Promise.all([testPki("ours"), testPki("strangers")]);
  const expired = await pki.authority.issue({ commonName: "old", usages: ["client"], validityDays: -1 });
  const clients = [
    { caPem: pki.authority.certPem },
    { ...pki.client, client: stranger.client.client },
    { ...pki.client, client: expired },
  ];
  for (const tls of clients) {
    assertEquals((await refusal({ tls: pki.serverTls }, { tls })).class, "Unavailable");
  }
});

test("a server of another authority, of another name, expired, or in plaintext is not trusted", async () => {
  const [pki, stranger] = await Promise.all([testPki("ours"), testPki("strangers")]);
  const old = await testPki("old", { issuedAt: Date.now() - 4000 * 86_400_000 });
  const cases: [Partial<ServeOptions>, Partial<ConnectOptions>][] = [
    [{ tls: stranger.serverTls }, { tls: pki.client }],
    [{ tls: pki.serverTls }, { tls: pki.client, serverName: "provider.other.svc" }],
    [{ tls: old.serverTls }, { tls: old.client }],
    [{}, { tls: pki.client }],
    [{ tls: pki.serverTls }, { tls: { plaintext: true } }],
  ];
  for (const [serve, connect] of cases) assertEquals((await refusal(serve, connect)).class, "Unavailable");
});

test("a client that is told not to verify talks to a server of another name, with its own certificate still", async () => {
  const pki = await testPki();
  const tls = { ...pki.client, insecureSkipVerify: true };
  await using loop = await open({ tls: pki.serverTls }, { tls, serverName: "provider.other.svc" });
  assertEquals((await loop.provider.validate(callContext())).hypervisor, "mock");
});

test("nothing below TLS 1.3 is spoken", async () => {
  const pki = await testPki();
  await using loop = await open({ tls: pki.serverTls }, { tls: pki.client });
  const outcome = await new Promise<string>((resolve) => {
    const socket = tlsConnect({
      port: loop.server.port,
      host: "127.0.0.1",
      servername: serverName,
      ca: pki.authority.certPem,
      cert: pki.client.client?.certPem,
      key: pki.client.client?.keyPem.reveal(),
      maxVersion: "TLSv1.2",
    }, () => {
      resolve(`connected ${socket.getProtocol()}`);
      socket.destroy();
    });
    socket.on("error", () => resolve("refused"));
  });
  assertEquals(outcome, "refused");
});

test("only the allowed names of client certificates are let in", async () => {
  const pki = await testPki();
  const serve = (allowedSans: string[]) => ({ tls: pki.serverTls, auth: { allowedSans } });
  for (const name of ["manager", "manager.virtrigaud-system.svc"]) {
    await using loop = await open(serve(["x", name]), { tls: pki.client });
    assertEquals((await loop.provider.validate(callContext())).hypervisor, "mock");
  }
  const forged = await pki.authority.issue({
    commonName: "x",
    usages: ["client"],
    dnsNames: ["a, DNS:manager.virtrigaud-system.svc, b"],
  });
  const forger = { ...pki.client, client: forged };
  assertEquals((await refusal(serve(["manager.virtrigaud-system.svc"]), { tls: forger })).class, "Unauthorized");
  const error = await refusal(serve(["somebody.else"]), { tls: pki.client });
  assertEquals([error.class, error.reason], ["Unauthorized", "PermissionDenied"]);
  assertStringIncludes(error.message, "manager.virtrigaud-system.svc");
});

test("changed certificate and authority are taken up without a restart and without breaking a call", async () => {
  const [before, after] = await Promise.all([testPki("before"), testPki("after")]);
  const folder = await Deno.makeTempDir();
  await writeTls(folder, before.server);
  const clock = new FakeClock();
  const tls = await openTlsFolder(folder, { clock });
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  {
    await using loop = await loopback({
      ...answers,
      getCapabilities: () => {
        started.resolve();
        return gate.promise.then(() => Promise.reject(new ProviderError("NotSupported", "finished")));
      },
    }, { serve: { tls }, connect: { tls: before.client, serverName, ...once } });
    const running = assertRejects(() => loop.provider.getCapabilities(callContext()), ProviderError, "finished");
    await started.promise;

    await writeTls(folder, after.server);
    await tls?.refresh();
    const fresh = (pki: TestPki) => {
      loop.reload(pki.client);
      return loop.provider.validate(callContext());
    };
    assertEquals((await assertRejects(() => fresh(before), ProviderError)).class, "Unavailable");
    assertEquals((await fresh(after)).hypervisor, "mock");
    const rogue = { ...before.client, caPem: after.authority.certPem };
    assertEquals((await assertRejects(() => fresh({ ...before, client: rogue }), ProviderError)).class, "Unavailable");
    assertEquals((await fresh(after)).hypervisor, "mock");
    gate.resolve();
    await running;
  }
  tls?.close();
  await Deno.remove(folder, { recursive: true });
});

test("a signed token with the scope is the second way in; every flaw of it is refused", async () => {
  const pki = await testPki();
  const clock = new FakeClock();
  const { publicKey, privateKey } = await jose.generateKeyPair("RS256", { extractable: true });
  const stranger = await jose.generateKeyPair("RS256");
  const keys = JSON.stringify({ keys: [{ ...await jose.exportJWK(publicKey), alg: "RS256" }] });
  const jwt = { keys, issuer: "https://issuer.test", audience: "virtrigaud" };
  const now = Math.floor(clock.now() / 1000);
  const token = (claims: Record<string, unknown>, key = privateKey) =>
    new jose.SignJWT({ iss: jwt.issuer, aud: jwt.audience, exp: now + 300, scope: "virtrigaud:write", ...claims })
      .setProtectedHeader({ alg: "RS256" }).sign(key);
  const symmetric = await new jose.SignJWT({ iss: jwt.issuer, aud: jwt.audience, exp: now + 300 })
    .setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode("k".repeat(32)));

  const call = async (bearer: string | undefined, method: "read" | "lead" | "write") => {
    const tls = { caPem: pki.authority.certPem };
    const secret = bearer === undefined ? {} : { token: new Secret(bearer) };
    await using loop = await open({ tls: pki.serverTls, auth: { jwt }, clock }, { tls, ...secret });
    const request = { operation: operation(), spec: machineSpec, powerOn: true };
    const context = method === "lead" ? { ...callContext(), turn: { fence: 9, number: 1 } } : callContext();
    const result = method !== "write" ? loop.provider.validate(context) : loop.provider.create(request, callContext());
    return await result.then(() => "ok", (error: ProviderError) => `${error.class} ${error.message}`);
  };
  assertEquals(await call(await token({}), "write"), "ok");
  assertEquals(await call(await token({ scope: undefined, scp: ["virtrigaud:read"] }), "read"), "ok");
  const reader = await token({ scope: "virtrigaud:read" });
  assertStringIncludes(await call(reader, "lead"), "lacks scope virtrigaud:write");
  const refused: [string | undefined, string][] = [
    [undefined, "has to carry a bearer token"],
    ["nonsense", "ERR_"],
    [symmetric, "ERR_JOSE_ALG_NOT_ALLOWED"],
    [await token({}, stranger.privateKey), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
    [await token({ exp: now - 60 }), "ERR_JWT_EXPIRED"],
    [await token({ exp: undefined }), "(claim exp)"],
    [await token({ aud: "somebody" }), "(claim aud)"],
    [await token({ iss: "somebody" }), "(claim iss)"],
    [await token({ scope: "virtrigaud:read other" }), "lacks scope virtrigaud:write"],
  ];
  for (const [bearer, expected] of refused) {
    const outcome = await call(bearer, "write");
    assertStringIncludes(outcome, "Unauthorized");
    assertStringIncludes(outcome, expected);
    if (bearer !== undefined) assertEquals(outcome.includes(bearer), false);
  }
});

test("bearer tokens never go without TLS, on either end", async () => {
  const jwt = { keys: "", issuer: "i", audience: "a" };
  await assertRejects(() => loopback(answers, { serve: { auth: { jwt } } }), Error, "over TLS only");
  const connect = { address: "localhost:1", tls: { plaintext: true }, token: new Secret("t") } as const;
  assertThrows(() => connectProvider(connect), TypeError, "plaintext");
});
