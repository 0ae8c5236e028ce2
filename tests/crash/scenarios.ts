/** What is under way when somebody is killed. @module */
import type { Step } from "../fault/steps.ts";
import type { World } from "../fault/world/world.ts";

/** A change that a user asks for, from a system at rest. */
export interface Scenario {
  readonly name: string;
  /** Done and settled before the points are counted. */
  readonly before: readonly Step[];
  /** What is asked for, and time for it to happen. */
  readonly change: readonly Step[];
  /** What is wrong in the end beyond what always has to hold. */
  readonly check: (world: World) => string[];
}

const create: Step = { type: "Create", vm: "a", power: "On", retain: false };
const wait = (ms: number): Step => ({ type: "Wait", ms });

const oneVm = (world: World): string[] => {
  const count = world.provider.hypervisor.vms.filter(({ ownerUid }) => ownerUid !== undefined).length;
  return count === 1 && world.vms().length === 1
    ? []
    : [`${world.vms().length} objects and ${count} VMs, expected one`];
};
const nothing = (world: World): string[] => {
  const left = world.provider.hypervisor.vms.filter(({ ownerUid }) => ownerUid !== undefined).length;
  return left === 0 && world.vms().length === 0 ? [] : [`${world.vms().length} objects and ${left} VMs are left`];
};
const effects = (world: World, type: string): number =>
  world.provider.hypervisor.effects.filter((effect) => effect.type === type).length;

/** The scenarios of the campaign. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "create",
    before: [],
    change: [create, wait(1_500)],
    check: (world) => [
      ...oneVm(world),
      ...(effects(world, "VmCreated") === 1 ? [] : [`${effects(world, "VmCreated")} VMs were made for one object`]),
    ],
  },
  { name: "power off", before: [create], change: [{ type: "Power", vm: "a", power: "Off" }, wait(800)], check: oneVm },
  {
    name: "power on",
    before: [{ ...create, power: "Off" }],
    change: [{ type: "Power", vm: "a", power: "On" }, wait(1_000)],
    check: oneVm,
  },
  {
    name: "graceful off",
    before: [create],
    change: [{ type: "Power", vm: "a", power: "OffGraceful" }, wait(1_000)],
    check: oneVm,
  },
  {
    name: "reboot",
    before: [create],
    change: [{ type: "Reboot", vm: "a", request: 1 }, wait(1_500)],
    check: (world) => {
      const boots = effects(world, "GuestBooted");
      return [...oneVm(world), ...(boots <= 2 ? [] : [`the guest booted ${boots} times: asked once, rebooted twice`])];
    },
  },
  {
    name: "reconfigure online",
    before: [create],
    change: [{ type: "Disks", vm: "a", sizes: [1] }, wait(800)],
    check: oneVm,
  },
  {
    name: "reconfigure by power cycle",
    before: [create],
    change: [{ type: "Resize", vm: "a", to: "large" }, wait(2_500)],
    check: oneVm,
  },
  {
    name: "disk growth",
    before: [create, { type: "Disks", vm: "a", sizes: [1] }],
    change: [{ type: "Disks", vm: "a", sizes: [4, 2] }, wait(1_000)],
    check: oneVm,
  },
  {
    name: "disk removal",
    before: [create, { type: "Disks", vm: "a", sizes: [1, 2] }],
    change: [{ type: "Disks", vm: "a", sizes: [1] }, wait(1_000)],
    check: oneVm,
  },
  {
    name: "network change",
    before: [create],
    change: [{ type: "Networks", vm: "a", networks: ["lan", "lab"] }, wait(1_500)],
    check: oneVm,
  },
  { name: "delete", before: [create], change: [{ type: "Delete", vm: "a" }, wait(1_000)], check: nothing },
  {
    name: "delete while creating",
    before: [],
    change: [create, wait(60), { type: "Delete", vm: "a" }, wait(1_500)],
    check: nothing,
  },
  {
    name: "provider update",
    before: [create],
    change: [{ type: "ChangeProvider", interval: "2m" }, wait(1_000)],
    check: oneVm,
  },
  {
    name: "credential rotation",
    before: [create],
    change: [{ type: "RotateCredentials", to: 5 }, wait(1_500)],
    check: oneVm,
  },
];
