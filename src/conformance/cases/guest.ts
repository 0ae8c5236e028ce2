/** What the guest gets and tells. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { Secret } from "@virtrigaud/telemetry";
import { type ConformanceCase, firstOf, needs, needsGuest } from "../case.ts";

export const guestCases: readonly ConformanceCase[] = [
  {
    name: "guest/address",
    promise: "a guest that boots gets an address, and the report names it at its card",
    skip: needsGuest("address"),
    run: async (subject) => {
      const { vmId } = await subject.create({}, { powerOn: true });
      const vm = await subject.booted(vmId);
      assert(vm.ips.length > 0);
      const atCards = vm.nics.flatMap(({ ips }) => ips);
      for (const ip of vm.ips) assert(atCards.includes(ip), `${ip} is at no card`);
      assert(vm.ips.every((ip) => !ip.startsWith("fe80:") && !ip.startsWith("169.254.")), "a link-local address");
    },
  },
  {
    name: "guest/host-name",
    promise: "the guest takes its host name from the first-boot configuration",
    skip: firstOf(needsGuest("cloudInit"), needsGuest("agent")),
    run: async (subject) => {
      const hostname = `h-${crypto.randomUUID().slice(0, 8)}`;
      const { vmId } = await subject.create({ guestInit: subject.guestInit(hostname) }, { powerOn: true });
      await subject.until(`host name ${hostname}`, subject.timeouts.bootMs, async () => {
        return (await subject.describe(vmId)).guest.hostname === hostname ? true : undefined;
      });
    },
  },
  {
    name: "guest/init-digest",
    promise:
      "the digest of the first-boot configuration gives nothing away: it stays while the configuration does, and " +
      "VMs with the same one cannot be told by it",
    run: async (subject) => {
      const guestInit = subject.guestInit("alpha");
      const digestOf = async ({ vmId }: { readonly vmId: string }) => (await subject.describe(vmId)).guestInitDigest;
      const [one, two] = [await subject.create({ guestInit }), await subject.create({ guestInit })];
      const digest = await digestOf(one);
      assert(digest !== undefined && digest.length >= 16, "no digest");
      assertEquals(await digestOf(one), digest);
      assert(await digestOf(two) !== digest, "two VMs with one configuration show one digest");
    },
  },
  {
    name: "guest/init-replaced",
    promise:
      "first-boot configuration that changes is replaced while the VM runs on, seen at the next boot, left alone " +
      "when nobody asks for it, and taken away when there is to be none",
    skip: needs("guestInitReplace"),
    run: async (subject) => {
      const vm = await subject.create({ guestInit: subject.guestInit("alpha") }, { powerOn: true });
      const seen = async () => {
        const { power, guestInitDigest } = await subject.describe(vm.vmId);
        return { power, digest: guestInitDigest };
      };
      const { guestInit: _, ...bare } = vm.spec;
      const change = async (hostname: string | undefined, follow: boolean) => {
        const spec = hostname === undefined ? bare : { ...bare, guestInit: subject.guestInit(hostname) };
        const answer = await subject.reconfigure(vm, spec, follow ? { followGuestInit: true } : {});
        assertEquals(answer.needsPowerCycle, [], "first-boot configuration never waits for the VM to be off");
        return answer;
      };
      const born = await seen();
      for (const hostname of ["beta", undefined]) assertEquals((await change(hostname, false)).guestInit, undefined);
      assertEquals(await seen(), born, "it is changed although nobody asks for it");
      assertEquals((await change("alpha", true)).guestInit, "Unchanged");
      assertEquals(await seen(), born);
      assertEquals((await change("beta", true)).guestInit, "Replaced");
      const replaced = await seen();
      assertEquals(replaced.power, "On", "the VM was stopped for it");
      assert(replaced.digest !== undefined && replaced.digest !== born.digest, "the digest does not tell");
      const again = await change("beta", true);
      assertEquals([again.guestInit, again.task], ["Unchanged", undefined]);
      await subject.power(vm, "Off", "Off");
      await subject.power(vm, "On", "On");
      if (subject.profile.guest.cloudInit && subject.profile.guest.agent) {
        await subject.until("the new host name", subject.timeouts.bootMs, async () => {
          return (await subject.describe(vm.vmId)).guest.hostname === "beta" ? true : undefined;
        });
      }
      assertEquals((await change(undefined, true)).guestInit, "Removed");
      assertEquals(await seen(), { power: "On", digest: undefined });
      assertEquals((await change(undefined, true)).guestInit, "Unchanged");
      assertEquals((await change("alpha", true)).guestInit, "Replaced", "one that has none can be given some");
      assertEquals((await subject.describe(vm.vmId)).power, "On");
    },
  },
  {
    name: "guest/init-addresses",
    promise:
      "a static address that changes is in the next first-boot configuration; a VM that has none refuses it by its " +
      "field rather than begin with cloud-init",
    skip: firstOf(
      needs("guestInitReplace"),
      ({ staticAddress }) => staticAddress === undefined ? "the profile has no staticAddress" : undefined,
    ),
    run: async (subject) => {
      const { staticAddress } = subject.profile;
      assert(staticAddress);
      const wired = subject.spec().nics.map((nic) => ({ ...nic, addresses: [staticAddress] }));
      const follow = { followGuestInit: true };
      const vm = await subject.create({ guestInit: subject.guestInit("alpha") });
      const before = await subject.describe(vm.vmId);
      const answer = await subject.reconfigure(vm, { ...vm.spec, nics: wired }, follow);
      assertEquals(answer.guestInit, "Replaced");
      assert((await subject.describe(vm.vmId)).guestInitDigest !== before.guestInitDigest, "the digest does not tell");
      const bare = await subject.create();
      const refused = subject.reconfigure(bare, { ...bare.spec, nics: wired }, follow);
      await subject.refuses("reconfigure", refused, "NotSupported", { field: "nics[eth0].addresses" });
    },
  },
  {
    name: "guest/static-address",
    promise: "a guest takes the address that its card was given",
    skip: firstOf(
      needsGuest("cloudInit"),
      ({ staticAddress }) => staticAddress === undefined ? "the profile has no staticAddress" : undefined,
    ),
    run: async (subject) => {
      const { staticAddress } = subject.profile;
      assert(staticAddress);
      const nics = subject.spec().nics.map((nic) => ({ ...nic, addresses: [staticAddress] }));
      const { vmId } = await subject.create({ nics, guestInit: subject.guestInit("static") }, { powerOn: true });
      await subject.until(`address ${staticAddress.address}`, subject.timeouts.bootMs, async () => {
        return (await subject.describe(vmId)).ips.includes(staticAddress.address) ? true : undefined;
      });
    },
  },
  {
    name: "guest/init-stays-secret",
    promise: "what is in the first-boot configuration shows in no report, no list and no refusal",
    run: async (subject) => {
      const canary = crypto.randomUUID();
      const guestInit = { type: "CloudInit", userData: new Secret(`#cloud-config\npassword: ${canary}\n`) } as const;
      const { vmId } = await subject.create({ guestInit });
      const bad = subject.spec({ guestInit, disks: [{ name: "root", sizeGib: 1 }] });
      const request = { operation: subject.operation(subject.owner()), spec: bad, powerOn: false };
      const refusal = await subject.refuses("create", subject.provider.create(request, subject.context), "InvalidSpec");
      const shown = [await subject.describe(vmId), await subject.list(), refusal.message, refusal.field];
      assert(!JSON.stringify(shown).includes(canary), "the first-boot configuration is shown");
    },
  },
  {
    name: "guest/exec",
    promise: "a command runs as argv, without a shell; its output and exit code come back",
    skip: firstOf(needs("guestExec"), needsGuest("agent")),
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create({}, { powerOn: true });
      await subject.booted(vmId);
      const exec = (...command: string[]) =>
        subject.provider.guestExec({ operation: subject.operation(ownerUid), vmId, command }, subject.context);
      const echo = await exec("/bin/echo", "a  b", "$HOME;true");
      assertEquals([echo.exitCode, echo.stdout], [0, "a  b $HOME;true\n"]);
    },
  },
  {
    name: "guest/exec-needs-power",
    promise: "a command in a VM that is off is a Conflict with reason PowerState",
    skip: needs("guestExec"),
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create();
      const operation = subject.operation(ownerUid);
      const call = subject.provider.guestExec({ operation, vmId, command: ["true"] }, subject.context);
      await subject.refuses("guestExec", call, "Conflict", { reason: "PowerState" });
    },
  },
];
