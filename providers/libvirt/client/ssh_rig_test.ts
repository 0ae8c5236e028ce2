import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { systemClock, until } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, startHypervisor, Wire } from "../../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../../tests/rigs/skip.ts";
import * as hosts from "./host.ts";
import { LibvirtSession } from "./session.ts";
import type { SshCredentials } from "./ssh.ts";
import { parseUri } from "./uri.ts";

const ignore = await skipWithout("libvirt provider", "SSH to a real host", libvirtRig);

const session = (uri: string, credentials: SshCredentials): LibvirtSession =>
  new LibvirtSession({ endpoint: parseUri(uri), credentials: () => credentials, clock: systemClock });

async function attempt(uri: string, credentials: SshCredentials): Promise<string> {
  const rpc = session(uri, credentials);
  try {
    return await hosts.hostname(rpc);
  } finally {
    await rpc.close();
  }
}

const keyOf = (host: Hypervisor): SshCredentials => ({
  privateKey: new Secret(host.privateKey),
  knownHosts: host.knownHosts,
});

/** What sshd is told beside the rig's own settings; the first word on a thing counts. */
async function configure(host: Hypervisor, ...lines: string[]): Promise<void> {
  const before = await host.sh(["cat", "/etc/ssh/sshd_config"]);
  await host.sh(["tee", "/etc/ssh/sshd_config"], { input: [...lines, before].join("\n") });
}

Deno.test({ name: "real sshd: login, host keys and forwarding", ignore }, async (t) => {
  await using host = await startHypervisor({ image: false });
  const good = keyOf(host);
  await t.step("a key from the credentials", async () => assertEquals(await attempt(host.uri, good), host.name));
  await t.step("a key from a file", async () => {
    const uri = `${host.uri}?keyfile=${host.sshKeyPath}`;
    assertEquals(await attempt(uri, { knownHosts: host.knownHosts }), host.name);
  });
  await t.step("no known_hosts, asked not to verify", async () => {
    assertEquals(await attempt(`${host.uri}?no_verify=1`, { privateKey: new Secret(host.privateKey) }), host.name);
  });
  await t.step("keys of every kind, also behind a passphrase", async () => {
    const kinds: [name: string, argv: string[], passphrase: string][] = [
      ["ed25519", ["-t", "ed25519"], ""],
      ["ed25519 with passphrase", ["-t", "ed25519"], "open sesame"],
      ["ecdsa", ["-t", "ecdsa", "-b", "256"], ""],
      ["ecdsa of 521 bits", ["-t", "ecdsa", "-b", "521"], ""],
      ["rsa", ["-t", "rsa", "-b", "2048"], ""],
      ["rsa as PEM", ["-t", "rsa", "-b", "2048", "-m", "PEM"], ""],
      ["rsa as PKCS#8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"], ""],
    ];
    for (const [name, argv, passphrase] of kinds) {
      await host.sh(["rm", "-f", "/root/key", "/root/key.pub"]);
      await host.sh(["ssh-keygen", "-q", ...argv, "-N", passphrase, "-f", "/root/key"]);
      await host.sh(["cp", "/root/key.pub", "/root/.ssh/authorized_keys"]);
      const privateKey = new Secret(await host.sh(["cat", "/root/key"]));
      const credentials = { ...good, privateKey, ...(passphrase === "" ? {} : { passphrase: new Secret(passphrase) }) };
      assertEquals(await attempt(host.uri, credentials), host.name, name);
      if (passphrase === "") continue;
      const wrong = { ...good, privateKey, passphrase: new Secret("wrong") };
      const error = await assertRejects(() => attempt(host.uri, wrong), ProviderError);
      assertEquals(error.class, "Unauthorized", error.message);
      assert(!error.message.includes("wrong"));
    }
    await host.sh(["tee", "/root/.ssh/authorized_keys"], { input: await Deno.readTextFile(`${host.sshKeyPath}.pub`) });
  });
  await t.step("refusals are typed and say what to do", async () => {
    const otherKey = "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const cases: [name: string, uri: string, credentials: SshCredentials, errorClass: string, says: string][] = [
      ["no credentials", host.uri, { knownHosts: host.knownHosts }, "Unauthorized", "ssh-privatekey"],
      ["no known_hosts", host.uri, { privateKey: new Secret(host.privateKey) }, "Unauthorized", "known_hosts"],
      ["unknown host", host.uri, { ...good, knownHosts: "" }, "Unauthorized", "not in known_hosts"],
      [
        "other key",
        host.uri,
        { ...good, knownHosts: `[127.0.0.1]:${host.sshPort} ssh-ed25519 ${otherKey}` },
        "Unauthorized",
        "somebody may be in between",
      ],
      ["wrong user", host.uri.replace("root@", "nobody@"), good, "Unauthorized", "login failed"],
      ["no socket", `${host.uri}?socket=/run/nothing`, good, "Unavailable", "AllowStreamLocalForwarding"],
      [
        "nobody listens",
        "qemu+ssh://root@127.0.0.1:1/system",
        { ...good, knownHosts: "" },
        "Unavailable",
        "127.0.0.1:1",
      ],
    ];
    for (const [name, uri, credentials, errorClass, says] of cases) {
      const error = await assertRejects(() => attempt(uri, credentials), ProviderError);
      assertEquals(error.class, errorClass, `${name}: ${error.message}`);
      assertStringIncludes(error.message, says, name);
      assert(!error.message.includes("PRIVATE KEY"), name);
    }
  });
  await t.step("a server that forbids forwarding is named as the reason", async () => {
    await configure(host, "AllowStreamLocalForwarding no");
    const error = await assertRejects(() => attempt(host.uri, good), ProviderError);
    assertEquals([error.class, error.reason], ["Unavailable", "StreamForwardingRefused"]);
    assertStringIncludes(error.message, "AllowStreamLocalForwarding");
  });
});

