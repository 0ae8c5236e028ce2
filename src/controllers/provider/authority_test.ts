import { assert, assertEquals, assertNotEquals, assertRejects } from "@virtrigaud/deps";
import { isAlreadyExists, KubeClient, SECRETS } from "@virtrigaud/kube";
import { FakeApiServer } from "@virtrigaud/kube/testing";
import { x509 } from "@virtrigaud/deps/x509.ts";
import { createAuthority, parseCertificate, toPem } from "@virtrigaud/pki";
import { FakeClock } from "@virtrigaud/resilience";
import { callContext, loopback } from "@virtrigaud/contract/testing/fixture.ts";
import { writeTls } from "@virtrigaud/contract/testing/certificates.ts";
import { openTlsFolder, staticTls } from "@virtrigaud/contract/server/mod.ts";
import { AUTHORITY_SECRET, openCertificates } from "./authority.ts";
import type { Certificates, Identity } from "./certificates.ts";

const DAY = 86_400_000;
const NAMES = ["localhost"];
const name = { namespace: "system", name: AUTHORITY_SECRET };

interface World {
  readonly clock: FakeClock;
  readonly server: FakeApiServer;
  readonly client: KubeClient;
  /** A replica of the manager. */
  open(givenSecret?: string): Promise<Certificates>;
  /** Writes a Secret with an authority, as cert-manager would. */
  give(givenSecret: string, options?: { readonly start?: number }): Promise<string>;
}

function world(start = Date.UTC(2030, 0, 1)): World {
  const clock = new FakeClock({ start });
  const server = new FakeApiServer({ clock });
  const client = new KubeClient({ connection: server.connection(), clock, random: () => 0 });
  return {
    clock,
    server,
    client,
    open: (givenSecret) =>
      openCertificates({ client, clock, namespace: "system", ...(givenSecret === undefined ? {} : { givenSecret }) }),
    async give(givenSecret, options = {}) {
      const pair = await createAuthority({ name: "given", clock: { now: () => options.start ?? clock.now() } });
      const at = { namespace: "system", name: givenSecret };
      const data = { "tls.crt": btoa(pair.certPem), "tls.key": btoa(pair.keyPem.reveal()) };
      try {
        await client.create(SECRETS, { metadata: at, data });
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        await client.patch(SECRETS, at, { type: "merge", body: { data } });
      }
      return pair.certPem;
    },
  };
}

/** After a refused connection grpc-js keeps an (unreferenced) timer until it fires. */
const tlsTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, sanitizeOps: false, sanitizeResources: false });
const answers = { validate: () => Promise.resolve({ hypervisor: "mock", version: "1" }) };
const connect = { serverName: "localhost", retry: { maxAttempts: 1 }, timeouts: { validate: 3000 } };
const asClient = ({ caPem, certPem, keyPem }: Identity) => ({ caPem, client: { certPem, keyPem } });

/** Number of certificates that peers are told to trust. */
const trusted = async (certificates: Certificates): Promise<number> =>
  (await certificates.client()).caPem.match(/BEGIN CERTIFICATE/g)?.length ?? 0;
/** The authority that signs now: the first of what is trusted. */
const signer = async (certificates: Certificates): Promise<string> =>
  (await parseCertificate((await certificates.client()).caPem)).fingerprint;

Deno.test("of two managers that start at once one makes the authority, and both use it", async () => {
  const { open, client } = world();
  const [one, two] = await Promise.all([open(), open()]);
  assertEquals(await signer(one), await signer(two));
  const kept = await client.get(SECRETS, name);
  assertEquals(Object.keys(kept.data ?? {}).toSorted(), ["ca.crt", "tls.crt", "tls.key"]);
});

Deno.test("a year before its end the authority is succeeded: told of, then in use, then alone", async () => {
  const { open, clock, server } = world();
  const certificates = await open();
  const first = await signer(certificates);
  await clock.advance(3284 * DAY);
  assertEquals([await trusted(certificates), await signer(certificates)], [1, first]);

  await clock.advance(2 * DAY);
  const before = (await certificates.client()).version;
  assertEquals([await trusted(certificates), await signer(certificates)], [2, first], "introduced, and not in use");
  const { certPem, caPem } = await certificates.issueServer(NAMES);
  assertEquals((await certificates.read(certPem, caPem))?.ours, true);

  await clock.advance(DAY);
  assertEquals([await trusted(certificates), (await signer(certificates)) === first], [2, false], "it took over");
  assertNotEquals((await certificates.client()).version, before, "who is connected connects anew");
  assertEquals((await certificates.read(certPem, caPem))?.ours, false, "what the old one signed is issued anew");

  await clock.advance(400 * DAY);
  assertEquals(await trusted(certificates), 1, "the old one has expired");
  assertEquals(server.count("update", "patch"), 3, "one write a turn");
});

Deno.test("replicas and restarts follow what one of them did, and take no turn twice", async () => {
  const { open, clock } = world();
  const [one, two] = [await open(), await open()];
  await clock.advance(3286 * DAY);
  const [a, b] = await Promise.all([signer(one), signer(two)]);
  assertEquals(a, b);
  assertEquals((await one.client()).caPem, (await two.client()).caPem);
  assertEquals(await trusted(one), 2, "one successor, whoever introduced it");
  assertEquals((await one.client()).caPem, (await (await open()).client()).caPem);
  await clock.advance(DAY);
  assertEquals((await one.client()).caPem, (await two.client()).caPem);
  assertEquals(await trusted(one), 2);
});

