import { assertEquals } from "@virtrigaud/deps";
import { LibvirtProvider } from "../../providers/libvirt/provider.ts";
import { callContext, createRequest, finish, operation } from "../../providers/libvirt/testing/fixture.ts";
import { libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { MACHINE_KINDS, OTHER, shown } from "./libvirt/fields.ts";
import { Probe } from "./libvirt/probe.ts";
import { specFor } from "./libvirt/wish.ts";

const ignore = await skipWithout("libvirt provider", "fields of the API on a real host", libvirtRig);

Deno.test({ name: "what is honoured shows on the host", ignore }, async (t) => {
  await using host = await startHypervisor();
  await using provider = new LibvirtProvider({
    endpoint: `qemu:///system?socket=${host.socketPath}`,
    version: "test",
  });
  await host.sh(["mkdir", "-p", OTHER.folder]);
  await host.virsh("pool-define-as", OTHER.pool, "dir", "--target", OTHER.folder);
  await host.virsh("pool-start", OTHER.pool);
  await host.sh(["tee", "/root/net.xml"], {
    input: `<network><name>${OTHER.network}</name><ip address="192.168.123.1" netmask="255.255.255.0"/></network>`,
  });
  await host.sh(["tee", "/root/filter.xml"], { input: `<filter name="${OTHER.filter}" chain="root"/>` });
  await host.virsh("nwfilter-define", "/root/filter.xml");
  await host.virsh("net-define", "/root/net.xml");
  await host.virsh("net-start", OTHER.network);
  for (const kind of MACHINE_KINDS) {
    for (const [index, { shows, ...objects }] of shown[kind].entries()) {
      await t.step(`${kind} ${index + 1}: ${Object.keys(shows).length} fields`, async () => {
        const uid = crypto.randomUUID();
        const request = createRequest(uid, specFor(`${kind.toLowerCase()}-${index}`, objects), false);
        await finish(provider, (await provider.create(request, callContext())).task);
        const probe = await Probe.of(host, uid);
        for (const [path, [see, expected]] of Object.entries(shows)) {
          assertEquals(await see(probe), expected, path);
        }
        await provider.delete({ operation: operation(uid), vmId: uid }, callContext());
      });
    }
  }
});
