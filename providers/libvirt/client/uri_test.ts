import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { type LibvirtEndpoint, parseUri } from "./uri.ts";

const common = { driverUri: "qemu:///system", socket: "/run/libvirt/libvirt-sock" };

Deno.test("URIs that can be followed", () => {
  const table: [string, LibvirtEndpoint][] = [
    ["qemu:///system", { ...common, transport: "unix" }],
    ["qemu+unix:///system?socket=/tmp/s", { ...common, socket: "/tmp/s", transport: "unix" }],
    ["qemu+ssh://host/system", { ...common, transport: "ssh", host: "host", port: 22, verify: true }],
    ["qemu+ssh://a%40b@[fd00::1]:2222/system?no_verify=1&sshauth=privkey&no_tty=1", {
      ...common,
      transport: "ssh",
      host: "fd00::1",
      port: 2222,
      user: "a@b",
      verify: false,
    }],
    ["qemu+ssh://h/system?proxyjump=ops%40bastion:2222,%5Bfd00::1%5D&proxy=native&name=qemu:///system", {
      ...common,
      transport: "ssh",
      host: "h",
      port: 22,
      verify: true,
      jumps: [{ host: "bastion", port: 2222, user: "ops" }, { host: "fd00::1", port: 22 }],
    }],
    ["qemu+ssh://h/system?proxyjump=none", { ...common, transport: "ssh", host: "h", port: 22, verify: true }],
    ["qemu+libssh://h/system?socket=/run/libvirt/virtqemud-sock&mode=legacy&no_sanity=1", {
      ...common,
      transport: "ssh",
      host: "h",
      port: 22,
      verify: true,
      socket: "/run/libvirt/virtqemud-sock",
    }],
    ["qemu+tls://h:16515/system?pkipath=/etc/pki/mine", {
      ...common,
      transport: "tls",
      host: "h",
      port: 16515,
      verify: true,
      pkiPath: "/etc/pki/mine",
    }],
    ["qemu+tls://h/system?no_verify=1", { ...common, transport: "tls", host: "h", port: 16514, verify: false }],
    ["qemu://[fd00::1]:1/system", { ...common, transport: "tls", host: "fd00::1", port: 1, verify: true }],
    ["qemu+tcp://h/system", { ...common, transport: "tcp", host: "h", port: 16509 }],
    ["qemu+libssh2://h/system?keyfile=/k&known_hosts=/n&known_hosts_verify=ignore", {
      ...common,
      transport: "ssh",
      host: "h",
      port: 22,
      keyFile: "/k",
      knownHostsFile: "/n",
      verify: false,
    }],
  ];
  for (const [uri, endpoint] of table) assertEquals(parseUri(uri), endpoint, uri);
});

Deno.test("all others are refused with what is wrong and what is understood", () => {
  const table: [uri: string, says: string][] = [
    ["", "not a URI"],
    ["not a uri", "not a URI"],
    ["xen:///system", 'driver "xen"'],
    ["qemu:///session", 'path "/session"'],
    ["qemu+tls:///system", "host is missing"],
    ["qemu+tcp://h/system?no_verify=1", 'parameter "no_verify"'],
    ["qemu+ext:///system", 'transport "ext"'],
    ["qemu+ssh:///system", "host is missing"],
    ["qemu+ssh://h/system?netcat=/bin/nc", 'parameter "netcat"'],
    ["qemu+ssh://h/system?command=/opt/ssh", "no program is started"],
    ["qemu+ssh://h/system?proxyjump=a%20b:x", "proxyjump"],
    ["qemu+ssh://h/system?proxyjump=root:hunter2@b", "proxyjump"],
    ["qemu+ssh://h/system?proxyjump=b:99999", "proxyjump"],
    [`qemu+ssh://h/system?proxyjump=${Array(9).fill("b").join()}`, "at most 8"],
    ["qemu+ssh://h/system?name=xen:///system", '"name"'],
    ["qemu+tls://h/system?tls_priority=NORMAL", "the host"],
    ["qemu+tls://h/system?proxyjump=b", 'parameter "proxyjump"'],
    ["qemu+ssh://root:hunter2@h/system", "password"],
  ];
  for (const [uri, says] of table) {
    const error = assertThrows(() => parseUri(uri), ProviderError);
    assertEquals([error.class, error.field], ["InvalidSpec", "endpoint"], uri);
    assertStringIncludes(error.message, says, uri);
    assertStringIncludes(error.message, "qemu+ssh://USER@HOST", uri);
    assertEquals(error.message.includes("hunter2"), false);
  }
});
