/** Inputs of decide for tests: a VM that is fine, and ways to make it otherwise. @module */
import { API_VERSION, type VirtualMachine, type VirtualMachineStatus, VM_FINALIZER } from "@virtrigaud/api";
import type { MachineSpec, ObservedMachine } from "@virtrigaud/contract";
import type { InitView, ProviderView, VmInput, Wish } from "../input.ts";

/** The time of all inputs. */
export const NOW = Date.UTC(2030, 0, 1);

/** A wish for one small machine. */
export const wishedSpec: MachineSpec = {
  name: "web",
  hardware: { cpus: 2, memoryMib: 1024, firmware: "BIOS" },
  image: { type: "Template", template: "tiny" },
  rootDisk: { sizeGib: 10 },
  disks: [],
  nics: [{ name: "lan", addresses: [] }],
  tags: [],
};

/** A resolved wish. */
export function wish(change: Partial<MachineSpec> = {}, shape = "shape-1", init: InitView = noInit): Wish {
  return { type: "Resolved", spec: { ...wishedSpec, ...change }, digest: `whole-${shape}`, shape, init };
}
/** There is no first-boot configuration and nothing to make one from. */
export const noInit: InitView = { type: "Known", version: "", read: false };

/** A machine that is as {@linkcode wishedSpec} wants it. */
export function machine(change: Partial<ObservedMachine> = {}): ObservedMachine {
  return {
    id: "vm-1",
    name: "web",
    ownerUid: "uid-1",
    power: "On",
    cpus: 2,
    memoryMib: 1024,
    disks: [{ name: "root", id: "vol-1", sizeGib: 10 }],
    nics: [{ name: "lan", mac: "52:54:00:00:00:01", ips: ["192.0.2.7"], connected: true }],
    ips: ["192.0.2.7"],
    guest: { agent: "Running", hostname: "web" },
    pendingPowerCycle: [],
    details: {},
    ...change,
  };
}

/** What of the object a test changes. */
export interface VmChange {
  readonly spec?: Partial<VirtualMachine["spec"]>;
  readonly status?: VirtualMachine["status"];
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly finalizers?: string[];
  readonly deleting?: boolean;
}

/** The object. */
export function vm({ spec, status, annotations, labels, finalizers, deleting }: VmChange = {}): VirtualMachine {
  return {
    apiVersion: API_VERSION,
    kind: "VirtualMachine",
    metadata: {
      name: "web",
      namespace: "default",
      uid: "uid-1",
      generation: 1,
      finalizers: finalizers ?? [VM_FINALIZER],
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
      ...(deleting === true ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
    },
    spec: { providerRef: { name: "p" }, classRef: { name: "small" }, imageRef: { name: "tiny" }, ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

/** The provider of all inputs. */
export const provider: ProviderView = { type: "Found", name: "default/p", uid: "provider-1", taskPollMs: 30_000 };

/** A VM that is as it should be, changed as told. */
export function input(change: Partial<VmInput> = {}): VmInput {
  return {
    vm: vm(),
    now: NOW,
    nonce: "n",
    provider,
    wish: wish(),
    machine: { type: "Present", vm: machine() },
    task: { type: "Unasked" },
    ...change,
  };
}

/** Time after {@linkcode NOW}, as the API writes it. */
export const at = (ms: number) => new Date(NOW + ms).toISOString();
/** Phase, status and reason of `Ready`. */
export const readyOf = (status: VirtualMachineStatus | undefined) => {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return [status?.phase, ready?.status, ready?.reason].join(" ");
};
/** Whether a condition is `True`. */
export const has = (status: VirtualMachineStatus | undefined, type: string) =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === "True") === true;
/** A machine that is there. */
export const present = (change: Parameters<typeof machine>[0] = {}): Pick<VmInput, "machine"> => ({
  machine: { type: "Present", vm: machine(change) },
});
/** Proven absence. */
export const absent = { machine: { type: "Absent", proven: true } } as const;
/** Status of a VM that was made as it is wished for. */
export const made = { id: "vm-1", appliedWish: "shape-1", providerUID: "provider-1" } as const;
/** A failure, but for what failed. */
export const failure = { class: "QuotaExceeded", message: "no room", attempt: 1 } as const;
/** A provider that cannot be asked. */
export const unreachable = { machine: { type: "Unreachable", message: "the stream broke" } } as const;

/** A step that goes on as task `t-1`. */
export function operation(verb: string) {
  return { id: "op", verb, startedAt: at(-1_000), deadline: at(60_000), taskRef: "t-1", wish: "shape-1", attempt: 1 };
}
/** That task is running. */
export const running = { type: "Known", ageMs: 0, status: { task: { id: "t-1" }, state: "Running" } } as const;
/** That task has ended. */
export const ended = (state: "Succeeded" | "Failed") =>
  ({ type: "Known", ageMs: 0, status: { task: { id: "t-1" }, state } }) as const;
/** An object with a step under way. */
export const inFlight = (verb: string, status: VirtualMachineStatus = made) =>
  vm({ status: { ...status, operation: operation(verb) } });
