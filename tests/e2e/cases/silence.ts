/** When nothing changes, nothing is written and nothing is asked of the hypervisor that would change it. @module */
import { assertEquals } from "@virtrigaud/deps";
import type { Case } from "../support/case.ts";
import { catalog, machine, mockProvider, ready, readyOf, when } from "../support/manifests.ts";
import { untilIdle } from "../support/metrics.ts";

/** Objects that the manager looks at after its start: Provider, catalog and VMs. */
const OBJECTS = 11;

/** Cases for worlds whose manager is a process and tells its metrics. */
export const silence: readonly Case[] = [{
  name: "a manager that starts anew, a hypervisor that lists anew and one whose watch breaks: no write, no change",
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

    const look = async () => ({
      objects: await kubectl.list("vm,provider,vmclass,vmimage,vmnetworkattachment,deployments,events"),
      writes: await world.stage.writes(),
      effects: await hypervisor.effects(),
    });
    const before = await look();
    await manager.stop();
    manager.start();
    await untilIdle(metricsUrl, OBJECTS);
    assertEquals(await look(), before, "the manager was started anew");
    await hypervisor.resync();
    await untilIdle(metricsUrl, OBJECTS);
    assertEquals(await look(), before, "the hypervisor listed all its VMs anew");

    // That the stream of its events broke is news of the Provider, and of nobody else.
    await hypervisor.cutWatches();
    await untilIdle(metricsUrl, OBJECTS);
    await ready(kubectl, "provider", "mock");
    const others = ({ objects, effects }: typeof before) => ({
      effects,
      objects: objects.filter(({ kind, involvedObject }) => kind !== "Provider" && involvedObject?.kind !== "Provider"),
    });
    assertEquals(others(await look()), others(before), "the watch of the hypervisor broke");
    await world.search();
    await kubectl.ok(["delete", "vm", "--all", "--timeout=90s"]);
    assertEquals(await hypervisor.leftovers(), []);
    await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
  },
}];
