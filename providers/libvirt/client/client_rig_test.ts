import { assert, assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { systemClock } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, startHypervisor } from "../../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../../tests/rigs/skip.ts";
import { errorCode, LibvirtError } from "./errors.ts";
import { LibvirtSession } from "./session.ts";
import type { SshCredentials } from "./ssh.ts";
import { parseUri } from "./uri.ts";
import * as domains from "./domain.ts";
import * as hosts from "./host.ts";
import * as networks from "./network.ts";
import * as storage from "./storage.ts";

const ignore = await skipWithout("libvirt provider", "the client against a real libvirtd", libvirtRig);

function session(uri: string, credentials: SshCredentials = {}): LibvirtSession {
  return new LibvirtSession({ endpoint: parseUri(uri), credentials: () => credentials, clock: systemClock });
}

Deno.test({ name: "real libvirtd: every call that the provider uses", ignore }, async (t) => {
  await using host = await startHypervisor();
  const rpc = session(`qemu:///system?socket=${host.socketPath}`);
  try {
    await callByCall(t, rpc, host);
  } finally {
    await rpc.close();
  }
});

async function callByCall(t: Deno.TestContext, rpc: LibvirtSession, host: Hypervisor): Promise<void> {
  const uuid = "11111111-2222-4333-8444-555555555555";
  const domainXml =
    `<domain type='qemu'><name>probe</name><uuid>${uuid}</uuid><memory unit='MiB'>192</memory><currentMemory unit='MiB'>96</currentMemory>
    <vcpu current='1'>2</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/probe.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='network'><source network='default'/><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`;

  await t.step("host", async () => {
    assertEquals(await hosts.hostname(rpc), host.name);
    assertStringIncludes(await host.virsh("version"), await hosts.libvirtVersion(rpc));
    assertStringIncludes(await host.virsh("version"), await hosts.hypervisorVersion(rpc));
    assertStringIncludes(await hosts.capabilities(rpc), "<capabilities>");
  });
  await t.step("networks and pools", async () => {
    assertEquals((await networks.byName(rpc, "default"))?.name, "default");
    assertEquals(await networks.byName(rpc, "nope"), undefined);
    assertEquals(await storage.pool(rpc, "nope"), undefined);
    assertEquals((await storage.activePools(rpc)).map((pool) => pool.name), ["default"]);
  });
  await t.step("volumes", async () => {
    const pool = await storage.pool(rpc, "default");
    assert(pool);
    const image = await storage.volume(rpc, pool, host.imageVolume);
    assert(image);
    const copy = await storage.create(rpc, pool, {
      name: "probe.qcow2",
      description:
        "<volume><name>probe.qcow2</name><capacity>67108864</capacity><target><format type='qcow2'/></target></volume>",
      source: image,
    });
    await storage.resize(rpc, copy, 128 * 1024 * 1024);
    assertEquals((await storage.info(rpc, copy)).capacity, 128 * 1024 * 1024);
    assertEquals(await storage.path(rpc, copy), "/var/lib/libvirt/images/probe.qcow2");
    assertEquals((await storage.volumeByPath(rpc, "/var/lib/libvirt/images/probe.qcow2"))?.name, "probe.qcow2");
    assertStringIncludes(await storage.xml(rpc, copy), "qcow2");
    const raw = await storage.create(rpc, pool, {
      name: "up.raw",
      description:
        "<volume><name>up.raw</name><capacity>300000</capacity><target><format type='raw'/></target></volume>",
    });
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    const large = new Uint8Array(300_000);
    for (let offset = 0; offset < large.length; offset += content.length) large.set(content, offset);
    await storage.upload(rpc, raw, large);
    const sum = (await host.sh(["sha256sum", "/var/lib/libvirt/images/up.raw"])).split(" ")[0];
    assertEquals(sum, new Uint8Array(await crypto.subtle.digest("SHA-256", large)).toHex());
    await storage.remove(rpc, raw);
    const late = await assertRejects(() => storage.upload(rpc, raw, large), LibvirtError);
    assertEquals([late.class, late.code], ["NotFound", errorCode.noStorageVol]);
    await storage.remove(rpc, raw);
    await storage.refresh(rpc, pool);
    assertEquals(await storage.volume(rpc, pool, "up.raw"), undefined);
  });
  await t.step("domain while it is off", async () => {
    const defined = await domains.define(rpc, domainXml, 'define domain "probe"');
    assertEquals(defined, { name: "probe", uuid, id: -1 });
    assertEquals(await domains.byUuid(rpc, uuid), defined);
    assertEquals(await domains.byName(rpc, "probe"), defined);
    assertEquals(await domains.byName(rpc, "nope"), undefined);
    assertEquals(await domains.list(rpc), [defined]);
    assertEquals(await domains.state(rpc, defined), domains.domainState.off);
    await domains.setVcpus(rpc, defined, { count: 3, where: domains.affect.config, maximum: true });
    await domains.setVcpus(rpc, defined, { count: 1, where: domains.affect.config });
    await domains.setMemory(rpc, defined, { kib: 256 * 1024, where: domains.affect.config, maximum: true });
    await domains.setMemory(rpc, defined, { kib: 128 * 1024, where: domains.affect.config });
    const text = await domains.xml(rpc, defined, "inactive");
    assertStringIncludes(text, "<vcpu placement='static' current='1'>3</vcpu>");
    assertStringIncludes(text, "<currentMemory unit='KiB'>131072</currentMemory>");
    const [row] = await domains.allStats(
      rpc,
      [defined],
      domains.stats.state | domains.stats.block | domains.stats.vcpu,
    );
    assertEquals(row?.params.get("state.state"), domains.domainState.off);
  });
  await t.step("domain while it runs", async () => {
    const domain = await domains.byUuid(rpc, uuid);
    assert(domain);
    await domains.start(rpc, domain);
    assertEquals(await domains.state(rpc, domain), domains.domainState.running);
    await domains.suspend(rpc, domain);
    assertEquals(await domains.state(rpc, domain), domains.domainState.paused);
    await domains.resume(rpc, domain);
    await domains.setVcpus(rpc, domain, { count: 2, where: domains.affect.live | domains.affect.config });
    await domains.setMemory(rpc, domain, { kib: 160 * 1024, where: domains.affect.live | domains.affect.config });
    await domains.resizeBlock(rpc, domain, { target: "vda", bytes: 256 * 1024 * 1024 });
    await domains.changeDevice(rpc, domain, {
      how: "Attach",
      device:
        "<interface type='network'><source network='default'/><mac address='52:54:00:00:00:02'/><model type='virtio'/></interface>",
      where: 3,
    });
    assertStringIncludes(await domains.xml(rpc, domain, "current"), "52:54:00:00:00:02");
    const rows = await domains.allStats(rpc, [], domains.stats.state | domains.stats.block | domains.stats.vcpu);
    assertEquals(rows[0]?.params.get("block.0.capacity"), 256 * 1024 * 1024);
    assertEquals(await domains.addresses(rpc, domain, "lease"), []);
    const silent = await assertRejects(() => domains.agentInfo(rpc, domain), LibvirtError);
    assertEquals(silent.class, "Retryable");
    await domains.setAgentTimeout(rpc, domain, 2);
    await domains.shutdown(rpc, domain, "acpi");
    await domains.reboot(rpc, domain, "acpi");
    await domains.reset(rpc, domain);
    await domains.destroy(rpc, domain);
    const off = await assertRejects(() => domains.destroy(rpc, domain), LibvirtError);
    assertEquals([off.class, off.reason, off.code], ["Conflict", "PowerState", errorCode.operationInvalid]);
    await domains.undefine(rpc, domain);
    const gone = await assertRejects(() => domains.state(rpc, domain), LibvirtError);
    assertEquals([gone.class, gone.code], ["NotFound", errorCode.noDomain]);
    assertEquals(await host.virsh("list", "--all", "--name"), "");
  });
  await t.step("a request that libvirt refuses names what was being done", async () => {
    const error = await assertRejects(
      () => domains.define(rpc, "<domain><broken></domain>", 'define domain "broken"'),
      LibvirtError,
    );
    assertEquals(error.class, "InvalidSpec");
    assertStringIncludes(error.message, 'define domain "broken"');
  });
}

Deno.test({ name: "real sshd: login, host keys and forwarding", ignore }, async (t) => {
  await using host = await startHypervisor({ image: false });
  const good: SshCredentials = { privateKey: new Secret(host.privateKey), knownHosts: host.knownHosts };
  const attempt = async (uri: string, credentials: SshCredentials) => {
    const rpc = session(uri, credentials);
    try {
      return await hosts.hostname(rpc);
    } finally {
      await rpc.close();
    }
  };
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
    const config = await host.sh(["cat", "/etc/ssh/sshd_config"]);
    await host.sh(["tee", "/etc/ssh/sshd_config"], { input: `AllowStreamLocalForwarding no\n${config}` });
    const error = await assertRejects(() => attempt(host.uri, good), ProviderError);
    assertEquals([error.class, error.reason], ["Unavailable", "StreamForwardingRefused"]);
    assertStringIncludes(error.message, "AllowStreamLocalForwarding");
  });
});
