import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { join } from "node:path";
import { libvirtCredentials } from "./libvirt_credentials.ts";

Deno.test("key and known hosts come from options, URI and ~/.ssh, in this order", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "id_rsa"), "rsa");
    await Deno.writeTextFile(join(folder, "known_hosts"), "hosts");
    await Deno.writeTextFile(join(folder, "other"), "other");
    const uri = "qemu+ssh://root@kvm/system";
    assertEquals(await libvirtCredentials(uri, { folder }), { "ssh-privatekey": "rsa", known_hosts: "hosts" });
    const key = join(folder, "other");
    assertEquals((await libvirtCredentials(uri, { folder, key }))["ssh-privatekey"], "other");
    assertEquals((await libvirtCredentials(`${uri}?keyfile=${key}`, { folder }))["ssh-privatekey"], "other");
    assertEquals((await libvirtCredentials(`${uri}?known_hosts=${key}`, { folder })).known_hosts, "other");
    assertEquals(await libvirtCredentials("qemu:///system", { folder }), {});
    await assertRejects(() => libvirtCredentials(uri, { folder: join(folder, "none") }), Error, "--ssh-key");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
