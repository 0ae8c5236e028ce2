/** The watch misses nothing. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceCase, needs, needsControl } from "../case.ts";
import type { Subject } from "../subject.ts";

export const watchCases: readonly ConformanceCase[] = [
  {
    name: "watch/full-list-first",
    promise: "a watch begins with ListBegin, every VM once, ListEnd",
    run: async (subject) => {
      const { vmId } = await subject.create();
      const watcher = await subject.watch();
      assertEquals(watcher.events[0]?.type, "ListBegin");
      const end = watcher.events.findIndex(({ type }) => type === "ListEnd");
      const ids = watcher.events.slice(1, end).map((event) => event.type === "Present" ? event.vm.id : event.type);
      assertEquals(ids.filter((id) => id === vmId).length, 1);
      assertEquals(ids.toSorted(), (await subject.list()).map(({ id }) => id).toSorted());
    },
  },
  {
    name: "watch/change-and-end-of-a-vm",
    promise: "creation, change of power and deletion of a VM show in the watch, with its owner's mark",
    run: async (subject) => {
      const watcher = await subject.watch();
      const { eventMs } = subject.timeouts;
      const vm = await subject.create();
      const shows = (power: string) => () => watcher.vms.get(vm.vmId)?.power === power;
      await watcher.until(`VM ${vm.vmId}`, eventMs, shows("Off"));
      assertEquals(watcher.vms.get(vm.vmId)?.ownerUid, vm.ownerUid);
      await subject.power(vm, "On", "On");
      await watcher.until(`power On of ${vm.vmId}`, eventMs, shows("On"));
      await subject.delete(vm);
      await watcher.until(`the end of ${vm.vmId}`, eventMs, () => !watcher.vms.has(vm.vmId));
      const gone = watcher.events.find((event) => event.type === "Gone" && event.vmId === vm.vmId);
      if (gone?.type === "Gone") assertEquals(gone.ownerUid, vm.ownerUid);
    },
  },
  {
    name: "watch/task-ends",
    promise: "where events are pushed, the end of a task shows in the watch",
    skip: needs("pushEvents"),
    run: async (subject) => {
      const watcher = await subject.watch();
      const request = { operation: subject.operation(subject.owner()), spec: subject.spec(), powerOn: false };
      const { task } = await subject.provider.create(request, subject.context);
      if (task === undefined) return;
      await watcher.until(
        `the end of task ${task.id}`,
        subject.timeouts.taskMs,
        () =>
          watcher.events.some((event) =>
            event.type === "Task" && event.status.task.id === task.id && event.status.state === "Succeeded"
          ),
      );
    },
  },
  {
    name: "watch/misses-nothing",
    promise: "after many changes at the same time, a consumer of the watch sees what the list says",
    run: async (subject) => {
      const watcher = await subject.watch();
      const vms = await Promise.all(Array.from({ length: 5 }, () => subject.create()));
      await Promise.all(vms.map(async (vm, index) => {
        if (index === 0) return await subject.delete(vm);
        await subject.power(vm, "On", "On");
        if (index % 2 === 0) await subject.power(vm, "Off", "Off");
      }));
      const ids = new Set(vms.map(({ vmId }) => vmId));
      const said = async () =>
        (await subject.list()).filter(({ id }) => ids.has(id)).map(({ id, power }) => `${id} ${power}`).toSorted();
      const seen = () =>
        [...watcher.vms.values()].filter(({ id }) => ids.has(id)).map(({ id, power }) => `${id} ${power}`).toSorted();
      await caughtUp(subject, said, seen);
    },
  },
  {
    name: "watch/external-change",
    promise: "what somebody else does to a VM shows in the watch",
    skip: needsControl("powerOff"),
    run: async (subject) => {
      const vm = await subject.create({}, { powerOn: true });
      await subject.booted(vm.vmId);
      const watcher = await subject.watch();
      await subject.profile.controls?.powerOff?.(vm.vmId);
      const isOff = () => watcher.vms.get(vm.vmId)?.power === "Off";
      await watcher.until(`power Off of ${vm.vmId}`, subject.timeouts.eventMs, isOff);
    },
  },
  {
    name: "watch/after-an-interruption",
    promise: "when the provider loses the hypervisor's events, its watch begins a new list or ends with an error; " +
      "it never goes on with a gap",
    skip: needsControl("interruptEvents"),
    run: async (subject) => {
      const vm = await subject.create();
      const watcher = await subject.watch();
      await subject.profile.controls?.interruptEvents?.();
      await subject.power(vm, "On", "On");
      const isOn = () => watcher.vms.get(vm.vmId)?.power === "On";
      await watcher.until("power On, or the end of the watch", subject.timeouts.eventMs, () => watcher.ended || isOn());
      if (!watcher.ended) return;
      const again = await subject.watch();
      assertEquals(again.vms.get(vm.vmId)?.power, "On");
    },
  },
  {
    name: "watch/second-watch",
    promise: "a second watch gets a full list of its own, and the first goes on",
    run: async (subject) => {
      const first = await subject.watch();
      const second = await subject.watch();
      const { vmId } = await subject.create();
      for (const watcher of [first, second]) {
        await watcher.until(`VM ${vmId}`, subject.timeouts.eventMs, () => watcher.vms.has(vmId));
      }
    },
  },
  {
    name: "watch/ends-when-cancelled",
    promise: "a watch ends soon after its caller has gone, and a new one works",
    run: async (subject) => {
      const watcher = await subject.watch();
      await watcher.close(subject.timeouts.eventMs);
      assert(watcher.ended);
      const { vmId } = await subject.create();
      assert((await subject.watch()).vms.has(vmId), "the new watch does not know the VM");
    },
  },
];

/** Waits until the watch shows what the list says. */
async function caughtUp(subject: Subject, said: () => Promise<string[]>, seen: () => string[]): Promise<void> {
  let difference = "";
  await subject.until("the watch to show what the list says", subject.timeouts.eventMs, async () => {
    const [list, watch] = [(await said()).join(", "), seen().join(", ")];
    difference = `list: ${list}; watch: ${watch}`;
    return list === watch ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`the watch missed a change: ${difference}`, { cause: error });
  });
}
