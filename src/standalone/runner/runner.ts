/** Runs provider Deployments as processes of this machine: what kubelet and kube-proxy do in a cluster. @module */
import { join } from "node:path";
import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  isNotFound,
  keyOf,
  type KubeClient,
  SECRETS,
  SERVICES,
  type UntypedObject,
} from "@virtrigaud/kube";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import {
  Controller,
  done,
  Informer,
  type ReconcileContext,
  requeueAfter,
  type Result,
  sameJson,
} from "@virtrigaud/runtime";
import { type Logger, silentLogger } from "@virtrigaud/telemetry";
import { publish, removeExcept } from "./files.ts";
import { endLeftovers } from "./leftovers.ts";
import { type Launch, ProviderProcess } from "./process.ts";
import { type EnvEntry, type ProcessTemplate, readTemplate } from "./template.ts";

/** Program for an image, and the arguments that stand before those of the container. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** Options of {@linkcode Runner}. */
export interface RunnerOptions {
  readonly client: KubeClient;
  /** Which Deployments to run. */
  readonly labelSelector: string;
  /** Where files, logs and pid files go. */
  readonly folder: string;
  /** The program of an image; `undefined` when there is none on this machine. */
  readonly programOf: (image: string) => Program | undefined;
  /** Annotation on the Service that tells where to dial. */
  readonly addressAnnotation: string;
  /** Variables of this machine that every process gets: `PATH`, `HOME` and the like. */
  readonly baseEnv: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Where the SDK of a provider looks for its files, and the variable that moves it. */
const MOUNTS: Readonly<Record<string, string>> = {
  "/etc/virtrigaud/credentials": "VIRTRIGAUD_CREDENTIALS_DIR",
  "/etc/virtrigaud/tls": "VIRTRIGAUD_TLS_DIR",
};

/**
 * Folders below the one that a process is started in: what is mounted, and what it may keep. Programs that may read and
 * write little (scripts/build/roles.ts) may do so there.
 */
export const PROVIDER_FOLDERS = { volumes: "volumes", state: "state" } as const;

/** Mounted Secrets are looked at this often, as a kubelet does; shorter, since it costs one request each. */
const RESYNC_MS = 5_000;

interface Running {
  readonly identity: string;
  readonly process: ProviderProcess;
  /** Where it was told to listen when it was started last. */
  readonly listening: { port: number };
}

/** Starts one process per Deployment and keeps Deployment status and Service address true. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #running = new Map<string, Running>();
  readonly #informer: Informer<UntypedObject>;
  readonly #controller: Controller<UntypedObject>;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLogger;
    const environment = { client: options.client, clock: this.#clock, log: this.#log };
    this.#informer = new Informer<UntypedObject>(environment, DEPLOYMENTS, { labelSelector: options.labelSelector });
    this.#controller = new Controller<UntypedObject>({
      name: "runner",
      informer: this.#informer,
      concurrency: 4,
      reconcile: (key, context) => this.#reconcile(key, context),
    }, { clock: this.#clock, log: this.#log });
  }

  /** Pid of the process of a Deployment (`namespace/name`). */
  pidOf(key: string): number | undefined {
    return this.#running.get(key)?.process.pid;
  }