Deno.test({ name: "real sshd: a password, asked for outright or at the keyboard", ignore }, async () => {
  await using host = await startHypervisor({ image: false });
  const hash = (await host.sh(["openssl", "passwd", "-6", "-stdin"], { input: "open sesame\n" })).trim();
  await host.sh(["tee", "/etc/shadow"], { input: `root:${hash}:19000:0:99999:7:::\n` });
  const credentials = { password: new Secret("open sesame"), knownHosts: host.knownHosts };
  const table = [
    ["PasswordAuthentication yes", "KbdInteractiveAuthentication no", "UsePAM no"],
    ["PasswordAuthentication no", "KbdInteractiveAuthentication yes", "UsePAM yes"],
  ];
  for (const lines of table) {
    await configure(host, "PermitRootLogin yes", ...lines);
    assertEquals(await attempt(host.uri, credentials), host.name, lines.join());
    const wrong = { ...credentials, password: new Secret("hunter2") };
    const error = await assertRejects(() => attempt(host.uri, wrong), ProviderError);
    assertEquals([error.class, error.message.includes("hunter2")], ["Unauthorized", false], error.message);
  }
});

Deno.test({ name: "real sshd: through a jump host to one that only it can reach", ignore }, async () => {
  await using host = await startHypervisor({ image: false });
  // A second sshd, at a port of the host's own network: from here the way leads through the first.
  await host.sh(["/usr/sbin/sshd", "-p", "2222", "-o", "ListenAddress=127.0.0.1"]);
  const key = host.knownHosts.split(" ").slice(1).join(" ");
  const credentials = { ...keyOf(host), knownHosts: `${host.knownHosts}\n[127.0.0.1]:2222 ${key}\n` };
  const uri = `qemu+ssh://root@127.0.0.1:2222/system?proxyjump=127.0.0.1:${host.sshPort}`;
  assertEquals(await attempt(uri, credentials), host.name);
  assertEquals(await attempt(`${uri},127.0.0.1:2222`, credentials), host.name, "two in a row");

  const unknown = await assertRejects(() => attempt(uri, keyOf(host)), ProviderError);
  assertEquals([unknown.class, unknown.reason], ["Unauthorized", "HostKeyUnknown"], "each host's key is checked");
  assertStringIncludes(unknown.message, "127.0.0.1:2222");
  const away = await assertRejects(() => attempt(uri.replace("@127.0.0.1:2222", "@127.0.0.1:2223"), credentials));
  assert(ProviderError.is(away, "Unavailable"));
  assertEquals(away.reason, "JumpFailed");
  await configure(host, "AllowTcpForwarding no");
  const refused = await assertRejects(() => attempt(uri, credentials), ProviderError);
  assertEquals([refused.class, refused.reason], ["Unavailable", "TcpForwardingRefused"]);
  assertStringIncludes(refused.message, "AllowTcpForwarding yes");
});

Deno.test({ name: "one connection carries everything; one that hangs is given up in seconds", ignore }, async () => {
  await using host = await startHypervisor({ image: false });
  await using wire = await Wire.to({ host: "127.0.0.1", port: host.sshPort });
  const knownHosts = host.knownHosts.replace(`${host.sshPort}`, `${wire.port}`);
  const rpc = session(`qemu+ssh://root@127.0.0.1:${wire.port}/system`, { ...keyOf(host), knownHosts });
  try {
    await Promise.all(Array.from({ length: 50 }, () => hosts.hostname(rpc)));
    assertEquals([wire.connections, wire.open], [1, 1]);
    const lost = Promise.withResolvers<number>();
    const begin = performance.now();
    const stop = rpc.listen((event) => event.type === "Lost" && lost.resolve(performance.now() - begin));
    wire.hang();
    const calls = Array.from({ length: 10 }, () => hosts.hostname(rpc).then(() => "answered", (error) => error.class));
    assertEquals(new Set(await Promise.all(calls)), new Set(["Unavailable"]));
    const seconds = await lost.promise / 1000;
    // TCP alone would need a quarter of an hour.
    assert(seconds < 60, `found dead after ${seconds} s`);
    stop();
    wire.heal();
    assertEquals(await hosts.hostname(rpc), host.name);
    assertEquals([wire.connections, wire.open], [2, 1]);

    wire.cut();
    const error = await assertRejects(() => hosts.hostname(rpc), ProviderError);
    assertEquals(error.class, "Unavailable");
    wire.heal();
    assertEquals(await until("a new connection", () => hosts.hostname(rpc)), host.name);
    assertEquals(wire.open, 1);
  } finally {
    await rpc.close();
  }
});
