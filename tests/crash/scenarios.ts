/** What is under way when somebody is killed. @module */
import type { Provider, VirtualMachine } from "@virtrigaud/api";
import type { Step } from "../fault/steps.ts";
import { COLLECTIONS, type World } from "../fault/world/world.ts";

/** A change that a user asks for, from a system at rest. */
export interface Scenario {
  readonly name: string;
  /** Done and settled before the points are counted. */
  readonly before: readonly (Step | ((world: World) => void))[];
  /** What is asked for, and time for it to happen. */
  readonly change: readonly (Step | ((world: World) => void))[];
  /** What is wrong in the end beyond what always has to hold. */
  readonly check: (world: World) => string[];
}

const create: Step = { type: "Create", vm: "a", power: "On", retain: false };
const wait = (ms: number): Step => ({ type: "Wait", ms });

/** How often the hypervisor did something for our VMs in this whole run. */
const effects = (world: World, type: string): number =>
  world.provider.hypervisor.effects.filter((effect) => effect.type === type).length;

const wrong = (what: string, is: unknown, wanted: unknown): string[] =>
  JSON.stringify(is) === JSON.stringify(wanted)
    ? []
    : [`${what}: ${JSON.stringify(is)}, wanted ${JSON.stringify(wanted)}`];

/** What a machine has to be in the end. The hypervisor, the API and the record of what happened are all looked at. */
interface Wanted {
  readonly power?: "On" | "Off";
  readonly cpus?: number;
  /** GiB by name, without the root disk. */
  readonly disks?: Readonly<Record<string, number>>;
  readonly nics?: readonly string[];
  /** Most starts of the guest that this may take, kills or not. */
  readonly boots?: number;
}

const isOurs = ({ ownerUid }: { readonly ownerUid?: string | undefined }): boolean => ownerUid !== undefined;

/** Exactly one machine, made once, never deleted, and as wanted. */
const one = (wanted: Wanted) => (world: World): string[] => {
  const { hypervisor } = world.provider;
  const ours = hypervisor.vms.filter(({ ownerUid }) => ownerUid !== undefined);
  const [machine] = ours;
  const [object] = world.vms();
  if (machine === undefined || object === undefined || ours.length + world.vms().length !== 2) {
    return [`${world.vms().length} objects and ${ours.length} VMs, wanted one of each`];
  }
  const { power = "On", cpus = 1, disks = {}, nics = ["lan"], boots = 1 } = wanted;
  const data = machine.disks.filter(({ name }) => name !== "root").map(({ name, volumeId }) =>
    [name, hypervisor.volumes.find(({ id }) => id === volumeId)?.sizeGib] as const
  );
  const volumes = hypervisor.volumes.filter(({ vmId }) => vmId === machine.id).length;
  return [
    ...wrong("VMs made", effects(world, "VmCreated"), 1),
    ...wrong("VMs deleted", effects(world, "VmDeleted"), 0),
    ...wrong("power at the hypervisor", machine.power, power),
    ...wrong("power in status", object.status?.powerState, power),
    ...wrong("CPUs", machine.hardware.cpus, cpus),
    ...wrong("disks", Object.fromEntries(data), disks),
    ...wrong("volumes", volumes, 1 + Object.keys(disks).length),
    ...wrong("disks in status", disksInStatus(object), Object.keys(disks)),
    ...wrong("network cards", machine.nics.map(({ spec }) => spec.name), nics),
    ...(effects(world, "GuestBooted") <= boots ? [] : [`the guest booted ${effects(world, "GuestBooted")} times`]),
  ];
};

const disksInStatus = ({ status }: VirtualMachine): string[] =>
  (status?.disks ?? []).flatMap(({ name }) => name === undefined || name === "root" ? [] : [name]);

/** Nothing is left of what was made at most once. */
const none = (world: World): string[] => {
  const { vms, volumes } = world.provider.hypervisor;
  const foreign = new Set(vms.filter(({ ownerUid }) => ownerUid === undefined).map(({ id }) => id));
  return [
    ...wrong("objects", world.vms().map(({ metadata }) => metadata.name), []),
    ...wrong("VMs", vms.filter(({ ownerUid }) => ownerUid !== undefined).map(({ name }) => name), []),
    ...wrong("volumes", volumes.filter(({ vmId }) => !foreign.has(vmId ?? "")).map(({ name }) => name), []),
    ...(effects(world, "VmCreated") <= 1 ? [] : [`${effects(world, "VmCreated")} VMs were made for one object`]),
    ...wrong("VMs deleted", effects(world, "VmDeleted"), effects(world, "VmCreated")),
  ];
};