Deno.test("a manager that was away until after the end starts with an authority that is good", async () => {
  const { open, clock } = world();
  const first = await signer(await open());
  await clock.advance(3700 * DAY);
  const later = await open();
  assertNotEquals(await signer(later), first);
  const { notAfter } = await parseCertificate((await later.client()).certPem);
  assert(notAfter.getTime() > clock.now() + 80 * DAY);
});

Deno.test("while the API server is away what is known stays in use, and is looked at again soon", async () => {
  const { open, clock, server } = world();
  const certificates = await open();
  const first = await signer(certificates);
  server.fail(({ path }) => path.includes("secrets"), { type: "status", code: 403 }, 100);
  await clock.advance(3286 * DAY);
  assertEquals([await signer(certificates), await trusted(certificates)], [first, 1]);
  server.heal();
  await clock.advance(61_000);
  assertEquals(await trusted(certificates), 2);
});

Deno.test("an authority of somebody else is taken over when it is renewed, with the same care", async () => {
  const { open, give, clock, client } = world();
  await assertRejects(
    () => open("issued"),
    Error,
    'Secret "issued" in namespace "system" has no certificate authority',
  );
  const first = await give("issued");
  const certificates = await open("issued");
  assertEquals((await certificates.client()).caPem.trim(), first.trim());
  const second = await give("issued");
  await clock.advance(3_600_000);
  assertEquals((await certificates.client()).caPem, first + second);
  await clock.advance(DAY);
  assertEquals((await certificates.client()).caPem, second + first);
  const { data } = await client.get(SECRETS, name);
  assertEquals(data?.["next.key"], undefined);
  await clock.advance(3600 * DAY);
  assertEquals((await certificates.client()).caPem, second + first, "the manager makes no successor of its own");
});

Deno.test("something that cannot sign is refused before anybody is told to trust it", async () => {
  const { open, client } = world();
  const authority = await createAuthority({ name: "x" });
  const leaf = await authority.issue({ commonName: "leaf", usages: ["server"] });
  const data = { "tls.crt": btoa(leaf.certPem), "tls.key": btoa(leaf.keyPem.reveal()) };
  await client.create(SECRETS, { metadata: { namespace: "system", name: "leaf" }, data });
  await assertRejects(() => open("leaf"), Error, "may not sign");
});

/** An authority under another one, with the chain that cert-manager writes. */
async function intermediate(): Promise<{ chain: string; keyPem: string; certPem: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const [root, own] = await Promise.all(
    [0, 1].map(() => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<CryptoKeyPair>),
  );
  if (root === undefined || own === undefined) throw new Error("no keys");
  const common = {
    notBefore: new Date(Date.now() - DAY),
    notAfter: new Date(Date.now() + 300 * DAY),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  };
  const rootCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: "CN=corporate",
    keys: root,
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    subject: "CN=virtrigaud",
    issuer: rootCertificate.subjectName,
    publicKey: own.publicKey,
    signingKey: root.privateKey,
  });
  const certPem = `${certificate.toString("pem")}\n`;
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", own.privateKey);
  return {
    certPem,
    chain: `${certPem}${rootCertificate.toString("pem")}\n`,
    keyPem: toPem("PRIVATE KEY", pkcs8),
  };
}

tlsTest("an authority that somebody else signed is trusted by itself, without the rest of its chain", async () => {
  const { open, client } = world(Date.now());
  const { chain, keyPem, certPem } = await intermediate();
  const data = { "tls.crt": btoa(chain), "tls.key": btoa(keyPem) };
  await client.create(SECRETS, { metadata: { namespace: "system", name: "issued" }, data });
  const certificates = await open("issued");
  const [server, manager] = [await certificates.issueServer(NAMES), await certificates.client()];
  assertEquals(manager.caPem.replaceAll("\n", ""), certPem.replaceAll("\n", ""));
  await using loop = await loopback(answers, {
    serve: { tls: staticTls(server) },
    connect: { tls: asClient(manager), ...connect },
  });
  assertEquals((await loop.provider.validate(callContext())).hypervisor, "mock");
});

/** What a peer holds at one moment of the succession. */
interface Moment {
  readonly server: Identity;
  readonly manager: Identity;
}

tlsTest("over real TLS a provider and a manager one turn apart trust each other, without a restart", async () => {
  // The peers check by the machine's clock: the turns are made to lie around now.
  const { open, clock } = world(Date.now() - 3286 * DAY);
  const certificates = await open();
  const moments: Moment[] = [];
  const see = async () =>
    void moments.push({ server: await certificates.issueServer(NAMES), manager: await certificates.client() });
  await clock.advance(3284 * DAY);
  await see();
  await clock.advance(DAY);
  await see();
  await clock.advance(DAY);
  await see();
  assertEquals(new Set(moments.map(({ manager }) => manager.caPem)).size, 3);

  const folder = await Deno.makeTempDir();
  try {
    const [first] = moments;
    if (first === undefined) throw new Error("no moments");
    await writeTls(folder, first.server);
    const tls = await openTlsFolder(folder);
    await using loop = await loopback(answers, {
      serve: tls === undefined ? {} : { tls },
      connect: { tls: asClient(first.manager), ...connect },
    });
    const works: string[] = [];
    for (const [at, { server }] of moments.entries()) {
      await writeTls(folder, server);
      await tls?.refresh();
      for (const [other, { manager }] of moments.entries()) {
        loop.reload(asClient(manager));
        const outcome = await loop.provider.validate(callContext()).then(() => "ok", () => "refused");
        works.push(`${at}-${other} ${outcome}`);
      }
    }
    assertEquals(works, [
      ...["0-0 ok", "0-1 ok", "0-2 refused"],
      ...["1-0 ok", "1-1 ok", "1-2 ok"],
      ...["2-0 refused", "2-1 ok", "2-2 ok"],
    ]);
    tls?.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
