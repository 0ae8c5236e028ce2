/** When nothing changes, nothing is written and nothing is asked of the hypervisor that would change it. @module */
import { assertEquals } from "@virtrigaud/deps";
import type { Case } from "../support/case.ts";
import { catalog, machine, mockProvider, ready, readyOf, when } from "../support/manifests.ts";
import { untilIdle } from "../support/metrics.ts";

/** Objects that the manager looks at after its start: Provider, catalog and VMs. */
const OBJECTS = 11;

/** Cases for worlds whose manager is a process and tells its metrics. */
export const silence: readonly Case[] = [{
  name: "a manager that starts anew, a hypervisor that lists anew and one whose watch breaks cause no write at all",
  async run(world) {
    const { manager, metricsUrl } = world.stage;
    if (manager === undefined || metricsUrl === undefined) throw new Error("this case needs a manager of its own");
    const kubectl = await world.namespace("silence");
    const hypervisor = await mockProvider(world, kubectl);
    const disks = (sizeGiB: number) => ({ disks: [{ name: "data", sizeGiB }] });
    await kubectl.apply(
      ...catalog(world.canary.word),
      machine("on", disks(5)),
      machine("off", { powerState: "Off" }),
      machine("waits", { classRef: { name: "none" } }),
      machine("shrinks", disks(5)),
      machine("lost"),
    );
    for (const name of ["on", "off", "shrinks", "lost"]) await ready(kubectl, "vm", name);
    await ready(kubectl, "vm", "on", ({ status }) => status.ips?.length > 0);
    await hypervisor.external({ type: "Delete", vmId: (await kubectl.get("vm", "lost")).status.id });
    await kubectl.patch("vm", "shrinks", { spec: disks(2) });
    const reasons = { waits: "WaitingForDependencies", shrinks: "InvalidSpec", lost: "Missing" };
    for (const [name, reason] of Object.entries(reasons)) {
      await when(kubectl, "vm", name, `to be ${reason}`, (vm) => readyOf(vm)?.reason === reason);
    }
    await untilIdle(metricsUrl, OBJECTS);

    const before = {
      writes: await world.stage.writes(),
      effects: await hypervisor.effects(),
      objects: await kubectl.list("vm,provider,vmclass,vmimage,vmnetworkattachment,deployments,events"),
    };
    await manager.stop();
    manager.start();
    await untilIdle(metricsUrl, OBJECTS);
    await hypervisor.resync();
    await untilIdle(metricsUrl, OBJECTS);
    await hypervisor.cutWatches();
    await untilIdle(metricsUrl, OBJECTS);
    const after = {
      writes: await world.stage.writes(),
      effects: await hypervisor.effects(),
      objects: await kubectl.list("vm,provider,vmclass,vmimage,vmnetworkattachment,deployments,events"),
    };
    assertEquals(after.objects, before.objects);
    assertEquals(after.writes, before.writes, "writes to the API");
    assertEquals(after.effects, before.effects);
    await world.search();
    await kubectl.ok(["delete", "vm", "--all", "--timeout=90s"]);
    assertEquals(await hypervisor.leftovers(), []);
    await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
  },
}];
