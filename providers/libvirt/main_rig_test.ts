import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { connectProvider } from "@virtrigaud/contract/client/mod.ts";
import { readProcess, startProvider } from "@virtrigaud/contract/server/mod.ts";
import { Secret, silentLogger } from "@virtrigaud/telemetry";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import type { SshCredentials } from "./client/ssh.ts";
import { startLibvirt } from "./main.ts";
import { LibvirtProvider } from "./provider.ts";
import { callContext } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "the provider program on a real host", libvirtRig);

Deno.test(
  { name: "the program serves a host with the endpoint and credentials that a pod would get", ignore },
  async () => {
    await using host = await startHypervisor({ image: false });
    const folder = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(`${folder}/ssh-privatekey`, host.privateKey);
      await Deno.writeTextFile(`${folder}/known_hosts`, host.knownHosts);
      await Deno.writeTextFile(`${folder}/username`, "root\n");
      const request = readProcess({
        args: ["--port=0", "--health-port=0"],
        env: {
          PROVIDER_TYPE: "libvirt",
          PROVIDER_ENDPOINT: host.uri.replace("root@", ""),
          VIRTRIGAUD_PROVIDER_INSECURE: "true",
          VIRTRIGAUD_CREDENTIALS_DIR: folder,
          VIRTRIGAUD_TLS_DIR: `${folder}/none`,
          VIRTRIGAUD_LISTEN_HOST: "127.0.0.1",
        },
      });
      if (request.type !== "serve") throw new Error("expected settings");
      const program = { name: "provider-libvirt", version: "test", create: startLibvirt };
      const running = await startProvider(program, request.settings, { log: silentLogger });
      const { provider, close } = connectProvider({ address: `127.0.0.1:${running.port}`, tls: { plaintext: true } });
      try {
        const answer = await provider.validate(callContext());
        assertStringIncludes(answer.hypervisor, "libvirt");
        assertEquals(answer.version, "test");
      } finally {
        await close();
        await running.shutdown();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test({ name: "new credentials are used at once, whatever the old ones have led to", ignore }, async () => {
  await using host = await startHypervisor({ image: false });
  let credentials: SshCredentials = { privateKey: new Secret("no key"), knownHosts: host.knownHosts };
  await using provider = new LibvirtProvider({ endpoint: host.uri, version: "test", credentials: () => credentials });
  for (let attempt = 0; attempt < 3; attempt++) {
    const error = await assertRejects(() => provider.validate(callContext()), ProviderError);
    assertEquals(error.class, "Unauthorized");
    assertEquals(error.message.includes("no key"), false);
  }
  credentials = { ...credentials, privateKey: new Secret(host.privateKey) };
  provider.renewCredentials();
  assertStringIncludes((await provider.validate(callContext())).hypervisor, "libvirt");
});
