import { assert, assertEquals } from "@virtrigaud/deps";
import { libvirtRig, startHypervisor } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { callContext, machine, made, operation, providerFor } from "./testing/fixture.ts";

const ignore = await skipWithout("libvirt provider", "many domains on a real host", libvirtRig);
const context = callContext();
const DOMAINS = 200;

Deno.test(
  { name: "many domains at once; the host runs nothing for us but what libvirt and sshd run", ignore },
  async (t) => {
    await using host = await startHypervisor({ image: false });
    await using provider = providerFor(host, "ssh");
    const uids: string[] = Array.from({ length: DOMAINS }, () => crypto.randomUUID());
    const processes = async () => (await host.sh(["ps", "-e", "-o", "comm="])).split("\n").map((name) => name.trim());

    await t.step("200 creates at once, each once", async () => {
      const seen = new Set<string>();
      const making = Promise.all(uids.map(async (uid, index) => {
        const spec = machine(`vm-${index}`, {
          image: { type: "Blank" },
          rootDisk: { sizeGib: 0.001 },
          ...(index % 10 === 0 ? {} : { guestInit: undefined }),
        });
        const { guestInit, ...bare } = spec;
        await made(provider, guestInit === undefined ? bare : spec, { uid, powerOn: false });
      }));
      for (let look = 0; look < 3; look++) for (const name of await processes()) seen.add(name);
      await making;
      // ps itself, and qemu-img and udevadm, which libvirt starts by itself; nothing that a login shell or virsh would be.
      const known =
        /^(bash|cat|sleep|libvirtd|virtlogd|dnsmasq|sshd|socat|nsenter|qemu-img|qemu-system.*|ps|iptables.*|)$/;
      assertEquals([...seen].filter((name) => !known.test(name)), []);
    });

    await t.step("all of them in full detail, sooner than virsh tells of a fifth", async () => {
      const timed = async (act: () => Promise<void>) => {
        const begin = performance.now();
        await act();
        return performance.now() - begin;
      };
      const times: number[] = [];
      for (let round = 0; round < 3; round++) {
        times.push(
          await timed(async () => {
            const { vms } = await provider.listVms({}, context);
            const whole = vms.filter((vm) => uids.includes(vm.id) && vm.disks.length === 1 && vm.nics.length === 1);
            assertEquals(whole.length, DOMAINS);
          }),
        );
      }
      const byVirsh = await timed(async () => {
        for (const uid of uids.slice(0, DOMAINS / 5)) await host.virsh("dominfo", uid);
      });
      assert(Math.min(...times) < byVirsh, `${times.map(Math.round).join(", ")} ms, virsh ${Math.round(byVirsh)} ms`);
    });

    await t.step("and all of them gone, with everything they had", async () => {
      await Promise.all(uids.map((uid) => provider.delete({ operation: operation(uid), vmId: uid }, context)));
      assertEquals(await host.virsh("list", "--all", "--name"), "");
      assertEquals(await host.virsh("vol-list", host.pool), "");
    });
  },
);
