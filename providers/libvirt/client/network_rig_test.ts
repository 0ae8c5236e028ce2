import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, startHypervisor, Wire } from "../../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../../tests/rigs/skip.ts";
import { killLibvirtd } from "../testing/profile.ts";
import * as hosts from "./host.ts";
import { type HostCredentials, LibvirtSession } from "./session.ts";
import { parseUri } from "./uri.ts";

const ignore = await skipWithout("libvirt provider", "TLS and TCP to a real libvirtd", libvirtRig);

/** A port of this machine that leads to a port of the host, whose network is its own. */
async function portTo(host: Hypervisor, port: number): Promise<Wire> {
  const name = `port-${port}`;
  const relay = `socat UNIX-LISTEN:/run/libvirt/${name},fork TCP:127.0.0.1:${port}`;
  await host.sh(["bash", "-c", `setsid ${relay} > /dev/null 2>&1 < /dev/null &`]);
  return await Wire.to({ path: host.socketPath.replace(/[^/]+$/, name) });
}

/** An authority with a server and a client, as files on the host, with the key usage that libvirt insists on. */
async function certificates(host: Hypervisor, name: string) {
  const file = (part: string) => `/root/${name}-${part}`;
  const issue = async (part: string, extensions: readonly string[], signed: readonly string[]) => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file(`${part}.key`)];
    const added = extensions.flatMap((extension) => ["-addext", extension]);
    const subject = ["-subj", `/CN=${name} ${part}`, "-days", "2", "-out", file(`${part}.pem`)];
    await host.sh(["openssl", "req", "-x509", ...key, ...subject, ...added, ...signed]);
    return [await host.sh(["cat", file(`${part}.pem`)]), await host.sh(["cat", file(`${part}.key`)])] as const;
  };
  const [authority] = await issue("ca", ["keyUsage=critical,keyCertSign"], []);
  const by = ["-CA", file("ca.pem"), "-CAkey", file("ca.key")];
  const leaf = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature,keyEncipherment"];
  await issue("server", [...leaf, "extendedKeyUsage=serverAuth", "subjectAltName=DNS:localhost"], by);
  const [certificate, key] = await issue("client", [...leaf, "extendedKeyUsage=clientAuth"], by);
  return { authority, certificate, key: new Secret(key) };
}

Deno.test({ name: "TLS with client certificates and plain TCP reach a real libvirtd", ignore }, async (t) => {
  await using host = await startHypervisor({ image: false });
  const mine = await certificates(host, "mine");
  const theirs = await certificates(host, "theirs");
  const settings = [
    "listen_tls = 1",
    "listen_tcp = 1",
    'auth_tcp = "none"',
    'ca_file = "/root/mine-ca.pem"',
    'cert_file = "/root/mine-server.pem"',
    'key_file = "/root/mine-server.key"',
  ];
  const before = await host.sh(["cat", "/etc/libvirt/libvirtd.conf"]);
  await host.sh(["tee", "/etc/libvirt/libvirtd.conf"], { input: `${before}\n${settings.join("\n")}\n` });
  await killLibvirtd(host);
  await host.sh(["libvirtd", "--daemon", "--listen"]);
  await using tls = await portTo(host, 16514);
  await using tcp = await portTo(host, 16509);
  const ask = async (uri: string, credentials: HostCredentials = {}): Promise<string> => {
    const session = new LibvirtSession({
      endpoint: parseUri(uri),
      credentials: () => credentials,
      clock: systemClock,
    });
    try {
      return await hosts.hostname(session);
    } finally {
      await session.close();
    }
  };
  const uri = `qemu+tls://localhost:${tls.port}/system`;
  const refusal = async (credentials: HostCredentials): Promise<ProviderError> => {
    const error = await assertRejects(() => ask(uri, credentials), ProviderError);
    assertEquals(error.class, "Unauthorized", error.message);
    return error;
  };

  await t.step("with a certificate of the host's authority", async () => {
    assertEquals(await ask(uri, mine), host.name);
  });
  await t.step("not without one, nor with a stranger's, nor to a host that shows a stranger's", async () => {
    assertStringIncludes((await refusal({ authority: mine.authority })).message, "tls.crt");
    await refusal({ ...theirs, authority: mine.authority });
    await refusal({ ...mine, authority: theirs.authority });
  });
  await t.step("with certificates from a folder that the URI names", async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/cacert.pem`, mine.authority);
    await Deno.writeTextFile(`${folder}/clientcert.pem`, mine.certificate);
    await Deno.writeTextFile(`${folder}/clientkey.pem`, mine.key.reveal());
    assertEquals(await ask(`${uri}?pkipath=${folder}`), host.name);
    await Deno.remove(folder, { recursive: true });
  });
  await t.step("over TCP where libvirtd lets anybody in", async () => {
    assertEquals(await ask(`qemu+tcp://127.0.0.1:${tcp.port}/system`), host.name);
  });
  await t.step("with a user and a password, on every way that nobody can listen at", async () => {
    await host.sh(["tee", "/root/libvirt.conf"], {
      input: "mech_list: scram-sha-512 scram-sha-256 plain digest-md5\nsasldb_path: /root/sasldb\n",
    });
    await host.sh(["saslpasswd2", "-p", "-c", "-f", "/root/sasldb", "-u", host.name, "-a", "libvirt", "ops"], {
      input: "open, sesame=",
    });
    const wanted = ['auth_tls = "sasl"', 'auth_tcp = "sasl"', 'auth_unix_rw = "sasl"'].join("\n");
    const text = `${before}\n${settings.join("\n")}\n`.replace(/^auth_(tcp|unix_rw).*$/gm, "");
    await host.sh(["tee", "/etc/libvirt/libvirtd.conf"], { input: `${text}${wanted}\n` });
    await killLibvirtd(host);
    await host.sh(["libvirtd", "--daemon", "--listen"], { env: { SASL_CONF_PATH: "/root" } });
    const login = { username: "ops", password: new Secret("open, sesame=") };
    assertEquals(await ask(uri, { ...mine, ...login }), host.name);
    assertEquals(await ask(`qemu:///system?socket=${host.socketPath}`, login), host.name);
    const wrong = await refusal({ ...mine, ...login, password: new Secret("hunter2") });
    assertEquals(wrong.message.includes("hunter2"), false);
    assertStringIncludes((await refusal(mine)).message, "username and password");
    const exposed = await assertRejects(() => ask(`qemu+tcp://127.0.0.1:${tcp.port}/system`, login), ProviderError);
    assertEquals(exposed.class, "Unauthorized");
    assertStringIncludes(exposed.message, "use SSH or TLS");
  });
});
