import { assert, assertEquals, assertRejects, assertThrows } from "@virtrigaud/deps";
import { ProviderError, type TransferTarget } from "@virtrigaud/contract";
import { FakeClock, systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { S3_ACCOUNT, S3Server } from "../testing/s3_server.ts";
import { type TransferOptions, type TransferStore, transferStore } from "./mod.ts";

const MIB = 1024 * 1024;
const options = (change: Partial<TransferOptions> = {}): TransferOptions => ({
  clock: systemClock,
  claims: "/nowhere",
  field: "target",
  signal: new AbortController().signal,
  ...change,
});

const s3 = (server: S3Server, change: Partial<TransferTarget> = {}): TransferTarget => ({
  backend: "s3",
  url: "s3://bucket/a/b%20c.qcow2",
  credentials: new Secret(S3_ACCOUNT),
  options: { endpoint: server.endpoint, usePathStyle: "true" },
  ...change,
});
const pvc = (url: string): TransferTarget => ({ backend: "pvc", url, credentials: new Secret({}), options: {} });

async function* pieces(content: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < content.byteLength; offset += size) {
    await Promise.resolve();
    yield content.subarray(offset, offset + size);
  }
}

async function contentOf(store: TransferStore): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of (await store.read()).chunks) parts.push(chunk);
  return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
}

const bytes = (length: number): Uint8Array => {
  const content = new Uint8Array(length);
  for (let offset = 0; offset < length; offset += 65_536) {
    crypto.getRandomValues(content.subarray(offset, Math.min(offset + 65_536, length)));
  }
  return content;
};

/** Retries wait at once. */
function hurried(): FakeClock {
  const clock = new FakeClock();
  clock.sleep = () => Promise.resolve();
  return clock;
}

Deno.test("what is put into an S3 store is what is read from it: empty, small, and in parts", async () => {
  await using server = await S3Server.start();
  for (const length of [0, 1000, 16 * MIB, 16 * MIB + 1, 40 * MIB]) {
    const content = bytes(length);
    const store = transferStore(s3(server), options());
    await store.write(pieces(content), { expectedBytes: undefined });
    assertEquals(server.objects.get("bucket/a/b c.qcow2")?.byteLength, length);
    assert(content.every((byte, index) => server.objects.get("bucket/a/b c.qcow2")?.[index] === byte));
    const { bytes: told } = await store.read().then(async (body) => {
      for await (const _ of body.chunks);
      return body;
    });
    assertEquals(told, length);
  }
  assertEquals(server.uploads.size, 0);
});

Deno.test("parts grow with what is expected, so that a disk of any size fits", async () => {
  await using server = await S3Server.start();
  const store = transferStore(s3(server), options());
  await store.write(pieces(bytes(40 * MIB)), { expectedBytes: 9_000 * 20 * MIB });
  assertEquals(server.requests.filter((line) => line.startsWith("PUT")).length, 2);
});

Deno.test("a part that the store does not take is sent again; an upload that fails leaves nothing", async () => {
  await using server = await S3Server.start();
  const store = transferStore(s3(server), options({ clock: hurried() }));
  let refusals = 2;
  server.fault = ({ method }) => method === "PUT" && refusals-- > 0 ? 503 : undefined;
  await store.write(pieces(bytes(20 * MIB)), { expectedBytes: undefined });
  assertEquals(server.objects.get("bucket/a/b c.qcow2")?.byteLength, 20 * MIB);
  server.objects.clear();
  server.fault = ({ url }) => url.searchParams.get("partNumber") === "2" ? 503 : undefined;
  const error = await assertRejects(
    () => store.write(pieces(bytes(20 * MIB)), { expectedBytes: undefined }),
    ProviderError,
  );
  assertEquals(error.class, "Retryable");
  assertEquals([server.objects.size, server.uploads.size], [0, 0]);
});

Deno.test("an upload that is called off cleans up although everything is called off", async () => {
  await using server = await S3Server.start();
  const abort = new AbortController();
  const store = transferStore(s3(server), options({ signal: abort.signal }));
  async function* stopped() {
    yield* pieces(bytes(33 * MIB));
    abort.abort();
    yield bytes(16 * MIB);
  }
  await assertRejects(() => store.write(stopped(), { expectedBytes: undefined }));
  assertEquals([server.objects.size, server.uploads.size], [0, 0]);
});

Deno.test("a download that breaks off goes on where it broke", async () => {
  await using server = await S3Server.start();
  const content = bytes(3 * MIB);
  server.objects.set("bucket/a/b c.qcow2", content);
  let cuts = 3;
  server.fault = ({ method }) => method === "GET" && cuts-- > 0 ? "cut" : undefined;
  assertEquals(await contentOf(transferStore(s3(server), options())), content);
  assertEquals(server.requests.length, 4);
});

