import { assert, assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { ProviderError, type TaskResponse } from "@virtrigaud/contract";
import type { Commit, Journal } from "./hypervisor/store.ts";
import { observe } from "./hypervisor/observe.ts";
import { Harness, QuickClock, tinySpec } from "./testing/harness.ts";

/** A journal that outlives the hypervisor, as a file would; everything goes through JSON. */
class MemoryJournal implements Journal {
  #lines: string[] = [];

  *load(): Iterable<Commit> {
    for (const line of this.#lines) yield JSON.parse(line);
  }

  append({ writes, effects }: Commit): void {
    this.#lines.push(JSON.stringify({ writes: writes.map(({ previous: _none, ...write }) => write), effects }));
  }

  replace(commit: Commit): void {
    this.#lines = [];
    this.append(commit);
  }

  close(): void {}
}

/** What holds at every moment, whatever happened before. */
function checkInvariants({ hypervisor }: Harness): void {
  const { store } = hypervisor.world;
  const { vms, volumes } = hypervisor;
  const owners = vms.flatMap(({ ownerUid }) => ownerUid ?? []);
  assertEquals(new Set(owners).size, owners.length, "an owner has two VMs");
  assertEquals(new Set(vms.map(({ name }) => name)).size, vms.length, "two VMs have one name");
  const ids = new Set(vms.map(({ id }) => id));
  const used = new Set(vms.flatMap(({ disks }) => disks.map(({ volumeId }) => volumeId)));
  for (const { id, vmId } of volumes) {
    assert(vmId === undefined || (ids.has(vmId) && used.has(id)), `volume ${id} was left behind by ${vmId}`);
  }
  for (const volumeId of used) assert(store.get("volumes", volumeId), `volume ${volumeId} of a VM is gone`);
  const leases = vms.flatMap(({ nics }) => nics.flatMap(({ lease }) => lease ?? [])).toSorted();
  assertEquals([...store.list("leases")].map(({ id }) => id).toSorted(), leases, "leases and cards disagree");
  for (const { lockedBy } of vms) {
    if (lockedBy !== undefined) assertEquals(store.get("tasks", lockedBy)?.state, "Running", "a dead task holds a VM");
  }
  for (const snapshot of store.list("snapshots")) assert(ids.has(snapshot.vmId), "a snapshot without its VM");
  for (const vm of vms) assertEquals(store.vmByName(vm.name)?.id, vm.id);
}

const owner = fc.constantFrom("uid-a", "uid-b", "uid-c");
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("Create" as const), owner, powerOn: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("Delete" as const), owner }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("Power" as const),
      owner,
      op: fc.constantFrom("On", "Off", "ShutdownGraceful", "Reboot", "Reset", "Suspend"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("Reconfigure" as const),
      owner,
      cpus: fc.integer({ min: 1, max: 3 }),
      disks: fc.subarray(["x", "y"]),
      nics: fc.subarray(["eth0", "eth1"]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("Snapshot" as const),
      owner,
      name: fc.constantFrom("s", "t"),
      memory: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("Revert" as const), owner }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("Clone" as const), owner, to: owner, linked: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("ExternalDelete" as const), owner }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("FailTask" as const), lose: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("Wait" as const), ms: fc.constantFrom(1, 200, 1000) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("Restart" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const specOf = (name: string) => ({ ...tinySpec, name });

/** Does a step; refusals are part of the game, anything else is not. */
async function take(harness: Harness, one: Exclude<Step, { type: "Restart" }>): Promise<void> {
  const { provider, context, hypervisor, clock, faults } = harness;
  const vm = "owner" in one ? hypervisor.world.store.vmByOwner(one.owner) : undefined;
  const vmId = vm?.id ?? "vm-none";
  const of = "owner" in one ? one.owner : "uid-a";
  const call = async (): Promise<TaskResponse | void> => {
    switch (one.type) {
      case "Create":
        return await provider.create(
          { operation: harness.operation(of), spec: specOf(of), powerOn: one.powerOn },
          context,
        );
      case "Delete":
        return await provider.delete({ operation: harness.operation(of), vmId }, context);
      case "Power":
        return await provider.power({ operation: harness.operation(of), vmId, op: one.op }, context);
      case "Reconfigure":
        return await provider.reconfigure({
          operation: harness.operation(of),
          vmId,
          spec: {
            ...specOf(of),
            hardware: { ...tinySpec.hardware, cpus: one.cpus },
            disks: one.disks.map((name) => ({ name, sizeGib: 1 })),
            nics: one.nics.map((name) => ({ name, addresses: [] })),
          },
        }, context);
      case "Snapshot":
        return await provider.snapshotCreate(
          { operation: harness.operation(of), vmId, name: one.name, includeMemory: one.memory, quiesce: false },
          context,
        );
      case "Revert": {
        const snapshotId = vm?.currentSnapshot ?? "snap-none";
        return await provider.snapshotRevert({ operation: harness.operation(of), vmId, snapshotId }, context);
      }
      case "Clone":
        return await provider.clone({
          operation: harness.operation(one.to),
          sourceVmId: vmId,
          linked: one.linked,
          spec: specOf(one.to),
          powerOn: false,
        }, context);
      case "ExternalDelete":
        return void hypervisor.external({ type: "Delete", vmId });
      case "FailTask":
        return faults.add({
          method: "all",
          at: "task",
          fault: one.lose ? { type: "LoseTask" } : { type: "Error", class: "Retryable" },
          times: 1,
        });
      case "Wait":
        return await clock.advance(one.ms);
    }
  };
  await call().catch((error) => assert(error instanceof ProviderError, String(error)));
}

Deno.test("whatever happens, nothing is left behind, doubled or held by the dead", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: "max" }), async (steps) => {
      const clock = new QuickClock();
      const journal = new MemoryJournal();
      let harness = new Harness({ clock, journal });
      try {
        for (const one of steps) {
          if (one.type === "Restart") {
            const before = harness.hypervisor.vms;
            harness.hypervisor.close();
            harness = new Harness({ clock, journal });
            assertEquals(harness.hypervisor.vms, before);
          } else await take(harness, { ...one });
          checkInvariants(harness);
          for (const vm of harness.hypervisor.vms) observe(harness.hypervisor.world, vm);
        }
      } finally {
        harness.hypervisor.close();
      }
    }),
    { numRuns: 150, seed: 20_30 },
  );
});
