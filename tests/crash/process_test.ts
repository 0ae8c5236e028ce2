/** Real processes, real kill -9: what the enumeration under fake time calls a kill is shown to be one. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import { MockHypervisor } from "../e2e/support/mock_hypervisor.ts";
import { isExhaustive, seed } from "./config.ts";
import { startSite } from "./processes/site.ts";
import { coverageLine, type Part, strike } from "./processes/strike.ts";

/** Every how many points somebody dies in the test command. */
const SAMPLE = 16;

/** Made, enlarged by a power cycle, deleted; the hypervisor is asked after each. */
function life(hypervisor: MockHypervisor): Part[] {
  const machines = () => until("the hypervisor", () => hypervisor.ours());
  return [{
    name: "create",
    async play(site, machine) {
      await site.create("VirtualMachine", machine, {
        providerRef: { name: "host" },
        classRef: { name: "small" },
        imageRef: { name: "tiny" },
        networks: [{ name: "lan", networkRef: { name: "lan" } }],
        // A guest that is still booting does not hear that it shall shut down.
        lifecycle: { gracefulShutdownTimeout: "1s" },
      });
      const { status } = await site.ready(machine);
      assertEquals((await machines()).map(({ id, name, power }) => [id, name, power]), [[status?.id, machine, "On"]]);
    },
  }, {
    name: "power cycle",
    async play(site, machine) {
      await site.change(machine, { classRef: { name: "large" } });
      await site.ready(machine);
      assertEquals((await machines()).map(({ power, hardware }) => [power, hardware.cpus]), [["On", 2]]);
    },
  }, {
    name: "delete",
    async play(site, machine) {
      await site.delete(machine);
      await site.gone(machine);
      assertEquals(await until("the hypervisor", () => hypervisor.leftovers()), []);
      const made = (await until("the hypervisor", () => hypervisor.effects()))
        .filter(({ type, detail }) => type === "VmCreated" && detail === machine);
      assertEquals(made.length, 1, `${made.length} VMs were made of ${machine}`);
    },
  }];
}

Deno.test("kill -9 of real processes ends as asked, with nothing doubled or left over", async (t) => {
  const folder = await Deno.makeTempDir();
  const hypervisor = new MockHypervisor(join(folder, "hypervisor.jsonl"));
  const chance = seed();
  try {
    await using site = await startSite({
      type: "mock",
      endpoint: "mock://localhost",
      preload: "trip_mock.ts",
      env: {
        MOCK_STATE_FILE: hypervisor.stateFile,
        MOCK_CONTROL_PORT: `${hypervisor.port}`,
        MOCK_TASK_LATENCY: "50",
        MOCK_BOOT_LATENCY: "50",
      },
      credentials: { username: "operator", password: "secret" },
    });
    await site.create("VMClass", "small", { cpu: 1, memory: "1Gi" });
    await site.create("VMClass", "large", { cpu: 2, memory: "1Gi" });
    await site.create("VMImage", "tiny", { source: { vsphere: { templateName: "tiny" } } });
    await site.create("VMNetworkAttachment", "lan", { network: { libvirt: { networkName: "default" } } });
    for (const victim of [site.manager, site.provider, site.plane]) {
      await t.step({
        name: `the ${victim.name}`,
        // Clients and processes of the site are open before and after; the test around the steps looks for leaks.
        sanitizeOps: false,
        sanitizeResources: false,
        async fn() {
          const every = isExhaustive() ? 1 : SAMPLE;
          const coverage = await strike({ site, victim, life: life(hypervisor), every, first: chance });
          console.log(`     ${coverageLine(victim, coverage)}${every === 1 ? "" : `, seed ${chance}`}`);
          assertEquals(coverage.failures, []);
          assert(coverage.killed > 3 * coverage.missed, `${coverage.missed} points were not reached`);
        },
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
