/** What is reported is what is, and absence is an answer of its own. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceCase, needsControl } from "../case.ts";

export const describeCases: readonly ConformanceCase[] = [
  {
    name: "describe/absent",
    promise: "a VM that is not there is `exists: false`, by id and by owner; it is not an error",
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create();
      await subject.delete({ vmId, ownerUid });
      assertEquals(await subject.provider.describe({ vmId }, subject.context), { exists: false });
      assertEquals(await subject.provider.describe({ ownerUid }, subject.context), { exists: false });
    },
  },
  {
    name: "describe/by-owner",
    promise: "a VM is found by the mark of its owner alone",
    run: async (subject) => {
      const { vmId, ownerUid } = await subject.create();
      const answer = await subject.provider.describe({ ownerUid }, subject.context);
      assert(answer.exists, "not found by its owner");
      assertEquals([answer.vm.id, answer.vm.ownerUid], [vmId, ownerUid]);
    },
  },
  {
    name: "describe/of-another-owner",
    promise: "asked by id and owner, the VM of another owner is not the answer: the owner's own is, or absence",
    run: async (subject) => {
      const [one, other] = [await subject.create(), await subject.create()];
      const mixed = await subject.provider.describe({ vmId: one.vmId, ownerUid: other.ownerUid }, subject.context);
      assert(mixed.exists, "the owner's own VM is not found");
      assertEquals(mixed.vm.id, other.vmId);
      const nobody = crypto.randomUUID();
      assertEquals(await subject.provider.describe({ vmId: one.vmId, ownerUid: nobody }, subject.context), {
        exists: false,
      });
    },
  },
  {
    name: "describe/adopted",
    promise: "asked by id and owner, a VM without any mark is the answer: it may have been adopted",
    skip: needsControl("addForeignVm"),
    run: async (subject) => {
      const vmId = await subject.profile.controls?.addForeignVm?.(subject.spec().name) ?? "";
      const answer = await subject.provider.describe({ vmId, ownerUid: crypto.randomUUID() }, subject.context);
      assert(answer.exists, "it is said to be absent");
      assertEquals([answer.vm.id, answer.vm.ownerUid], [vmId, undefined]);
    },
  },
  {
    name: "describe/nothing-asked",
    promise: "describe without id and owner is InvalidSpec, never an arbitrary VM",
    run: async (subject) => {
      await subject.refuses("describe", subject.provider.describe({}, subject.context), "InvalidSpec");
    },
  },
  {
    name: "describe/cancelled-is-not-absent",
    promise: "a look that is cut short is an error, never `exists: false`",
    run: async (subject) => {
      const { vmId } = await subject.create();
      const context = { signal: AbortSignal.abort(), requestId: "vcts-cancelled" };
      const outcome = await subject.provider.describe({ vmId }, context).catch(() => "error" as const);
      assert(outcome === "error" || outcome.exists, "a cancelled look says that the VM is absent");
    },
  },
  {
    name: "describe/after-external-delete",
    promise: "a VM that somebody else deleted is absent",
    skip: needsControl("deleteVm"),
    run: async (subject) => {
      const { vmId } = await subject.create();
      await subject.profile.controls?.deleteVm?.(vmId);
      await subject.until("absence", subject.timeouts.eventMs, async () => {
        return await subject.exists({ vmId }) ? undefined : true;
      });
    },
  },
  {
    name: "describe/quiet",
    promise: "two looks at a VM to which nothing happens are equal",
    run: async (subject) => {
      const { vmId } = await subject.create();
      const first = await subject.describe(vmId);
      assertEquals(await subject.describe(vmId), first);
    },
  },
  {
    name: "list/agrees-with-describe",
    promise: "the list reports a VM in the same words as describe",
    run: async (subject) => {
      const { vmId } = await subject.create();
      const listed = (await subject.list()).find(({ id }) => id === vmId);
      assertEquals(listed, await subject.describe(vmId));
    },
  },
  {
    name: "list/pages-are-complete",
    promise: "small pages together name every VM once",
    run: async (subject) => {
      const created = [await subject.create(), await subject.create(), await subject.create()];
      const ids = (await subject.list(1)).map(({ id }) => id);
      assertEquals(ids.length, new Set(ids).size, "a VM is on two pages");
      for (const { vmId } of created) assert(ids.includes(vmId), `${vmId} is on no page`);
      const whole = (await subject.list()).map(({ id }) => id);
      assertEquals(ids.toSorted(), whole.toSorted());
    },
  },
];
