/** Figures of the libvirt provider on a real host, over SSH. @module */
import type { MachineSpec, TaskRef } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { callContext, createRequest, machine, operation, Watcher } from "../../providers/libvirt/testing/fixture.ts";
import { LibvirtProvider } from "../../providers/libvirt/provider.ts";
import { type Hypervisor, startHypervisor, Wire } from "../rigs/libvirt/mod.ts";
import { median, percentile } from "../scale/statistics.ts";
import { pause } from "../scale/world.ts";
import { Meter } from "./meter.ts";

/** How much is measured. */
export interface LibvirtBenchSize {
  /** Lives of one VM; operations are the median over them. */
  readonly rounds: number;
  /** Describes of each kind. */
  readonly describes: number;
  /** Domains that are listed. */
  readonly domains: number;
  readonly idleSeconds: number;
  /** Domains destroyed behind our back, one after the other. */
  readonly events: number;
}

/** What the names of the figures say. */
export const FULL: LibvirtBenchSize = { rounds: 10, describes: 200, domains: 200, idleSeconds: 30, events: 100 };
/** A smoke test of the bench itself. */
export const SHORT: LibvirtBenchSize = { rounds: 1, describes: 10, domains: 10, idleSeconds: 5, events: 3 };

/** One operation: medians over the rounds. */
export interface OperationFigure {
  readonly name: string;
  /** From the call until its task is done. */
  readonly totalMs: number;
  /** Of it, time in which libvirt was at work on a change. */
  readonly libvirtMs: number;
  /** `totalMs / libvirtMs`. */
  readonly ratio: number;
  /** RPC calls that it took, questions included. */
  readonly calls: number;
}

