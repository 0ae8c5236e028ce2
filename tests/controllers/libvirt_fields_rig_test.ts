import { assertEquals, assertRejects } from "@virtrigaud/deps";
import type { VirtualMachine, VMImage } from "@virtrigaud/api";
import { ProviderError } from "@virtrigaud/contract";
import { createHash } from "node:crypto";
import { LibvirtProvider } from "../../providers/libvirt/provider.ts";
import { callContext, createRequest, finish, operation } from "../../providers/libvirt/testing/fixture.ts";
import { ImageServer, whole } from "../../providers/shared/testing/image_server.ts";
import { ensureGuestImage, libvirtRig, startHypervisor } from "../rigs/libvirt/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { MACHINE_KINDS, type Objects, OTHER, shown } from "./libvirt/fields.ts";
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
  await using server = await ImageServer.start();
  const create = async (objects: Objects) => {
    const uid = crypto.randomUUID();
    const request = createRequest(uid, specFor("vm", objects), false);
    await finish(provider, (await provider.create(request, callContext())).task);
    return {
      probe: await Probe.of(host, uid),
      remove: () => provider.delete({ operation: operation(uid), vmId: uid }, callContext()),
    };
  };
  const refusal = async (objects: Objects) => {
    const { class: is, field } = await assertRejects(() => create(objects), ProviderError);
    return [is, field];
  };

  await t.step("an image by its URL: format, checksum of the kind that is named, and time", async () => {
    const content = await Deno.readFile(await ensureGuestImage());
    const url = server.at("/tiny.qcow2", whole(content));
    const silent = server.at("/silent", (_request, response) => void response.writeHead(200).write("Q"));
    const sum = (kind: "md5" | "sha512") => createHash(kind).update(content).digest("hex");
    type Source = VMImage["spec"]["source"];
    const image = (source: Source) => ({ image: { source } });
    const libvirt = (change: Source["libvirt"]) => image({ libvirt: { url, storagePool: OTHER.pool, ...change } });
    const md5 = { checksum: sum("md5"), checksumType: "md5" } as const;
    const wrong = { checksum: sum("sha512"), checksumType: "md5" } as const;
    assertEquals(await refusal(libvirt({ format: "raw" })), ["InvalidSpec", "image.format"]);
    assertEquals(await refusal(libvirt(wrong)), ["InvalidSpec", "image.checksum"]);
    assertEquals(await refusal(image({ http: { url, ...wrong } })), ["InvalidSpec", "image.checksum"]);
    assertEquals(await refusal(image({ http: { url: silent, timeout: "1s" } })), ["Retryable", undefined]);
    const fetched = () => server.requests.length;
    for (const source of [libvirt({ format: "qcow2", ...md5 }), image({ http: { url, ...md5 } })]) {
      const before = fetched();
      const { probe, remove } = await create(source);
      assertEquals([await probe.sizeMib(), fetched() - before], [64, 1]);
      await remove();
    }
    const inPool = await host.virsh("vol-list", OTHER.pool);
    assertEquals([...inPool.matchAll(/virtrigaud-image-\w+\.qcow2/g)].length > 0, true, inPool);
  });

  await t.step("an imported disk: by its identifier or its path, in its format", async () => {
    const folder = "/var/lib/libvirt/images";
    await host.virsh("vol-clone", "--pool", host.pool, host.imageVolume, "disk.qcow2");
    const disk = (importedDisk: VirtualMachine["spec"]["importedDisk"]): Objects => ({
      vm: { imageRef: undefined, importedDisk },
    });
    const [diskID, gone] = [`${folder}/disk.qcow2`, `${folder}/gone.qcow2`];
    assertEquals(await refusal(disk({ diskID: gone })), ["NotFound", "image.path"]);
    assertEquals(await refusal(disk({ diskID, path: gone })), ["NotFound", "image.path"]);
    assertEquals(await refusal(disk({ diskID, format: "raw" })), ["InvalidSpec", "image.format"]);
    for (const each of [{ diskID }, { diskID: gone, path: diskID, format: "qcow2" as const }]) {
      const { probe, remove } = await create(disk(each));
      assertEquals(probe.source(), diskID);
      await remove();
    }
  });
});
