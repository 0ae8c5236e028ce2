/** What the guest gets and tells. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
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
