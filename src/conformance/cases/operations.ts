/** Operations, fences and tasks. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import type { ConformanceCase } from "../case.ts";

export const operationCases: readonly ConformanceCase[] = [
  {
    name: "operations/stale-fence",
    promise: "a change with an older fence than one seen before is a Conflict with reason StaleFence, and not made",
    run: async (subject) => {
      const vm = await subject.create();
      const stale = subject.state.fence;
      subject.state.fence++;
      await subject.power(vm, "On", "On");
      const operation = subject.operation(vm.ownerUid, { fence: stale });
      const call = subject.provider.power({ operation, vmId: vm.vmId, op: "Off" }, subject.context);
      await subject.refuses("power Off", call, "Conflict", { reason: "StaleFence" });
      assertEquals((await subject.describe(vm.vmId)).power, "On");
    },
  },
  {
    name: "operations/fence-of-a-question",
    promise: "whoever asks with a newer fence leads: a change with an older one is refused from then on",
    run: async (subject) => {
      const vm = await subject.create();
      const stale = subject.state.fence;
      const turn = { fence: ++subject.state.fence, number: 1 };
      await subject.provider.validate({ ...subject.context, turn });
      const operation = subject.operation(vm.ownerUid, { fence: stale });
      const call = subject.provider.power({ operation, vmId: vm.vmId, op: "On" }, subject.context);
      await subject.refuses("power On", call, "Conflict", { reason: "StaleFence" });
      assertEquals((await subject.describe(vm.vmId)).power, "Off");
    },
  },
  {
    name: "operations/late-create",
    promise: "a create that arrives after its manager has asked whether the VM is there is a Conflict, and not made",
    run: async (subject) => {
      const ownerUid = subject.owner();
      const at = (number: number) => ({ ...subject.context, turn: { fence: subject.state.fence, number } });
      assertEquals(await subject.provider.describe({ ownerUid }, at(2)), { exists: false });
      const create = (number: number) =>
        subject.provider.create(
          { operation: subject.operation(ownerUid), spec: subject.spec(), powerOn: false },
          at(number),
        );
      await subject.refuses("create", create(1), "Conflict", { reason: "StaleFence" });
      assertEquals(await subject.exists({ ownerUid }), false);
      await subject.done(create(3));
      assert(await subject.exists({ ownerUid }), "a create that is not late was not carried out");
    },
  },
  {
    name: "operations/error-is-not-remembered",
    promise: "an operation that was refused may be tried again with the same id when the reason is gone",
    run: async (subject) => {
      const blocker = await subject.create();
      const ownerUid = subject.owner();
      const spec = subject.spec({ name: blocker.spec.name });
      const request = { operation: subject.operation(ownerUid), spec, powerOn: false };
      await subject.refuses("create", subject.provider.create(request, subject.context), "Conflict");
      await subject.delete(blocker);
      await subject.done(subject.provider.create(request, subject.context));
      assert(await subject.exists({ ownerUid }), "the second try made no VM");
    },
  },
  {
    name: "operations/absent-vm",
    promise: "whatever is asked of a VM that does not exist is NotFound, except its deletion",
    run: async (subject) => {
      const { provider, capabilities } = subject;
      const { vmId, ownerUid, spec } = await subject.create();
      await subject.delete({ vmId, ownerUid });
      const operation = () => subject.operation(ownerUid);
      const reconfigure = provider.reconfigure({ operation: operation(), vmId, spec }, subject.context);
      await subject.refuses("reconfigure", reconfigure, "NotFound");
      if (capabilities.snapshots) {
        await subject.refuses("snapshotList", provider.snapshotList({ vmId }, subject.context), "NotFound");
        const request = { operation: operation(), vmId, name: "s", includeMemory: false, quiesce: false };
        await subject.refuses("snapshotCreate", provider.snapshotCreate(request, subject.context), "NotFound");
      }
      if (capabilities.guestExec) {
        const request = { operation: operation(), vmId, command: ["true"] };
        await subject.refuses("guestExec", provider.guestExec(request, subject.context), "NotFound");
      }
      if (capabilities.diskExport) {
        await subject.refuses("getDiskInfo", provider.getDiskInfo({ vmId }, subject.context), "NotFound");
      }
    },
  },
  {
    name: "tasks/unknown",
    promise: "a task that is not known is NotFound with reason TaskUnknown",
    run: async (subject) => {
      const call = subject.provider.taskStatus({ id: "vcts-no-such-task" }, subject.context);
      await subject.refuses("taskStatus", call, "NotFound", { reason: "TaskUnknown" });
    },
  },
  {
    name: "tasks/come-to-an-end",
    promise: "progress never goes back, and a task that has ended stays so",
    run: async (subject) => {
      const request = { operation: subject.operation(subject.owner()), spec: subject.spec(), powerOn: false };
      const { task } = await subject.provider.create(request, subject.context);
      if (task === undefined) return;
      let progress = 0;
      await subject.until("the end of the task", subject.timeouts.taskMs, async () => {
        const status = await subject.provider.taskStatus(task, subject.context);
        assertEquals(status.task.id, task.id);
        const now = status.progressPercent ?? progress;
        assert(now >= progress && now <= 100, `progress went from ${progress} to ${now}`);
        progress = now;
        return status.state === "Running" ? undefined : true;
      });
      assertEquals((await subject.provider.taskStatus(task, subject.context)).state, "Succeeded");
    },
  },
];
