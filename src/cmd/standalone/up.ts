/** `up`: the product on this machine, with an example that becomes Ready before the user's eyes. @module */
import { join, resolve } from "node:path";
import { PROVIDERS, VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import {
  type KubeClient,
  type KubeObject,
  type ResourceType,
  resourceType,
  type UntypedObject,
} from "@virtrigaud/kube";
import { systemClock } from "@virtrigaud/resilience";
import { Informer } from "@virtrigaud/runtime";
import { PROVIDER_FOLDERS } from "@virtrigaud/standalone";
import { createLogger, signalled } from "@virtrigaud/telemetry";
import { kindNamed } from "@virtrigaud/api";
import { VERSION } from "../version.ts";
import { EXAMPLE_VM, type ExampleHost, exampleObjects } from "./example.ts";
import { libvirtCredentials } from "./libvirt_credentials.ts";
import { progressOf, type Watched } from "./progress.ts";
import { type Site, startSite } from "./site.ts";

/** Options of {@linkcode up}. */
export interface UpOptions {
  readonly folder: string;
  readonly port?: number;
  /** Of /metrics, /healthz and /readyz. Default 0: any free one. */
  readonly metricsPort?: number;
  /** End when the example is Ready, or cannot get there. */
  readonly once: boolean;
  /** Time that the example may take with `once`, milliseconds. */
  readonly timeoutMs: number;
  readonly libvirt?: string;
  readonly image?: string;
  readonly sshKey?: string;
  readonly env: (name: string) => string | undefined;
  readonly say: (line: string) => void;
}

/** Variables of this machine that provider processes get. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LANG", "DENO_DIR"] as const;

/** Runs `up`. Returns the exit code. */
export async function up(options: UpOptions): Promise<number> {
  const { say, env } = options;
  const folder = resolve(options.folder);
  const host = await hostOf(options);
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  using logFile = await Deno.open(join(folder, "virtrigaud.log"), { create: true, append: true, mode: 0o600 });
  const encoder = new TextEncoder();
  const log = createLogger({
    level: "info",
    format: "text",
    sink: (line) => void logFile.writeSync(encoder.encode(line.endsWith("\n") ? line : `${line}\n`)),
  });
  const baseEnv = Object.fromEntries(PASSED_ON.flatMap((name) => {
    const value = env(name);
    return value === undefined ? [] : [[name, value]];
  }));
  const stop = new AbortController();
  void signalled().then(() => {
    stop.abort();
    void signalled().then(() => Deno.exit(1));
  });
  say(`VirtRigaud ${VERSION} on this machine`);
  await using site = await startSite({
    folder,
    log,
    baseEnv,
    metricsPort: options.metricsPort ?? 0,
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  say(`  API server  ${site.plane.url}`);
  say(`  kubeconfig  ${site.kubeconfig}`);
  say(`  metrics     ${site.metricsUrl}`);
  say(`  log         ${join(folder, "virtrigaud.log")}`);
  say(`  providers   ${join(folder, "providers", "logs")}`);
  say("");
  const objects = exampleObjects(host);
  for (const object of objects) {
    await applyObject(site.client, object);
    say(`applied ${object.kind} ${object.metadata.name}`);
  }
  say("");
  const outcome = await Promise.race([follow(site, objects, options, stop.signal), site.failed]);
  if (outcome === undefined || stop.signal.aborted) return 1;
  if (options.once) return outcome ? 0 : 1;
  if (outcome) sayWhatNext(site, host, say);
  await Promise.race([aborted(stop.signal), site.failed]);
  say("ends: manager, providers, API server");
  return 0;
}

async function hostOf(options: UpOptions): Promise<ExampleHost> {
  const { libvirt, image, sshKey, env } = options;
  if (libvirt === undefined) return { type: "Mock", stateFile: `${PROVIDER_FOLDERS.state}/hypervisor.json` };
  const home = env("HOME");
  const credentials = await libvirtCredentials(libvirt, {
    ...(home === undefined ? {} : { folder: join(home, ".ssh") }),
    ...(sshKey === undefined ? {} : { key: sshKey }),
  });
  return { type: "Libvirt", uri: libvirt, credentials, ...(image === undefined ? {} : { image }) };
}

async function applyObject(client: KubeClient, object: UntypedObject): Promise<void> {
  const { kind = "" } = object;
  const type: ResourceType<UntypedObject> = kind === "Secret"
    ? resourceType({ group: "", version: "v1", kind, plural: "secrets", namespaced: true })
    : resourceType(kindNamed(kind));
  await client.apply(type, object, { fieldManager: "virtrigaud-up", force: true });
}

type WatchedObject = KubeObject & Watched;

/** Says what happens to the example until it is Ready (true), stalled or out of time (false). */
async function follow(
  site: Site,
  objects: readonly UntypedObject[],
  options: UpOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const start = systemClock.monotonic();
  const say = (line: string) =>
    options.say(`${((systemClock.monotonic() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const ended = new AbortController();
  const hasVm = objects.some(({ kind }) => kind === "VirtualMachine");
  const providerName = objects.find(({ kind }) => kind === "Provider")?.metadata.name ?? "";
  const result = Promise.withResolvers<boolean>();
  const told = new Map<string, string>();
  const awaited = new Set(["Provider", ...(hasVm ? ["VirtualMachine"] : [])]);
  const tell = (kind: string, object: Watched) => {
    const progress = progressOf(object, { needsAddress: kind === "VirtualMachine" });
    if (told.get(kind) !== progress.line) say(`${kind} ${object.metadata.name}: ${progress.line}`);
    told.set(kind, progress.line);
    if (progress.type === "Stalled") result.resolve(false);
    if (progress.type === "Ready") awaited.delete(kind);
    else awaited.add(kind);
    if (awaited.size === 0) result.resolve(true);
  };
  const watch = (type: ResourceType<WatchedObject>, name: string): Promise<void> => {
    const informer = new Informer({ client: site.client }, type, { fieldSelector: `metadata.name=${name}` });
    informer.addHandler((event) => {
      if (event.type !== "Deleted") tell(type.kind, event.object);
    });
    return informer.run(ended.signal);
  };
  const watching = [
    watch(resourceType<WatchedObject>(PROVIDERS), providerName),
    ...(hasVm ? [watch(resourceType<WatchedObject>(VIRTUAL_MACHINES), EXAMPLE_VM)] : []),
  ];
  const late = systemClock.setTimeout(() => {
    if (!options.once) return;
    say(`not Ready after ${options.timeoutMs / 1000} s; the last lines above say what is awaited`);
    result.resolve(false);
  }, options.timeoutMs);
  const onAbort = () => result.resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await result.promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    late();
    ended.abort();
    await Promise.all(watching);
  }
}

function sayWhatNext(site: Site, host: ExampleHost, say: (line: string) => void): void {
  say("");
  say("It stays up until you press Ctrl-C. In another terminal:");
  say(`  export KUBECONFIG=${site.kubeconfig}`);
  say("  kubectl get virtrigaud");
  if (host.type === "Libvirt" && host.image === undefined) {
    say("The hypervisor is connected. Give --image=<path or volume> to have a virtual machine made on it.");
    return;
  }
  say(`  kubectl describe vm ${EXAMPLE_VM}`);
  say(`  kubectl patch vm ${EXAMPLE_VM} --type=merge -p '{"spec":{"powerState":"Off"}}'`);
  say(`  kubectl delete vm ${EXAMPLE_VM}`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