Deno.test("what a store refuses is told by class, and never with the key", async () => {
  await using server = await S3Server.start();
  const table: [Partial<TransferTarget>, string][] = [
    [{ credentials: new Secret({ ...S3_ACCOUNT, secretAccessKey: "wrong-secret" }) }, "Unauthorized"],
    [{ url: "s3://bucket/absent" }, "NotFound"],
    [{ options: { endpoint: "http://169.254.169.254", usePathStyle: "true" } }, "InvalidSpec"],
  ];
  for (const [change, errorClass] of table) {
    const store = transferStore(s3(server, change), options());
    const error = await assertRejects(() => store.read(), ProviderError);
    assertEquals(error.class, errorClass);
    assert(!error.message.includes("secret"));
  }
});

Deno.test("an address that is none, or that leads elsewhere, is refused before anything is asked", async () => {
  await using server = await S3Server.start();
  const table: [TransferTarget, string, string][] = [
    [s3(server, { url: "http://bucket/key" }), "InvalidSpec", "target.url"],
    [s3(server, { url: "s3://bucket" }), "InvalidSpec", "target.url"],
    [s3(server, { url: "s3://bucket/a//b" }), "InvalidSpec", "target.url"],
    [s3(server, { credentials: new Secret({}) }), "Unauthorized", "target.credentials"],
    [s3(server, { options: { endpoint: "ftp://x" } }), "InvalidSpec", "target.options"],
    [pvc("pvc://claim/a%2f..%2fb"), "InvalidSpec", "target.url"],
    [{ ...pvc("nfs://server/export"), backend: "nfs" }, "NotSupported", "target.backend"],
  ];
  for (const [target, errorClass, field] of table) {
    const error = assertThrows(() => transferStore(target, options()), ProviderError);
    assertEquals([error.class, error.field], [errorClass, field]);
  }
  assertEquals(server.requests, []);
});

async function* broken() {
  yield bytes(10);
  await Promise.reject(new ProviderError("Retryable", "the source broke"));
}

Deno.test("a file of a mounted claim is there whole or not at all", async () => {
  const claims = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${claims}/claim`);
    const content = bytes(MIB + 1);
    const store = transferStore(pvc("pvc://claim/a/b.qcow2"), options({ claims }));
    await store.write(pieces(content), { expectedBytes: undefined });
    assertEquals(await contentOf(store), content);
    await assertRejects(() => store.write(broken(), { expectedBytes: undefined }), ProviderError, "the source broke");
    assertEquals(await contentOf(store), content, "what was there stays");
    assertEquals(Array.from(Deno.readDirSync(`${claims}/claim/a`), ({ name }) => name), ["b.qcow2"]);
    const missing = transferStore(pvc("pvc://other/b.qcow2"), options({ claims }));
    for (const attempt of [() => missing.read(), () => missing.write(pieces(content), { expectedBytes: undefined })]) {
      const error = await assertRejects(attempt, ProviderError);
      assertEquals([error.class, error.reason], ["Retryable", "DependencyMissing"]);
    }
    assertEquals(
      (await assertRejects(() => transferStore(pvc("pvc://claim/none"), options({ claims })).read(), ProviderError))
        .class,
      "NotFound",
    );
  } finally {
    await Deno.remove(claims, { recursive: true });
  }
});

Deno.test("a link in a claim leads nowhere outside of it", async () => {
  const claims = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${claims}/claim`);
    await Deno.mkdir(`${claims}/secret`);
    await Deno.writeTextFile(`${claims}/secret/file`, "secret");
    await Deno.symlink(`${claims}/secret`, `${claims}/claim/folder`);
    await Deno.symlink(`${claims}/secret/file`, `${claims}/claim/file`);
    for (const url of ["pvc://claim/folder/file", "pvc://claim/file"]) {
      const store = transferStore(pvc(url), options({ claims }));
      assertEquals((await assertRejects(() => store.read(), ProviderError)).class, "InvalidSpec");
    }
    const store = transferStore(pvc("pvc://claim/folder/new"), options({ claims }));
    await assertRejects(() => store.write(pieces(bytes(1)), { expectedBytes: undefined }), ProviderError);
    assertEquals(Array.from(Deno.readDirSync(`${claims}/secret`), ({ name }) => name), ["file"]);
  } finally {
    await Deno.remove(claims, { recursive: true });
  }
});