  /** File that the output of a Deployment's process is kept in. */
  logFileOf(key: string): string {
    return join(this.#options.folder, "logs", `${podOf(key)}.log`);
  }

  /** Runs until `signal` aborts; then ends all processes. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = await endLeftovers(join(this.#options.folder, "pids"));
    if (ended > 0) this.#log.info("ended provider processes that an earlier run left behind", { count: ended });
    // Nothing runs that could read it; what is still needed is mounted again.
    for await (const { name } of Deno.readDir(await this.#podsFolder())) await this.#unmount(name);
    const informers = new AbortController();
    const watching = this.#informer.run(informers.signal);
    try {
      await this.#controller.run(signal, { drainTimeoutMs: 1_000 });
    } finally {
      informers.abort();
      await watching;
      await Promise.all([...this.#running.values()].map(({ process }) => process.stop()));
      this.#running.clear();
    }
  }

  async #reconcile(key: string, { signal }: ReconcileContext): Promise<Result> {
    const deployment = this.#informer.get(key);
    const template = deployment === undefined ? undefined : readTemplate(deployment);
    const running = this.#running.get(key);
    if (deployment === undefined || template === undefined || template.replicas === 0) {
      await this.#end(key);
      await this.#unmount(podOf(key));
      if (deployment !== undefined) await this.#writeStatus(deployment, 0, "scaled to zero", signal);
      return done;
    }
    const program = this.#options.programOf(template.image);
    if (program === undefined) {
      await this.#end(key);
      await this.#unmount(podOf(key));
      await this.#writeStatus(deployment, 0, `there is no program for image ${template.image} on this machine`, signal);
      return done;
    }
    const missing = await this.#mount(template, signal);
    if (missing !== undefined) {
      await this.#writeStatus(deployment, 0, missing, signal);
      return requeueAfter(1_000);
    }
    if (running !== undefined && running.identity !== template.identity) await this.#end(key);
    await this.#unmount(podOf(key), template);
    const current = this.#running.get(key) ?? this.#start(key, template, program);
    await this.#announce(template, current.listening.port, signal);
    await this.#writeStatus(deployment, current.process.ready ? 1 : 0, "the process is starting", signal);
    return requeueAfter(RESYNC_MS);
  }

  #start(key: string, template: ProcessTemplate, program: Program): Running {
    const listening = { port: 0 };
    const process = new ProviderProcess({
      key,
      launch: () => {
        listening.port = freePort();
        return this.#launch(template, program, listening.port, freePort());
      },
      logFile: this.logFileOf(key),
      pidFolder: join(this.#options.folder, "pids"),
      graceMs: template.graceSeconds * 1000,
      clock: this.#clock,
      log: this.#log,
      onReady: () => this.#controller.enqueue(key, { priority: "high" }),
    });
    const running = { identity: template.identity, process, listening };
    this.#running.set(key, running);
    return running;
  }

  async #end(key: string): Promise<void> {
    const running = this.#running.get(key);
    this.#running.delete(key);
    await running?.process.stop();
  }

  async #launch(template: ProcessTemplate, program: Program, port: number, healthPort: number): Promise<Launch> {
    const env: Record<string, string> = { ...this.#options.baseEnv, VIRTRIGAUD_LISTEN_HOST: "127.0.0.1" };
    for (const { mountPath } of template.secrets) {
      const variable = MOUNTS[mountPath];
      if (variable !== undefined) env[variable] = this.#folderOf(template, mountPath);
    }
    for (const entry of template.env) {
      const value = await this.#valueOf(template, entry);
      if (value !== undefined) env[entry.name] = value;
    }
    // Many providers share this machine, where every pod would have its own ports.
    const args = template.args.map((arg) =>
      arg.startsWith("--port=")
        ? `--port=${port}`
        : arg.startsWith("--health-port=")
        ? `--health-port=${healthPort}`
        : arg
    );
    const cwd = this.#homeOf(template);
    await Deno.mkdir(join(cwd, PROVIDER_FOLDERS.state), { recursive: true, mode: 0o700 });
    return {
      command: program.command,
      args: [...program.args, ...args],
      env,
      cwd,
      readyUrl: `http://127.0.0.1:${healthPort}/readyz`,
      mark: `--health-port=${healthPort}`,
    };
  }

  async #valueOf({ namespace, name }: ProcessTemplate, entry: EnvEntry): Promise<string | undefined> {
    const { secretKeyRef, configMapKeyRef, fieldRef } = entry.valueFrom ?? {};
    const { client } = this.#options;
    if (secretKeyRef !== undefined) {
      const secret = await client.find(SECRETS, { namespace, name: secretKeyRef.name });
      const value = secret?.data?.[secretKeyRef.key];
      return value === undefined ? undefined : new TextDecoder().decode(Uint8Array.fromBase64(value));
    }
    if (configMapKeyRef !== undefined) {
      return (await client.find(CONFIG_MAPS, { namespace, name: configMapKeyRef.name }))?.data?.[configMapKeyRef.key];
    }
    if (fieldRef !== undefined) {
      return fieldRef.fieldPath === "metadata.namespace"
        ? namespace
        : fieldRef.fieldPath === "metadata.name"
        ? name
        : undefined;
    }
    return entry.value ?? "";
  }

  /** Puts mounted Secrets into files; answers with what is missing. */
  async #mount(template: ProcessTemplate, signal: AbortSignal): Promise<string | undefined> {
    for (const { secret, mountPath } of template.secrets) {
      const found = await this.#options.client.find(SECRETS, { namespace: template.namespace, name: secret }, {
        signal,
      });
      if (found === undefined) return `waits for Secret "${secret}"`;
      const version = found.metadata.resourceVersion;
      const folder = this.#folderOf(template, mountPath);
      if (this.#mounted.get(folder) === version) continue;
      const files = Object.entries(found.data ?? {}).map(([name, value]) =>
        [name, Uint8Array.fromBase64(value)] as const
      );
      await publish(folder, new Map(files));
      this.#mounted.set(folder, version);
    }
    return undefined;
  }

  readonly #mounted = new Map<string, string | undefined>();

  /** Removes the files of Secrets that a pod has no longer: all of them, unless a template still mounts some. */
  async #unmount(pod: string, template?: ProcessTemplate): Promise<void> {
    const volumes = join(this.#options.folder, "pods", pod, PROVIDER_FOLDERS.volumes);
    const kept = template?.secrets.map(({ mountPath }) => volumeOf(mountPath)) ?? [];
    for (const gone of await removeExcept(volumes, kept)) this.#mounted.delete(gone);
  }

  async #podsFolder(): Promise<string> {
    const folder = join(this.#options.folder, "pods");
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  }

  #homeOf({ namespace, name }: ProcessTemplate): string {
    return join(this.#options.folder, "pods", podOf(`${namespace}/${name}`));
  }

  #folderOf(template: ProcessTemplate, mountPath: string): string {
    return join(this.#homeOf(template), PROVIDER_FOLDERS.volumes, volumeOf(mountPath));
  }

  /** Tells on the Service of the Deployment where its process listens. */
  async #announce({ namespace, name }: ProcessTemplate, port: number, signal: AbortSignal): Promise<void> {
    const { client, addressAnnotation } = this.#options;
    const service = await client.find(SERVICES, { namespace, name }, { signal });
    const address = `127.0.0.1:${port}`;
    if (service === undefined || service.metadata.annotations?.[addressAnnotation] === address) return;
    await client.patch(SERVICES, { namespace, name }, {
      type: "merge",
      body: { metadata: { annotations: { [addressAnnotation]: address } } },
    }, { signal, fieldManager: "virtrigaud-runner" });
  }

  async #writeStatus(deployment: UntypedObject, ready: number, why: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const replicas = ready;
    const before = (deployment.status ?? {}) as Record<string, unknown>;
    const condition = {
      type: "Available",
      status: ready > 0 ? "True" : "False",
      reason: ready > 0 ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
      message: ready > 0 ? "the process is ready" : why,
    };
    const [old] = (before.conditions ?? []) as Record<string, unknown>[];
    const time = new Date(this.#clock.now()).toISOString().replace(/\.\d{3}Z$/, "Z");
    const status = {
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: ready,
      availableReplicas: ready,
      ...(ready > 0 ? {} : { unavailableReplicas: 1 }),
      conditions: [{
        ...condition,
        lastUpdateTime: old?.status === condition.status ? old.lastUpdateTime : time,
        lastTransitionTime: old?.status === condition.status ? old.lastTransitionTime : time,
      }],
    };
    if (sameJson(before, status)) return;
    try {
      const written = await client.replaceStatus(DEPLOYMENTS, { ...deployment, status }, { signal });
      this.#informer.expect(keyOf(deployment), written.metadata.resourceVersion);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** Names of folders: of what runs for a Deployment, and of what is mounted there. */
const podOf = (key: string): string => key.replaceAll("/", "_");
const volumeOf = (mountPath: string): string => mountPath.replaceAll("/", "_");

/** A port that was free a moment ago; a process that finds it taken ends, and is started again with another. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
