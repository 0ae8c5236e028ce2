import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { testPki, writeTls } from "../testing/certificates.ts";
import { openTlsFolder } from "./tls.ts";

Deno.test("a half-written change keeps the certificates in use until it is whole", async () => {
  const [before, after] = await Promise.all([testPki("before"), testPki("after")]);
  const folder = await Deno.makeTempDir();
  await writeTls(folder, before.server);
  const clock = new FakeClock();
  const tls = await openTlsFolder(folder, { clock, intervalMs: 1000 });
  if (tls === undefined) throw new Error("no certificates read");
  let changes = 0;
  tls.onChange(() => changes++);
  await writeTls(folder, { certPem: after.server.certPem });
  await tls.refresh();
  assertEquals([tls.current.certPem, changes], [before.server.certPem, 0]);
  await writeTls(folder, after.server);
  await tls.refresh();
  assertEquals([tls.current.certPem, changes], [after.server.certPem, 1]);
  tls.close();
  assertEquals(clock.pending, 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("missing, broken and mismatched files are refused by name; an empty folder is no TLS", async () => {
  const [pki, other] = await Promise.all([testPki("a"), testPki("b")]);
  const folder = await Deno.makeTempDir();
  assertEquals(await openTlsFolder(folder), undefined);
  await writeTls(folder, { certPem: pki.server.certPem });
  await assertRejects(() => openTlsFolder(folder), Error, "tls.key, ca.crt missing");
  await writeTls(folder, { caPem: pki.server.caPem, keyPem: other.server.keyPem });
  await assertRejects(() => openTlsFolder(folder), Error, "tls.key is not the key of tls.crt");
  await writeTls(folder, { keyPem: new Secret("nonsense") });
  await assertRejects(() => openTlsFolder(folder), Error, "tls.key cannot be read");
  await Deno.remove(folder, { recursive: true });
});
