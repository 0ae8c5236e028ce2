import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { createLogger, silentLogger } from "@virtrigaud/telemetry";
import { join } from "node:path";
import { connectProvider } from "../client/mod.ts";
import { ProviderError } from "../errors.ts";
import { testPki, writeTls } from "../testing/certificates.ts";
import { callContext, scriptedProvider } from "../testing/fixture.ts";
import { type ProcessSettings, readProcess } from "./config.ts";
import { openCredentials } from "./credentials.ts";
import { type ProviderConfig, type ProviderProgram, startProvider } from "./run.ts";

function settings(env: Record<string, string>, args = ["--port=0", "--health-port=0"]): ProcessSettings {
  const request = readProcess({ args, env: { VIRTRIGAUD_LISTEN_HOST: "127.0.0.1", ...env } });
  if (request.type !== "serve") throw new Error(`asked to ${request.type}`);
  return request.settings;
}

Deno.test("arguments and environment are read as a Deployment gives them", () => {
  const read = settings({
    PROVIDER_TYPE: "libvirt",
    PROVIDER_ENDPOINT: "qemu+ssh://host/system",
    PROVIDER_NAMESPACE: "prod",
    PROVIDER_NAME: "lab",
    PROVIDER_DEFAULT_DATASTORE: "ssd",
    PROVIDER_DEFAULT_RESOURCE_POOL: "gold",
    PROVIDER_DEFAULT_FOLDER: "",
    VIRTRIGAUD_PROVIDER_ALLOWED_SANS: "manager, other",
    TLS_INSECURE_SKIP_VERIFY: "true",
    LOG_LEVEL: "debug",
  }, ["--port=9444", "--health-port", "8081"]);
  assertEquals([read.port, read.healthPort, read.type, read.endpoint, read.namespace, read.name], [
    9444,
    8081,
    "libvirt",
    "qemu+ssh://host/system",
    "prod",
    "lab",
  ]);
  assertEquals([read.defaults, read.allowedSans, read.insecureSkipVerify, read.log.level], [
    { datastore: "ssd", resourcePool: "gold" },
    ["manager", "other"],
    true,
    "debug",
  ]);
  const plain = settings({}, []);
  assertEquals([plain.port, plain.healthPort, plain.tlsFolder, plain.credentialsFolder, plain.tlsEnabled], [
    9443,
    8080,
    "/etc/virtrigaud/tls",
    "/etc/virtrigaud/credentials",
    true,
  ]);
});

Deno.test("wrong arguments and variables are refused by name", () => {
  assertThrows(() => settings({}, ["--port=99999"]), RangeError, "--port");
  assertThrows(() => settings({}, ["--prot=1"]), TypeError, "--prot");
  assertThrows(() => settings({ TLS_ENABLED: "perhaps" }), Error, "TLS_ENABLED");
  assertEquals(readProcess({ args: ["--version"], env: { TLS_ENABLED: "perhaps" } }), { type: "version" });
});

/** A program that answers Validate, and what it was given. */
function program() {
  const given: ProviderConfig[] = [];
  let disposed = 0;
  const it: ProviderProgram = {
    name: "provider-test",
    version: "1.2.3",
    create(config) {
      given.push(config);
      const provider = scriptedProvider({
        validate: () =>
          Promise.resolve({ hypervisor: config.credentials.require("username").reveal(), version: config.version }),
      });
      return { ...provider, [Symbol.asyncDispose]: () => Promise.resolve(void disposed++) };
    },
  };
  return { it, given, disposed: () => disposed };
}

Deno.test("a program serves over mTLS with mounted certificates and credentials, and lets go of everything", async () => {
  const pki = await testPki();
  const folder = await Deno.makeTempDir();
  await writeTls(folder, pki.server);
  await Deno.writeTextFile(join(folder, "username"), "root\n");
  const test = program();
  const clock = new FakeClock();
  const running = await startProvider(
    test.it,
    settings({ VIRTRIGAUD_TLS_DIR: folder, VIRTRIGAUD_CREDENTIALS_DIR: folder, PROVIDER_NAMESPACE: "prod" }),
    { log: silentLogger, clock },
  );
  const connection = connectProvider({
    address: `127.0.0.1:${running.port}`,
    serverName: "localhost",
    tls: pki.client,
  });
  assertEquals(await connection.provider.validate(callContext()), { hypervisor: "root", version: "1.2.3" });
  const metrics = await (await fetch(`http://127.0.0.1:${running.healthPort}/metrics`)).text();
  assertStringIncludes(metrics, 'component="provider-test"');
  assertStringIncludes(metrics, 'provider_grpc_requests_total{method="Validate",code="OK"} 1');
  connection.close();
  await running.shutdown();
  assertEquals([test.given[0]?.namespace, test.disposed(), clock.pending], ["prod", 1, 0]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("without certificates it starts only when plaintext is asked for outright, with a warning", async () => {
  const folder = await Deno.makeTempDir();
  const env = { VIRTRIGAUD_TLS_DIR: folder, VIRTRIGAUD_CREDENTIALS_DIR: folder };
  const test = program();
  const start = (more: Record<string, string>, lines: string[] = []) =>
    startProvider(test.it, settings({ ...env, ...more }), { log: createLogger({ sink: (line) => lines.push(line) }) });
  await assertRejects(() => start({}), Error, "VIRTRIGAUD_PROVIDER_INSECURE=true");
  await assertRejects(() => start({ TLS_ENABLED: "false" }), Error, "VIRTRIGAUD_PROVIDER_INSECURE=true");
  await Deno.writeTextFile(join(folder, "tls.crt"), "x");
  await assertRejects(() => start({ VIRTRIGAUD_PROVIDER_INSECURE: "true" }), Error, "tls.key, ca.crt missing");
  await Deno.remove(join(folder, "tls.crt"));
  const keys = { VIRTRIGAUD_PROVIDER_INSECURE: "true", VIRTRIGAUD_PROVIDER_JWT_KEYS: join(folder, "none") };
  await assertRejects(() => start(keys), Error, "VIRTRIGAUD_PROVIDER_JWT_ISSUER");
  const lines: string[] = [];
  const running = await start({ VIRTRIGAUD_PROVIDER_INSECURE: "true" }, lines);
  assertEquals(lines.filter((line) => line.includes('"warn"') && line.includes("plaintext")).length, 1);
  await running.shutdown();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("credentials follow their files, and a missing one is named", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new FakeClock();
  await Deno.writeTextFile(join(folder, "password"), "old\n");
  await Deno.mkdir(join(folder, "..data"));
  const store = await openCredentials(folder, { clock, intervalMs: 1000 });
  let changes = 0;
  store.onChange(() => changes++);
  assertEquals([store.get("password")?.reveal(), store.keys, String(store.get("password"))], [
    "old",
    ["password"],
    "[redacted]",
  ]);
  const error = assertThrows(() => store.require("username"), ProviderError);
  assertEquals([error.class, error.reason, error.field], ["Unauthorized", "CredentialMissing", "username"]);
  await Deno.writeTextFile(join(folder, "password"), "new");
  await clock.advanceUntil(() => changes > 0, { limitMs: 60_000 });
  assertEquals([store.require("password").reveal(), changes], ["new", 1]);
  store.close();
  assertEquals(clock.pending, 0);
  const none = await openCredentials(join(folder, "nowhere"), { clock });
  assertEquals(none.keys, []);
  none.close();
  await Deno.remove(folder, { recursive: true });
});
