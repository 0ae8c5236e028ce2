import { assert, assertEquals, assertRejects } from "@virtrigaud/deps";
import { createHash } from "node:crypto";
import { type ImageSource, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { ensureGuestImage, libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { run } from "../../tests/rigs/command.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { callContext, finish, machine, made, operation, providerFor, Watcher } from "./testing/fixture.ts";
import { ImageServer, redirect, truncated, whole } from "../shared/testing/image_server.ts";

const ignore = await skipWithout("libvirt provider", "images from a server", libvirtRig);
const context = callContext();

Deno.test(
  { name: "images are fetched once, checked on the way, and leave nothing when they are bad", ignore },
  async (t) => {
    await using host = await startHypervisor({ image: false });
    await using provider = providerFor(host, "ssh");
    await using server = await ImageServer.start();
    const content = await Deno.readFile(await ensureGuestImage());
    const good = server.at("/tiny.qcow2", whole(content));
    const checksum = (algorithm: "md5" | "sha1" | "sha256" | "sha512") =>
      ({ algorithm, value: createHash(algorithm).update(content).digest("hex") }) as const;
    const prepare = (source: ImageSource) =>
      provider.imagePrepare({ operation: operation(crypto.randomUUID()), source, name: "tiny", force: false }, context);
    const volumes = async () =>
      (await host.virsh("vol-list", host.pool)).split("\n").map((line) => line.trim().split(/\s+/)[0] ?? "").filter((
        name,
      ) => name !== "");
    const refusalOf = (source: ImageSource): Promise<ProviderError> =>
      assertRejects(async () => await finish(provider, (await prepare(source)).task), ProviderError);
    const refusal = async (source: ImageSource): Promise<ProviderError> => {
      const error = await refusalOf(source);
      assertEquals(await volumes(), [], "a bad image left something");
      return error;
    };
    const url = (at: string, change: Partial<Extract<ImageSource, { type: "Url" }>> = {}): ImageSource => ({
      type: "Url",
      url: at,
      ...change,
    });

    await t.step("a server that lies is found out", async () => {
      const wrong = await refusal(url(good, { checksum: { algorithm: "sha256", value: "0".repeat(64) } }));
      assertEquals([wrong.class, wrong.field], ["InvalidSpec", "source.checksum"]);
      assertEquals((await refusal(url(server.at("/cut", truncated(content))))).class, "Retryable");
      assertEquals((await refusal(url(server.at("/away", redirect("http://169.254.169.254/"))))).class, "InvalidSpec");
      assertEquals((await refusal(url(good, { format: "raw" }))).field, "source.format");
      const backed = content.slice();
      new DataView(backed.buffer).setBigUint64(8, 512n);
      assertEquals((await refusal(url(server.at("/backed", whole(backed))))).field, "source.url");
      const hanging = server.at("/hang", (_request, response) => {
        response.writeHead(200, { "content-length": content.byteLength });
        response.write(content.subarray(0, 100_000));
      });
      assertEquals((await refusal(url(hanging, { timeoutMs: 300 }))).class, "Retryable");
    });

    await t.step("every kind of checksum; who wants the same at once waits for the one download", async () => {
      const before = server.requests.length;
      const source = url(good, { checksum: checksum("sha512") });
      const [one, two] = await Promise.all([prepare(source), prepare(source)]);
      assertEquals(one.imageId, two.imageId);
      await Promise.all([finish(provider, one.task), finish(provider, two.task)]);
      assertEquals(server.requests.length - before, 1);
      const again = await prepare(source);
      assertEquals([again.task, again.sizeBytes, again.format], [undefined, 64 * 2 ** 20, "qcow2"]);
      for (const algorithm of ["md5", "sha1", "sha256"] as const) {
        const made = await prepare(url(good, { checksum: checksum(algorithm) }));
        await finish(provider, made.task);
      }
    });

    await t.step("whatever format libvirt reads becomes qcow2 with the same content", async () => {
      const folder = await Deno.makeTempDir();
      try {
        const raw = `${folder}/disk`;
        await Deno.writeFile(raw, content.subarray(2 ** 20, 5 * 2 ** 20));
        const formats = ["raw", "qcow2", "qed", "vdi", "vmdk", "vmdk,subformat=streamOptimized", "vpc"];
        for (const [index, wanted] of formats.entries()) {
          const [format = "", option] = wanted.split(",");
          const file = `${folder}/${index}`;
          const how = option === undefined ? [] : ["-o", option];
          await run(["qemu-img", "convert", "-f", "raw", "-O", format, ...how, raw, file]);
          const at = server.at(`/format-${index}`, whole(await Deno.readFile(file)));
          const { imageId, task } = await prepare(url(at, { format: format === "vpc" ? "vhd" : format }));
          await finish(provider, task);
          const volume = imageId.slice(imageId.indexOf("/") + 1);
          await host.sh([
            "qemu-img",
            "compare",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            `/var/lib/libvirt/images/${volume}`,
            raw,
          ]);
          await host.virsh("vol-delete", "--pool", host.pool, volume);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });

    await t.step(
      "images that nobody has used for long go with the next fetch; what is used, young or foreign stays",
      async () => {
        const before = await volumes();
        const image = (name: string) => `virtrigaud-image-${name}`;
        const folder = "/var/lib/libvirt/images";
        const forgotten = ["aa.qcow2", "aa.used", "bb.part"].map(image).concat("virtrigaud-disk-aa.qcow2.part");
        // A clone's base, one that was used of late, the base of somebody's overlay, and somebody's disk.
        const needed = ["base.qcow2", "cc.qcow2", "lent.qcow2", "given.qcow2"].map(image);
        const stays = [...needed, image("cc.used"), image("young.qcow2"), "vm-root.on-base.qcow2", "foreign.qcow2"]
          .concat("virtrigaud-disk-aa.qcow2", "virtrigaud-disk-bb.qcow2.part", "overlay.qcow2");
        for (const name of [...forgotten, ...stays]) {
          const backing = name === "overlay.qcow2" ? ["--backing-vol", image("lent.qcow2")] : [];
          await host.virsh("vol-create-as", host.pool, name, "1M", "--format", "qcow2", ...backing);
        }
        for (const name of [...forgotten, ...needed, "foreign.qcow2", "virtrigaud-disk-aa.qcow2"]) {
          await host.sh(["touch", "-a", "-m", "-d", "60 days ago", `${folder}/${name}`]);
        }
        await host.sh(["tee", "/root/by-hand.xml"], {
          input: `<domain type="qemu"><name>by-hand</name><memory unit="MiB">64</memory><os><type>hvm</type></os>` +
            `<devices><disk type="file"><source file="${folder}/${image("given.qcow2")}"/><target dev="sda"/></disk>` +
            `</devices></domain>`,
        });
        await host.virsh("define", "/root/by-hand.xml");
        await host.virsh("pool-refresh", host.pool);
        let fetched = 0;
        const fetchAnother = async () => {
          const { task } = await prepare(url(server.at(`/other-${++fetched}.qcow2`, whole(content))));
          await finish(provider, task);
          return (await volumes()).filter((name) => ![...before, ...forgotten, ...stays].includes(name));
        };
        await host.virsh("pool-define-as", "off", "dir", "--target", "/root");
        assertEquals((await fetchAnother()).length, 1);
        const all = await volumes();
        assertEquals(forgotten.filter((name) => !all.includes(name)), [], "a pool is off: who knows what is in it");
        await host.virsh("pool-undefine", "off");
        const made = await fetchAnother();
        assertEquals(made.length, 2);
        assertEquals((await volumes()).sort(), [...before, ...stays, ...made].sort());
        await host.virsh("undefine", "by-hand");
        for (const name of [...stays, ...made]) await host.virsh("vol-delete", "--pool", host.pool, name);
      },
    );

    await t.step("headers that the server asks for are sent to it; without them it is Unauthorized", async () => {
      const guarded = server.at("/guarded.qcow2", (request, response) => {
        if (request.headers.authorization === "Bearer word") return whole(content)(request, response);
        response.writeHead(401).end();
      });
      assertEquals((await refusalOf(url(guarded))).class, "Unauthorized");
      const headers = new Secret({ authorization: "Bearer word" });
      const { task } = await prepare(url(guarded, { headers, checksum: checksum("sha512") }));
      await finish(provider, task);
    });

    await t.step("a VM from a URL boots; one from the prepared image stands on it", async () => {
      const before = server.requests.length;
      const spec = machine("fetched", { image: url(good, { checksum: checksum("sha512") }) });
      await using watcher = new Watcher(provider);
      const uid = await made(provider, spec, { powerOn: false });
      assertEquals(server.requests.length, before, "it was in the pool already");
      const { imageId } = await prepare(url(good, { checksum: checksum("sha512") }));
      const template = { type: "Template", template: imageId, linkedClone: true } as const;
      const linked = await made(provider, machine("linked", { image: template }));
      await watcher.vm(linked, (vm) => vm.guest.hostname === "linked");
      const xml = await host.virsh("dumpxml", linked);
      assert(xml.includes("virtrigaud-image-"), "the disk does not stand on the image");
      const again = {
        operation: operation(uid),
        source: url(good, { checksum: checksum("sha512") }),
        name: "tiny",
        force: true,
      };
      const refused = await assertRejects(
        async () => await finish(provider, (await provider.imagePrepare(again, context)).task),
        ProviderError,
      );
      assertEquals(refused.reason, "LinkedClones");
      for (const id of [uid, linked]) await provider.delete({ operation: operation(id), vmId: id }, context);
      assertEquals((await volumes()).filter((name) => !name.startsWith("virtrigaud-image-")), []);
    });
  },
);
