import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { X509Certificate } from "node:crypto";
import { createAuthority, loadAuthority, parseCertificate } from "./mod.ts";

const clock = new FakeClock({ start: Date.UTC(2030, 0, 1, 12) });
const leafOptions = {
  commonName: "virtrigaud-provider-default-lab",
  usages: ["server"],
  dnsNames: ["virtrigaud-provider-default-lab.default.svc.cluster.local", "localhost"],
  ipAddresses: ["127.0.0.1", "2001:db8::7"],
} as const;

Deno.test("a leaf carries the names, the validity and the serial it was issued with", async () => {
  const ca = await createAuthority({ name: "VirtRigaud, test", clock });
  const leaf = await parseCertificate((await ca.issue({ ...leafOptions, validityDays: 30 })).certPem);
  assertEquals([leaf.commonName, leaf.dnsNames, leaf.ipAddresses, leaf.isCa], [
    leafOptions.commonName,
    leafOptions.dnsNames,
    leafOptions.ipAddresses,
    false,
  ]);
  assertEquals(leaf.notBefore.toISOString(), "2030-01-01T11:55:00.000Z");
  assertEquals(leaf.notAfter.toISOString(), "2030-01-31T12:00:00.000Z");
  assertMatch(leaf.serialNumber, /^[4-7][0-9a-f]{31}$/);
  assertMatch(leaf.fingerprint, /^[0-9a-f]{64}$/);
});

Deno.test("OpenSSL agrees that the authority signed the leaf, and that a stranger did not", async () => {
  const [ca, stranger] = await Promise.all(["a", "b"].map((name) => createAuthority({ name, clock })));
  if (ca === undefined || stranger === undefined) throw new Error("no authority");
  const leaf = new X509Certificate((await ca.issue(leafOptions)).certPem);
  assertEquals(leaf.verify(new X509Certificate(ca.certPem).publicKey), true);
  assertEquals(leaf.verify(new X509Certificate(stranger.certPem).publicKey), false);
  assertEquals([leaf.checkIssued(new X509Certificate(ca.certPem)), leaf.ca], [true, false]);
});

Deno.test("an authority that was kept and loaded issues under the same certificate", async () => {
  const ca = await createAuthority({ name: "kept", clock });
  const loaded = await loadAuthority({ certPem: ca.certPem, keyPem: ca.keyPem }, { clock });
  assertEquals(loaded.certPem, ca.certPem);
  const [one, two] = await Promise.all([loaded.issue(leafOptions), loaded.issue(leafOptions)]);
  assertEquals(new X509Certificate(one.certPem).verify(new X509Certificate(ca.certPem).publicKey), true);
  assertNotEquals(one.certPem, two.certPem);
});

Deno.test("a leaf does not outlive its authority", async () => {
  const ca = await createAuthority({ name: "short", validityDays: 10, clock });
  const leaf = await parseCertificate((await ca.issue({ ...leafOptions, validityDays: 90 })).certPem);
  assertEquals(leaf.notAfter.toISOString(), "2030-01-11T12:00:00.000Z");
});

Deno.test("a key of another authority, no key and no certificate are refused with what is wrong", async () => {
  const [ca, other] = await Promise.all(["a", "b"].map((name) => createAuthority({ name, clock })));
  if (ca === undefined || other === undefined) throw new Error("no authority");
  await assertRejects(() => loadAuthority({ certPem: ca.certPem, keyPem: other.keyPem }), Error, "belong together");
  await assertRejects(() => loadAuthority({ certPem: ca.certPem, keyPem: new Secret("x") }), Error, "PRIVATE KEY");
  await assertRejects(() => loadAuthority({ certPem: "x", keyPem: ca.keyPem }), Error, "CERTIFICATE");
  await assertRejects(
    () => parseCertificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "tls.crt"),
    Error,
    "tls.crt",
  );
});
