/** The product as it runs in earnest, each part a process of its own: what is measured and broken here. @module */
import { fileURLToPath } from "node:url";
import { API_VERSION, kindNamed } from "@virtrigaud/api";
import { DIAL_ADDRESS_ANNOTATION, MANAGED_SELECTOR, PROVIDERS } from "@virtrigaud/controllers";
import {
  DEPLOYMENTS,
  isAlreadyExists,
  isConnectionFailed,
  keyOf,
  type KubeClient,
  NAMESPACES,
  resourceType,
} from "@virtrigaud/kube";
import { until, type UntilOptions } from "@virtrigaud/resilience";
import { Runner } from "@virtrigaud/standalone";
import { programFor, programSources } from "../../src/cmd/standalone/programs.ts";
import { commandEnv } from "../rigs/command.ts";
import { type ApiServer, type PlaneType, startApiServer, type WriteCounts } from "./api_server.ts";
import { denoVariables } from "./config.ts";
import { Fleet, NAMESPACE } from "./fleet.ts";
import { MockControl } from "./hypervisor.ts";
import { Process } from "./process.ts";

/** A world to start. */
export interface WorldOptions {
  /** Default `embedded`. */
  readonly plane?: PlaneType;
  /** Mock providers, named `mock-0`, `mock-1`, ... Default 1. */
  readonly providers?: number;
  /** Labels of each Provider. */
  readonly labelsOf?: (index: number) => Readonly<Record<string, string>>;
  /** Variables of the provider processes besides the control port. */
  readonly providerEnv?: Readonly<Record<string, string>>;
  /** The memory of providers survives kill -9. Default false. */
  readonly persistent?: boolean;
  /** Variables of the manager processes. */
  readonly managerEnv?: Readonly<Record<string, string>>;
  /** Arguments of each manager to start, besides those that say where everything is. Default one without. */
  readonly managers?: readonly (readonly string[])[];
  /** What is run as manager: arguments of `deno`. Default its sources. */
  readonly managerProgram?: readonly string[];
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MANAGER_SOURCES = [
  ...["run", "-A", "--no-check", "--quiet", "--config", `${ROOT}/deno.json`],
  `${ROOT}/src/cmd/manager/main.ts`,
] as const;

/** Highest that the schema allows, so that the limit which spares hypervisors is not what is measured. */
const RATE_LIMIT = { qps: 1000, burst: 2000 };
const START_TIMEOUT_MS = 180_000;
const SYSTEM_NAMESPACE = "virtrigaud-system";

/** A running world: API server, runner, managers, providers, and an eye on all VirtualMachines. */
export class World implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #managers = new Set<Process>();
  readonly #mocks: MockControl[] = [];

  private constructor(
    readonly folder: string,
    readonly server: ApiServer,
    readonly runner: Runner,
    readonly fleet: Fleet,
    readonly managerEnv: Readonly<Record<string, string>>,
    readonly managerProgram: readonly string[],
  ) {}

