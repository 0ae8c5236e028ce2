import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { createConnection, createServer, type Socket } from "node:net";
import { ProviderError } from "@virtrigaud/contract";
import { systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import type { Hypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { libvirtRig, startHypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../../tests/rigs/skip.ts";
import { killLibvirtd } from "../testing/profile.ts";
import * as hosts from "./host.ts";
import { type HostCredentials, LibvirtSession } from "./session.ts";
import { parseUri } from "./uri.ts";

const ignore = await skipWithout("libvirt provider", "TLS and TCP to a real libvirtd", libvirtRig);

/** A port of this machine that leads to a port of the host, whose network is its own. */
async function portTo(host: Hypervisor, port: number) {
  const name = `port-${port}`;
  const relay = `socat UNIX-LISTEN:/run/libvirt/${name},fork TCP:127.0.0.1:${port}`;
  await host.sh(["bash", "-c", `setsid ${relay} > /dev/null 2>&1 < /dev/null &`]);
  const path = host.socketPath.replace(/[^/]+$/, name);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = createConnection({ path });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
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
  await t.step("over TCP where libvirtd lets anybody in", async () => {
    assertEquals(await ask(`qemu+tcp://127.0.0.1:${tcp.port}/system`), host.name);
  });
});
