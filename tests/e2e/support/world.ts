/** Where the cases are played: the product on an API server, complete, with everything kept for the canary. @module */
import { kinds } from "@virtrigaud/api";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import { Canary, logFiles } from "./canary.ts";
import { Kubectl, type Printed } from "./kubectl.ts";
import type { TestProcess } from "./process.ts";

/** A process that tests kill and start again. */
export interface Mortal {
  /** Ends it as kill -9 does. */
  kill(): Promise<void>;
  start(): void | Promise<void>;
}

/** What a world is made of, differing from one to the other. */
export interface Stage extends AsyncDisposable {
  /** For test names: "embedded control plane", "kube-apiserver". */
  readonly name: string;
  /** Administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Folder that the runner keeps pid files and logs of providers in. */
  readonly runnerFolder: string;
  /** Writes to the API by the product so far; for a stage where only the product writes, any number that grows by them. */
  writes(): Promise<number>;
  /** Requests of the manager that were forbidden, where there are rights that it could lack. */
  refusals?(): Promise<string[]>;
  /** Where the manager tells its metrics, where it is a process of its own. */
  readonly metricsUrl?: string;
  /** The manager, where it is a process of its own. */
  readonly manager?: TestProcess;
  /** The API server, where it is a process of its own. */
  readonly plane?: Mortal;
}

/** A stage with kubectl and a canary. Disposing ends everything and removes the folder. */
export class World implements AsyncDisposable {
  readonly canary = new Canary();
  readonly kubectl: Kubectl;
  readonly #stack: AsyncDisposableStack;

  private constructor(readonly folder: string, readonly stage: Stage, stack: AsyncDisposableStack) {
    this.kubectl = new Kubectl(stage.kubeconfig, folder);
    this.#stack = stack;
  }

  /** Sets a stage in a folder of its own and waits until kubectl is answered. */
  static async start(setUp: (folder: string) => Promise<Stage>): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "virtrigaud-e2e-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const world = new World(folder, stack.use(await setUp(folder)), stack.move());
    await until("the API server", async () => (await world.kubectl.run(["get", "ns"])).code === 0);
    return world;
  }

  /** A namespace of its own for a case. */
  async namespace(name: string): Promise<Kubectl> {
    await this.kubectl.ok(["create", "namespace", name]);
    return this.kubectl.in(name);
  }

  /** Process of the Provider `name`; `undefined` while there is none. */
  providerPid(namespace: string, name: string): number | undefined {
    const file = `${namespace}_virtrigaud-provider-${namespace}-${name}.pid`;
    try {
      return JSON.parse(Deno.readTextFileSync(join(this.stage.runnerFolder, "pids", file))).pid;
    } catch {
      return undefined;
    }
  }

  /** Ends the process of a Provider as kill -9 does. Whoever runs it starts it again. */
  killProvider(namespace: string, name: string): void {
    const pid = this.providerPid(namespace, name);
    if (pid === undefined) throw new Error(`Provider ${namespace}/${name} has no process`);
    Deno.kill(pid, "SIGKILL");
  }

  /**
   * Looks for the canary in every object but Secrets, in what `describe` says, in the arguments of all processes and in
   * all log files. Called while the objects of a case are there, and again when they are gone.
   */
  async search(): Promise<void> {
    const { canary } = this;
    canary.searchProcesses();
    const custom = kinds.map(({ plural, group }) => `${plural}.${group}`);
    const core = ["events", "configmaps", "deployments.apps", "services", "serviceaccounts", "namespaces"];
    const all = [...custom, ...core, "leases.coordination.k8s.io"].join();
    const { items } = JSON.parse(await this.kubectl.ok(["get", all, "-A", "-o", "json", "--show-managed-fields"]));
    for (const item of items as readonly Printed[]) {
      const { kind, metadata: { namespace, name } } = item;
      canary.search(`${kind} ${namespace ?? ""}/${name}`, JSON.stringify(item));
    }
    canary.search("describe", await this.kubectl.ok(["describe", "virtualmachines,providers", "-A"]));
    if (canary.searchLogs(this.folder) === 0) throw new Error(`there are no log files in ${this.folder}`);
  }

  /** The ends of all logs, for a person. */
  logTails(): string {
    return logFiles(this.folder).map((path) => {
      const lines = Deno.readTextFileSync(path).trimEnd().split("\n");
      return `--- ${path}\n${lines.slice(-15).join("\n")}`;
    }).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