/** A host, a provider that reaches it over SSH, and a meter between sshd and libvirtd. */
export async function measured(options: { readonly image?: boolean } = {}) {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await startHypervisor(options));
  const meter = new Meter();
  const listen = host.socketPath.replace(/[^/]+$/, "metered");
  stack.use(await Wire.to({ path: host.socketPath }, { listen, watch: meter.watch }));
  const ssh = stack.use(await Wire.to({ host: "127.0.0.1", port: host.sshPort }));
  const knownHosts = host.knownHosts.replace(`${host.sshPort}`, `${ssh.port}`);
  const provider = stack.use(
    new LibvirtProvider({
      endpoint: `qemu+ssh://root@127.0.0.1:${ssh.port}/system?socket=/run/libvirt/metered`,
      version: "bench",
      credentials: () => ({ privateKey: new Secret(host.privateKey), knownHosts }),
    }),
  );
  const held = stack.move();
  return { host, meter, ssh, provider, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Everything a measurement needs. */
export type Bench = Awaited<ReturnType<typeof measured>>;

/** A task's end, asked for so often that asking does not show in the figure. */
async function finish(provider: LibvirtProvider, task: TaskRef | undefined): Promise<void> {
  while (task !== undefined) {
    const { state, error } = await provider.taskStatus(task, callContext());
    if (error !== undefined) throw new Error(error.message);
    if (state === "Succeeded") return;
    await pause(1);
  }
}

/** Lives of one VM, each operation measured. */
export async function measureOperations({ provider, meter }: Bench, rounds: number): Promise<OperationFigure[]> {
  const context = callContext();
  const samples = new Map<string, { totalMs: number; libvirtMs: number; calls: number }[]>();
  const time = async <T extends { readonly task?: TaskRef }>(name: string, act: () => Promise<T>): Promise<T> => {
    meter.take();
    const begin = performance.now();
    const answer = await act();
    await finish(provider, answer.task);
    const totalMs = performance.now() - begin;
    const { workMs, calls } = meter.take();
    samples.set(name, [...samples.get(name) ?? [], { totalMs, libvirtMs: workMs, calls }]);
    return answer;
  };
  // The first call connects and asks what the host can do.
  await provider.validate(context);
  for (let round = 0; round < rounds; round++) {
    const uid = crypto.randomUUID();
    const spec = machine(`vm-${round}`);
    const change = { vmId: uid };
    const power = (op: "On" | "Off" | "Suspend") =>
      provider.power({ ...change, operation: operation(uid), op }, context);
    const reconfigure = (wish: MachineSpec) =>
      provider.reconfigure({ ...change, operation: operation(uid), spec: wish }, context);
    await time("create to Running, image on the host", () => provider.create(createRequest(uid, spec), context));
    await time("nothing to change", () => reconfigure(spec));
    const disk = { ...spec, disks: [{ name: "data", sizeGib: 1 }] };
    await time("add a disk, running", () => reconfigure(disk));
    await time("grow it, running", () => reconfigure({ ...spec, disks: [{ name: "data", sizeGib: 2 }] }));
    await time("take it out, running", () => reconfigure(spec));
    await time("suspend", () => power("Suspend"));
    await time("resume", () => power("On"));
    await time("power off", () => power("Off"));
    const snapshot = await time("snapshot", () =>
      provider.snapshotCreate({
        ...change,
        operation: operation(uid),
        name: "one",
        includeMemory: false,
        quiesce: false,
      }, context));
    const taken = { ...change, snapshotId: snapshot.snapshotId };
    await time("revert", () => provider.snapshotRevert({ ...taken, operation: operation(uid) }, context));
    await time("delete the snapshot", () => provider.snapshotDelete({ ...taken, operation: operation(uid) }, context));
    await time("power on", () => power("On"));
    await time("delete, running", () => provider.delete({ ...change, operation: operation(uid) }, context));
  }
  return [...samples].map(([name, all]) => {
    const [totalMs, libvirtMs] = [median(all.map((each) => each.totalMs)), median(all.map((each) => each.libvirtMs))];
    return { name, totalMs, libvirtMs, ratio: totalMs / libvirtMs, calls: median(all.map((each) => each.calls)) };
  });
}

/** Describe over a warm connection, ms: of a VM that is off, and of one whose guest agent answers. */
export async function measureDescribe({ provider }: Bench, describes: number) {
  const context = callContext();
  await using watcher = new Watcher(provider);
  const sample = async (vmId: string) => {
    const times: number[] = [];
    for (let index = 0; index < describes; index++) {
      const begin = performance.now();
      await provider.describe({ vmId }, context);
      times.push(performance.now() - begin);
    }
    return { p50: median(times), p99: percentile(times, 0.99) };
  };
  const uid = crypto.randomUUID();
  await finish(provider, (await provider.create(createRequest(uid, machine("describe"), false), context)).task);
  const off = await sample(uid);
  await provider.power({ operation: operation(uid), vmId: uid, op: "On" }, context);
  await watcher.vm(uid, (vm) => vm.guest.agent === "Running" && vm.ips.length > 0);
  const agent = await sample(uid);
  return { off, agent, uid };
}

/** What passes at rest, with a watch open and a guest that has its address. Calls have to be none. */
export async function measureRest({ provider, meter, ssh }: Bench, idleSeconds: number) {
  await using watcher = new Watcher(provider);
  await watcher.until((event) => event.type === "ListEnd");
  // The boot's last events.
  await pause(3_000);
  const [carried] = [ssh.carried, meter.take()];
  await pause(idleSeconds * 1_000);
  const reading = meter.take();
  const bytes = ssh.carried.bytes - carried.bytes;
  return { ...reading, bytesPerMinute: bytes / idleSeconds * 60, connections: ssh.connections, open: ssh.open };
}

/** Milliseconds to list `count` domains in full detail, the best and the worst of five. */
export async function measureList({ provider }: Bench, count: number) {
  const context = callContext();
  const uids = Array.from({ length: count }, () => crypto.randomUUID());
  const begin = performance.now();
  await Promise.all(uids.map(async (uid, index) => {
    const { guestInit: _, ...spec } = machine(`listed-${index}`, {
      image: { type: "Blank" },
      rootDisk: { sizeGib: 0.001 },
    });
    await finish(provider, (await provider.create(createRequest(uid, spec, false), context)).task);
  }));
  const createdMs = performance.now() - begin;
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    const { vms } = await provider.listVms({}, context);
    if (vms.length < count) throw new Error(`${vms.length} of ${count} domains were listed`);
    times.push(performance.now() - start);
  }
  return { createdMs, bestMs: Math.min(...times), worstMs: Math.max(...times) };
}

/** A host's credentials as a Provider's secret holds them. */
export const secretOf = (host: Hypervisor): Record<string, string> => ({
  "ssh-privatekey": host.privateKey,
  known_hosts: `${host.knownHosts}\n`,
  username: "root",
});