  /** Starts everything; returns when all Providers are Ready. */
  static async start(options: WorldOptions = {}): Promise<World> {
    await using starting = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "virtrigaud-scale-" });
    starting.defer(() => Deno.remove(folder, { recursive: true }));
    const server = starting.use(await startApiServer(options.plane ?? "embedded", folder));
    const sources = programSources();
    const runner = new Runner({
      client: server.client,
      labelSelector: MANAGED_SELECTOR,
      folder: `${folder}/providers`,
      programOf: (image) => programFor(image, sources),
      addressAnnotation: DIAL_ADDRESS_ANNOTATION,
      baseEnv: commandEnv(denoVariables()),
    });
    const fleet = new Fleet(server.client);
    const world = new World(
      ...[folder, server, runner, fleet] as const,
      ...[options.managerEnv ?? {}, options.managerProgram ?? MANAGER_SOURCES] as const,
    );
    const stop = new AbortController();
    const running = runner.run(stop.signal);
    starting.defer(async () => {
      // What is over need not be drained, least of all calls to a provider that hangs.
      await Promise.all([...world.#managers].map((manager) => world.endManager(manager, "SIGKILL")));
      await fleet[Symbol.asyncDispose]();
      stop.abort();
      await running;
    });
    await ensureNamespace(world.client, SYSTEM_NAMESPACE);
    await ensureNamespace(world.client, NAMESPACE);
    await Promise.all((options.managers ?? [[]]).map((args) => world.startManager(args)));
    await world.#provide(options);
    world.#stack.use(starting.move());
    return world;
  }

  /** Acts as the administrator. */
  get client(): KubeClient {
    return this.server.client;
  }

  /** The manager; the first that still runs. */
  get manager(): Process {
    const [first] = this.#managers;
    if (first === undefined) throw new Error("no manager runs");
    return first;
  }

  /** The hypervisor behind `mock-<index>`. */
  mock(index = 0): MockControl {
    const mock = this.#mocks[index];
    if (mock === undefined) throw new Error(`there is no provider mock-${index}`);
    return mock;
  }

  /** Starts one more manager. Does not wait until it is ready. */
  startManager(args: readonly string[] = []): Process {
    const manager = new Process({
      command: Deno.execPath(),
      args: [
        ...this.managerProgram,
        `--kubeconfig=${this.server.managerKubeconfig}`,
        "--metrics-bind-address=0",
        "--health-probe-bind-address=0",
        ...args,
      ],
      env: commandEnv({ ...denoVariables(), VIRTRIGAUD_NAMESPACE: SYSTEM_NAMESPACE, ...this.managerEnv }),
      logFile: `${this.folder}/manager.log`,
    });
    this.#managers.add(manager);
    return manager;
  }

  /** Ends a manager. */
  async endManager(manager = this.manager, signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    this.#managers.delete(manager);
    await manager.end(signal);
  }

  /** kill -9 of a provider process; the runner starts it again. */
  async killProvider(index = 0): Promise<void> {
    const { items } = await this.client.list(DEPLOYMENTS, { labelSelector: MANAGED_SELECTOR });
    const deployment = items.find(({ metadata }) => metadata.ownerReferences?.[0]?.name === `mock-${index}`);
    const pid = deployment === undefined ? undefined : this.runner.pidOf(keyOf(deployment));
    if (pid === undefined) throw new Error(`no process of Provider mock-${index} runs`);
    Deno.kill(pid, "SIGKILL");
  }

  /** API writes of all managers so far. */
  writes(): Promise<WriteCounts> {
    return this.server.writes();
  }

  /** Stops everything, children first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #provide(options: WorldOptions): Promise<void> {
    const { providers = 1, providerEnv = {}, persistent = false } = options;
    await this.provideCatalog();
    for (const [index, port] of freePorts(providers).entries()) {
      this.#mocks.push(new MockControl(port));
      const env = {
        ...providerEnv,
        MOCK_CONTROL_PORT: String(port),
        ...(persistent ? { MOCK_STATE_FILE: `${this.folder}/mock-${index}.jsonl` } : {}),
      };
      const labels = options.labelsOf?.(index) ?? {};
      await this.#apply("Provider", `mock-${index}`, {
        type: "mock",
        endpoint: "mock://localhost",
        rateLimit: RATE_LIMIT,
        runtime: {
          image: "ghcr.io/projectbeskar/virtrigaud/provider-mock:v0.1.0",
          env: Object.entries(env).map(([name, value]) => ({ name, value })),
        },
      }, labels);
    }
    await until("all Providers to be Ready", async () => {
      const { items } = await this.client.list(PROVIDERS);
      return items.length === providers &&
        items.every(({ status }) => status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"));
    }, { ...LOOKS, limitMs: START_TIMEOUT_MS });
  }

  /** What VMs refer to besides a Provider: once for everybody, or with `suffix` and `labels` for a shard. */
  async provideCatalog(suffix = "", labels: Readonly<Record<string, string>> = {}): Promise<void> {
    const network = { libvirt: { networkName: "default" } };
    await this.#apply("VMClass", `small${suffix}`, { cpu: 2, memory: "4Gi" }, labels);
    await this.#apply("VMImage", `debian-12${suffix}`, { source: { vsphere: { templateName: "debian-12" } } }, labels);
    await this.#apply("VMNetworkAttachment", `default${suffix}`, { network }, labels);
  }

  async #apply(
    kind: string,
    name: string,
    spec: Record<string, unknown>,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const object = { apiVersion: API_VERSION, kind, metadata: { namespace: NAMESPACE, name, labels }, spec };
    await this.client.apply(resourceType(kindNamed(kind)), object, { fieldManager: "bench", force: true });
  }
}

/** How measurements wait: they look often, and who was just killed does not answer. */
export const LOOKS: UntilOptions = {
  everyMs: 50,
  limitMs: 120_000,
  transient: (error) => error instanceof TypeError || isConnectionFailed(error),
};

/** Lets real time go by: what is measured here is real. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  try {
    await client.create(NAMESPACES, { metadata: { name } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Ports that are free now; held together, so that they differ. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