/** The Provider is ready for its present spec, and its process was rolled out with what it has to know. */
const providerIs = (image: string, password: string, machine: Wanted) => (world: World): string[] => {
  const [provider] = world.api.store.list(COLLECTIONS.provider) as unknown as Provider[];
  const [deployment] = world.api.store.list(COLLECTIONS.deployment);
  const [secret] = world.api.store.list(COLLECTIONS.secret);
  const template = (deployment?.spec as {
    template?: { metadata?: { annotations?: Record<string, string> }; spec?: { containers?: { image?: string }[] } };
  })?.template;
  const ready = provider?.status?.conditions?.find(({ type }) => type === "Ready");
  return [
    ...one(machine)(world),
    ...wrong("Ready of the Provider", [ready?.status, ready?.observedGeneration], [
      "True",
      provider?.metadata.generation,
    ]),
    ...wrong("image", template?.spec?.containers?.[0]?.image, image),
    ...wrong("password", (secret?.data as { password?: string })?.password, btoa(password)),
    ...wrong(
      "credentials that the process was started with",
      template?.metadata?.annotations?.["virtrigaud.io/credentials-version"],
      secret?.metadata.resourceVersion,
    ),
  ];
};

const IMAGE = "registry.test/provider-mock:v1";
const NEW_IMAGE = "registry.test/provider-mock:v2";

const hotPlug = (world: World): void => {
  for (const name of ["small", "large"]) {
    world.change("class", name, (object) => {
      (object.spec as Record<string, unknown>).performanceProfile = {
        cpuHotAddEnabled: true,
        memoryHotAddEnabled: true,
      };
    });
  }
};

const newImage = (world: World): void =>
  world.change("provider", "mock", (object) => {
    (object.spec as { runtime: { image: string } }).runtime.image = NEW_IMAGE;
  });

/** The scenarios of the campaign. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "create", before: [], change: [create, wait(1_500)], check: one({}) },
  {
    name: "power off",
    before: [create],
    change: [{ type: "Power", vm: "a", power: "Off" }, wait(800)],
    check: one({ power: "Off" }),
  },
  {
    name: "power on",
    before: [{ ...create, power: "Off" }],
    change: [{ type: "Power", vm: "a", power: "On" }, wait(1_000)],
    check: one({}),
  },
  {
    name: "graceful off",
    before: [create],
    change: [{ type: "Power", vm: "a", power: "OffGraceful" }, wait(1_000)],
    check: one({ power: "Off" }),
  },
  {
    name: "user-data",
    before: [{ type: "SharedUserData", to: 1 }, create, { type: "UserData", vm: "a", from: "secret", to: 0 }],
    change: [{ type: "SharedUserData", to: 2 }, wait(800)],
    check: (world) => [
      ...one({})(world),
      ...wrong("name of the next boot", world.provider.hypervisor.vms.find(isOurs)?.nextHostname, "h2"),
      ...wrong("user-data in status", world.vms()[0]?.status?.userData?.change, "Replaced"),
    ],
  },
  {
    name: "reboot",
    before: [create],
    change: [{ type: "Reboot", vm: "a", request: 1 }, wait(1_500)],
    check: one({ boots: 2 }),
  },
  {
    name: "reconfigure online",
    before: [hotPlug, create],
    change: [{ type: "Resize", vm: "a", to: "large" }, wait(1_000)],
    check: one({ cpus: 2 }),
  },
  {
    name: "reconfigure by power cycle",
    before: [create],
    change: [{ type: "Resize", vm: "a", to: "large" }, wait(2_500)],
    check: one({ cpus: 2, boots: 2 }),
  },
  {
    name: "disk add",
    before: [create],
    change: [{ type: "Disks", vm: "a", sizes: [1] }, wait(800)],
    check: one({ disks: { d0: 1 } }),
  },
  {
    name: "disk growth",
    before: [create, { type: "Disks", vm: "a", sizes: [1] }],
    change: [{ type: "Disks", vm: "a", sizes: [4, 2] }, wait(1_000)],
    // Disks grow offline unless asked otherwise: that takes a power cycle.
    check: one({ disks: { d0: 4, d1: 2 }, boots: 2 }),
  },
  {
    name: "disk removal",
    before: [create, { type: "Disks", vm: "a", sizes: [1, 2] }],
    change: [{ type: "Disks", vm: "a", sizes: [1] }, wait(1_000)],
    check: one({ disks: { d0: 1 } }),
  },
  {
    name: "network change",
    before: [create],
    change: [{ type: "Networks", vm: "a", networks: ["lan", "lab"] }, wait(1_500)],
    check: one({ nics: ["lan", "lab"] }),
  },
  { name: "delete", before: [create], change: [{ type: "Delete", vm: "a" }, wait(1_000)], check: none },
  {
    name: "delete while creating",
    before: [],
    change: [create, wait(60), { type: "Delete", vm: "a" }, wait(1_500)],
    check: none,
  },
  {
    name: "provider update",
    before: [create],
    change: [{ type: "ChangeProvider", interval: "2m" }, newImage, wait(1_500)],
    check: providerIs(NEW_IMAGE, "p1", {}),
  },
  {
    name: "credential rotation",
    before: [create],
    change: [{ type: "RotateCredentials", to: 5 }, wait(1_500)],
    check: providerIs(IMAGE, "p5", {}),
  },
  {
    name: "credential rotation while creating",
    before: [],
    change: [create, wait(100), { type: "RotateCredentials", to: 5 }, wait(1_500)],
    check: providerIs(IMAGE, "p5", {}),
  },
];
