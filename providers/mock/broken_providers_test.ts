import { assert, assertEquals } from "@virtrigaud/deps";
import { type ConformanceProfile, runConformance } from "@virtrigaud/conformance";
import type { ObservedMachine, Provider, WatchEvent } from "@virtrigaud/contract";
import { ProviderError } from "@virtrigaud/contract";
import { methods } from "./faults.ts";
import { Harness } from "./testing/harness.ts";
import { mockProfile } from "./testing/profile.ts";

/** A provider that does what `provider` does, except for what is replaced. */
function replacing(provider: Provider, replacement: Partial<Provider>): Provider {
  const bound = methods.map((method) => [method, (provider[method] as () => unknown).bind(provider)]);
  return { ...Object.fromEntries(bound) as Provider, ...replacement };
}

interface Defect {
  /** What is wrong with the provider. */
  readonly name: string;
  readonly defect: (harness: Harness) => Partial<Provider>;
  /** Cases that have to find it. */
  readonly caughtBy: readonly string[];
}

const withoutMark = ({ ownerUid: _lost, ...vm }: ObservedMachine): ObservedMachine => vm;
/** Makes every operation a new one, as if the provider remembered none. */
const anew = <T extends { operation: { id: string } }>(request: T): T => ({
  ...request,
  operation: { ...request.operation, id: crypto.randomUUID() },
});

