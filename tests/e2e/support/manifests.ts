/** The objects that cases apply. @module */
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import type { Hypervisor } from "../../rigs/libvirt/mod.ts";
import type { Kubectl, Printed } from "./kubectl.ts";
import { MockHypervisor } from "./mock_hypervisor.ts";
import type { World } from "./world.ts";

const API = "infra.virtrigaud.io/v1beta1";

/** An object of the product. */
export function object(kind: string, name: string, spec: unknown, metadata: Readonly<Record<string, unknown>> = {}) {
  return { apiVersion: API, kind, metadata: { name, ...metadata }, spec };
}

/** A Secret of text values. */
export function secret(name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "Opaque", stringData };
}

/** Class, image, network and user data, by the names that {@linkcode machine} refers to. */
export function catalog(canary: string) {
  return [
    object("VMClass", "small", { cpu: 1, memory: "1Gi", diskDefaults: { size: "10Gi" } }),
    object("VMClass", "large", { cpu: 2, memory: "2Gi", diskDefaults: { size: "10Gi" } }),
    object("VMImage", "debian", { source: { vsphere: { templateName: "debian-12" } } }),
    object("VMNetworkAttachment", "lan", { network: { libvirt: { networkName: "default" } } }),
    object("VMNetworkAttachment", "lab", { network: { libvirt: { networkName: "lab" } } }),
    secret("user-data", { userdata: `#cloud-config\nhostname: guest\npassword: ${canary}\n` }),
  ];
}

/** A VirtualMachine on Provider `mock`. */
export function machine(name: string, spec: Readonly<Record<string, unknown>> = {}) {
  return object("VirtualMachine", name, {
    providerRef: { name: "mock" },
    classRef: { name: "small" },
    imageRef: { name: "debian" },
    userData: { cloudInit: { secretRef: { name: "user-data" } } },
    networks: [{ name: "lan", networkRef: { name: "lan" } }],
    ...spec,
  });
}

/** Options of {@linkcode mockProvider}. */
export interface MockOptions {
  /** How long a task takes. Default 100 ms. */
  readonly taskMs?: number;
}

/**
 * Applies a Provider `mock` whose hypervisor outlives its process, with credentials that hold the canary, and waits
 * until it is ready.
 */
export async function mockProvider(world: World, kubectl: Kubectl, options: MockOptions = {}): Promise<MockHypervisor> {
  const hypervisor = newHypervisor(world);
  await kubectl.apply(...providerObjects(world, hypervisor, options));
  await ready(kubectl, "provider", "mock");
  return hypervisor;
}

/** The hypervisor of a Provider that is yet to be applied. */
export function newHypervisor(world: World): MockHypervisor {
  return new MockHypervisor(join(world.folder, `hypervisor-${crypto.randomUUID()}.json`));
}

/** The Provider and its Secret. */
export function providerObjects(
  world: Pick<World, "canary">,
  { port, stateFile }: MockHypervisor,
  { taskMs = 100 }: MockOptions = {},
) {
  const env = {
    MOCK_CONTROL_PORT: `${port}`,
    MOCK_STATE_FILE: stateFile,
    MOCK_TASK_LATENCY: `${taskMs}`,
    MOCK_BOOT_LATENCY: "100",
  };
  return [
    secret("credentials", { username: "operator", password: world.canary.word }),
    object("Provider", "mock", {
      type: "mock",
      endpoint: "mock://localhost",
      credentialSecretRef: { name: "credentials" },
      runtime: {
        image: "example.com/provider-mock:v1",
        logLevel: "debug",
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
      },
    }),
  ];
}

/** The Provider `host` of a libvirt host over SSH, with its Secret. */
export function hostProvider({ privateKey, knownHosts, uri }: Hypervisor): unknown[] {
  return [
    secret("ssh", { "ssh-privatekey": privateKey, known_hosts: `${knownHosts}\n`, username: "root" }),
    object("Provider", "host", {
      type: "libvirt",
      endpoint: uri,
      credentialSecretRef: { name: "ssh" },
      runtime: { image: "example.com/provider-libvirt:v1", logLevel: "debug" },
    }),
  ];
}

/** What a condition says. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** The condition `Ready`. */
export function readyOf(object: Printed | undefined): Condition | undefined {
  return object?.status?.conditions?.find((condition: Condition) => condition.type === "Ready");
}

/** Whether an object is as its present spec asks. */
export function isReady(object: Printed | undefined): boolean {
  const condition = readyOf(object);
  return condition?.status === "True" &&
    (condition.observedGeneration ?? object?.status?.observedGeneration) === object?.metadata.generation;
}

/** Waits until an object satisfies `test` (default: is ready for its present spec) and gives it. */
export async function ready(
  kubectl: Kubectl,
  kind: string,
  name: string,
  test: (object: Printed) => boolean = () => true,
  what = "to be ready",
): Promise<Printed> {
  return await when(kubectl, kind, name, what, (object) => isReady(object) && test(object));
}

/** Waits until an object satisfies `test` and gives it. */
export async function when(
  kubectl: Kubectl,
  kind: string,
  name: string,
  what: string,
  test: (object: Printed) => boolean,
): Promise<Printed> {
  let seen: Printed | undefined;
  return await until(`${kind} ${name} ${what}`, async () => {
    seen = await kubectl.find(kind, name);
    return seen !== undefined && test(seen) ? seen : undefined;
  }, { seen: () => JSON.stringify(seen?.status ?? "no such object") });
}
