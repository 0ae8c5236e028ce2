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
    promise: "the digest of the first-boot configuration differs for different configurations and gives nothing away",
    run: async (subject) => {
      const [one, two, three] = ["alpha", "alpha", "beta"].map((name) => subject.guestInit(name));
      const digests: (string | undefined)[] = [];
      for (const guestInit of [one, two, three]) {
        if (guestInit === undefined) continue;
        const vm = await subject.describe((await subject.create({ guestInit })).vmId);
        digests.push(vm.guestInitDigest);
      }
      assert(digests[0] !== undefined && digests[0].length >= 16, "no digest");
      assertEquals(digests[1], digests[0]);
      assert(digests[2] !== digests[0], "different configurations have one digest");
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