const defects: readonly Defect[] = [
  {
    name: "reports VMs without the owner's mark",
    defect: ({ provider }) => ({
      describe: async (request, context) => {
        const answer = await provider.describe(request, context);
        return answer.exists ? { exists: true, vm: withoutMark(answer.vm) } : answer;
      },
    }),
    caughtBy: ["create/as-asked", "describe/by-owner"],
  },
  {
    name: "creates a second VM for the same owner",
    defect: ({ provider }) => {
      let number = 0;
      return {
        create: (request, context) => {
          const name = `${request.spec.name}-${++number}`;
          const ownerUid = number === 1 ? request.operation.ownerUid : crypto.randomUUID();
          const operation = { ...request.operation, id: crypto.randomUUID(), ownerUid };
          return provider.create({ ...request, spec: { ...request.spec, name }, operation }, context);
        },
      };
    },
    caughtBy: ["create/same-operation-once", "create/same-owner-once", "create/concurrent-once"],
  },
  {
    name: "takes a VM over because it has the right name",
    defect: ({ provider, hypervisor }) => ({
      create: (request, context) => {
        const holder = hypervisor.vms.find(({ name }) => name === request.spec.name);
        return holder === undefined ? provider.create(request, context) : Promise.resolve({ vmId: holder.id });
      },
    }),
    caughtBy: ["create/name-conflict-own", "create/name-conflict-foreign"],
  },
  {
    name: "deletes VMs of other owners",
    defect: ({ provider, hypervisor }) => ({
      delete: (request, context) => {
        const ownerUid = hypervisor.vms.find(({ id }) => id === request.vmId)?.ownerUid ?? request.operation.ownerUid;
        return provider.delete({ ...request, operation: { ...request.operation, ownerUid } }, context);
      },
    }),
    caughtBy: ["delete/of-another-owner"],
  },
  {
    name: "leaves data disks behind",
    defect: ({ provider, hypervisor }) => ({
      delete: async (request, context) => {
        const { store } = hypervisor.world;
        const vm = store.get("vms", request.vmId);
        const answer = await provider.delete(request, context);
        store.transaction(() => {
          for (const { volumeId } of vm?.disks ?? []) {
            const volume = store.get("volumes", volumeId);
            if (volume !== undefined) store.put("volumes", { ...volume, id: `${volumeId}-left` });
          }
        });
        return answer;
      },
    }),
    caughtBy: ["delete/no-volume-left"],
  },
  {
    name: "says `exists: false` when it could not look",
    defect: ({ provider }) => ({
      describe: (request, context) => provider.describe(request, context).catch(() => ({ exists: false })),
    }),
    caughtBy: ["describe/cancelled-is-not-absent", "describe/nothing-asked"],
  },
  {
    name: "says NotFound instead of `exists: false`",
    defect: ({ provider }) => ({
      describe: async (request, context) => {
        const answer = await provider.describe(request, context);
        if (!answer.exists) throw new ProviderError("NotFound", "no such VM");
        return answer;
      },
    }),
    caughtBy: ["describe/absent", "delete/running"],
  },
  {
    name: "ignores the fence",
    defect: ({ provider }) => ({
      power: (request, context) =>
        provider.power({ ...request, operation: { ...request.operation, fence: 1_000_000 } }, context),
    }),
    caughtBy: ["operations/stale-fence"],
  },
  {
    name: "is served without the guard, so that it learns nothing from who asks",
    defect: () => ({}),
    caughtBy: ["operations/fence-of-a-question", "operations/late-create"],
  },
  {
    name: "remembers no operation",
    defect: ({ provider }) => ({
      power: (request, context) => provider.power(anew(request), context),
      snapshotCreate: (request, context) => provider.snapshotCreate(anew(request), context),
    }),
    caughtBy: ["power/same-operation-once", "snapshots/same-operation-once"],
  },
  {
    name: "skips an event of the watch",
    defect: ({ provider }) => ({
      watch: (context) =>
        dropping(provider.watch(context), (event) => event.type === "Present" && event.vm.power === "On"),
    }),
    caughtBy: ["watch/misses-nothing", "watch/change-and-end-of-a-vm"],
  },
  {
    name: "does not say in the watch that a VM is gone",
    defect: ({ provider }) => ({
      watch: (context) => dropping(provider.watch(context), (event) => event.type === "Gone"),
    }),
    caughtBy: ["watch/misses-nothing", "watch/change-and-end-of-a-vm"],
  },
  {
    name: "begins a watch without a list",
    defect: ({ provider }) => ({
      watch: (context) => dropping(provider.watch(context), ({ type }) => type === "ListBegin" || type === "ListEnd"),
    }),
    caughtBy: ["watch/full-list-first"],
  },
  {
    name: "loses the last page of a list",
    defect: ({ provider }) => ({
      listVms: async (request, context) => {
        const { vms } = await provider.listVms(request, context);
        return { vms };
      },
    }),
    caughtBy: ["list/pages-are-complete"],
  },
  {
    name: "says that a change is applied which waits for a power cycle",
    defect: ({ provider }) => ({
      reconfigure: async (request, context) => ({
        ...await provider.reconfigure(request, context),
        needsPowerCycle: [],
      }),
    }),
    caughtBy: ["reconfigure/running", "disks/grow-offline"],
  },
  {
    name: "replaces first-boot configuration although nobody asks for it",
    defect: ({ provider }) => ({
      reconfigure: (request, context) => provider.reconfigure({ ...request, followGuestInit: true }, context),
    }),
    caughtBy: ["guest/init-replaced"],
  },
  {
    name: "lets first-boot configuration wait for an outage",
    defect: ({ provider }) => ({
      reconfigure: async (request, context) => {
        const answer = await provider.reconfigure({ ...request, followGuestInit: false }, context);
        return request.followGuestInit === true ? { ...answer, needsPowerCycle: ["guestInit"] } : answer;
      },
    }),
    caughtBy: ["guest/init-replaced"],
  },
  {
    name: "shows a digest of first-boot configuration that anybody can make",
    defect: ({ provider }) => {
      const digests = new Map<string, string>();
      return {
        create: async (request, context) => {
          const answer = await provider.create(request, context);
          const init = request.spec.guestInit;
          const content = init?.type === "CloudInit" ? `${init.userData?.reveal()} ${init.metaData?.reveal()}` : "";
          digests.set(answer.vmId, btoa(content).padEnd(16, "="));
          return answer;
        },
        describe: async (request, context) => {
          const answer = await provider.describe(request, context);
          if (!answer.exists || answer.vm.guestInitDigest === undefined) return answer;
          return { exists: true, vm: { ...answer.vm, guestInitDigest: digests.get(answer.vm.id) ?? "" } };
        },
      };
    },
    caughtBy: ["guest/init-digest"],
  },
  {
    name: "advertises what it does not have",
    defect: ({ provider }) => ({
      snapshotCreate: () => Promise.reject(new ProviderError("NotSupported", "no snapshots")),
      getCapabilities: (context) => provider.getCapabilities(context),
    }),
    caughtBy: ["snapshots/tree"],
  },
  {
    name: "has snapshots that it does not advertise",
    defect: ({ provider }) => ({
      getCapabilities: async (context) => ({
        ...await provider.getCapabilities(context),
        snapshots: false,
        memorySnapshots: false,
        quiescedSnapshots: false,
      }),
    }),
    caughtBy: ["capabilities/not-advertised-is-refused"],
  },
  {
    name: "calls every task done, also those it never had",
    defect: () => ({ taskStatus: (task) => Promise.resolve({ task, state: "Succeeded", progressPercent: 100 }) }),
    caughtBy: ["tasks/unknown"],
  },
  {
    name: "never answers, and does not listen to its caller either",
    defect: () => ({ listVms: () => new Promise(() => {}) }),
    caughtBy: ["list/agrees-with-describe"],
  },
  {
    name: "shows the first-boot configuration",
    defect: ({ provider }) => {
      const shown = new Map<string, string>();
      return {
        create: async (request, context) => {
          const init = request.spec.guestInit;
          const answer = await provider.create(request, context);
          if (init?.type === "CloudInit") shown.set(answer.vmId, init.userData?.reveal() ?? "");
          return answer;
        },
        describe: async (request, context) => {
          const answer = await provider.describe(request, context);
          if (!answer.exists) return answer;
          const { vm } = answer;
          return { exists: true, vm: { ...vm, details: { ...vm.details, userData: shown.get(vm.id) ?? "" } } };
        },
      };
    },
    caughtBy: ["guest/init-stays-secret"],
  },
  {
    name: "loses events when the hypervisor's connection breaks, and goes on",
    defect: ({ provider }) => ({
      watch: (context) => surviving(provider.watch(context)),
    }),
    caughtBy: ["watch/after-an-interruption"],
  },
  {
    name: "does not end a watch whose caller has left",
    defect: ({ provider }) => ({
      watch: (context) => provider.watch({ ...context, signal: new AbortController().signal }),
    }),
    caughtBy: ["watch/ends-when-cancelled"],
  },
  {
    name: "answers a bad wish with an error outside the taxonomy",
    defect: ({ provider }) => ({
      create: (request, context) =>
        provider.create(request, context).catch((error: Error) => Promise.reject(new Error(error.message))),
    }),
    caughtBy: ["input/empty-name", "create/missing-image", "create/name-conflict-own"],
  },
];

for (const { name, defect, caughtBy } of defects) {
  Deno.test(`the suite finds a provider that ${name}`, async () => {
    using harness = new Harness();
    const profile: ConformanceProfile = {
      ...mockProfile(harness.hypervisor),
      timeouts: { pollMs: 50, eventMs: 2000, taskMs: 5000 },
    };
    const provider = replacing(harness.provider, defect(harness));
    const results = await harness.drive(runConformance(provider, profile, { clock: harness.clock, only: caughtBy }));
    assertEquals(
      results.map(({ name, outcome }) => [name, outcome]).toSorted(),
      caughtBy.map((one) => [one, "Failed"]).toSorted(),
    );
    for (const { reason } of results) assert(reason !== undefined && reason !== "", "a failure without a reason");
  });
}

/** Hides that the stream broke off, and says nothing any more. */
async function* surviving(stream: AsyncIterable<WatchEvent>): AsyncGenerator<WatchEvent> {
  try {
    yield* stream;
  } catch {
    await new Promise(() => {});
  }
}

async function* dropping(stream: AsyncIterable<WatchEvent>, drop: (event: WatchEvent) => boolean) {
  for await (const event of stream) if (!drop(event)) yield event;
}
