import { assert, assertEquals } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { Secret } from "@virtrigaud/telemetry";
import { type Hypervisor, libvirtRig, startHypervisor, Wire } from "../../tests/rigs/libvirt/mod.ts";
import { skipWithout } from "../../tests/rigs/skip.ts";
import { LibvirtProvider } from "./provider.ts";
import { ChangingCalls } from "./testing/changing_calls.ts";
import { callContext, createRequest, describeOrFail, finish, machine, mayPass, operation } from "./testing/fixture.ts";
import { restartAndMend } from "./testing/profile.ts";
import { ListeningSshd } from "./testing/sshd.ts";

const ignore = await skipWithout("libvirt provider", "changes broken off in the middle", libvirtRig);
const context = callContext();
/** The long form: each point broken off in a life of its own. */
const everyLife = Deno.env.get("VIRTRIGAUD_CRASH") === "all";

/** libvirt alone may wait 30 s for a lock, more than once. */
const LIMIT_MS = 300_000;

/** Breaks the way to the host when a changing call is on it that `chosen` names, and nobody knows what comes of it. */
class Saboteur {
  /** Operation and procedure of every changing call so far. */
  readonly seen: string[] = [];
  /** What the life is at. */
  operation = "create";
  readonly #chosen: (call: string, before: readonly string[]) => boolean;
  readonly #strike: () => Promise<void>;
  #striking: Promise<void> | undefined;
  readonly #calls = new ChangingCalls();

  constructor(chosen: (call: string, before: readonly string[]) => boolean, strike: () => Promise<void>) {
    this.#chosen = chosen;
    this.#strike = strike;
  }

  /** Settles when what was broken stands again. */
  async mended(): Promise<void> {
    await this.#striking;
  }

  watch(chunk: Uint8Array): void {
    if (this.#striking !== undefined) return;
    for (const name of this.#calls.in(chunk)) {
      if (name === "content") continue;
      const call = `${this.operation}/${name}`;
      const strike = this.#chosen(call, this.seen);
      this.seen.push(call);
      if (!strike) continue;
      this.#calls.forget();
      this.#striking = this.#strike().finally(() => this.#striking = undefined);
      return;
    }
  }
}

/**
 * Does `act` until it is done, as the manager would: the same operation again after every error that may pass. Begins when
 * what was broken stands again, so that no call goes by unseen.
 */
async function persist<T>(doing: string, saboteur: Saboteur, act: () => Promise<T>): Promise<T> {
  const { answer } = await until(`${doing} to be done`, async () => {
    await saboteur.mended();
    return { answer: await act() };
  }, { everyMs: 50, limitMs: LIMIT_MS, transient: mayPass });
  return answer;
}

/** The whole life of a VM, with everything that is promised checked on the way. */
async function live(host: Hypervisor, provider: LibvirtProvider, saboteur: Saboteur): Promise<void> {
  const uid = crypto.randomUUID();
  const done = <T>(doing: string, act: () => Promise<T>) => {
    return saboteur.mended().then(() => {
      saboteur.operation = doing;
      return persist(doing, saboteur, act);
    });
  };
  const { guestInit, ...rest } = machine("vm", { nics: [], disks: [{ name: "data", sizeGib: 1 }] });
  const spec = { ...rest, ...(guestInit === undefined ? {} : { guestInit }) };
  const look = () => done("describe", () => describeOrFail(provider, uid));
  const sizes = async () => (await look()).disks.map((disk) => [disk.name, disk.sizeGib]);

  const switched = async (op: "On" | "Off") => {
    const power = { operation: operation(uid), vmId: uid, op };
    await done(`power ${op}`, async () => await finish(provider, (await provider.power(power, context)).task));
    assertEquals((await look()).power, op);
  };

  const create = createRequest(uid, spec);
  await done("create", async () => await finish(provider, (await provider.create(create, context)).task));
  assertEquals((await look()).power, "On");
  assertEquals(await sizes(), [["root", 1], ["data", 1]]);
  await saboteur.mended();
  assertEquals(await host.virsh("list", "--all", "--name"), "vm");

  const larger = {
    ...spec,
    rootDisk: { sizeGib: 2 },
    disks: [{ name: "data", sizeGib: 2 }, { name: "more", sizeGib: 1 }],
  };
  const grow = { operation: operation(uid), vmId: uid, spec: larger };
  const { needsPowerCycle } = await done("resize", async () => {
    const answer = await provider.reconfigure(grow, context);
    await finish(provider, answer.task);
    return answer;
  });
  // A QEMU that was left with half of a disk has to go; it is said which disk waits for that.
  if (needsPowerCycle.length > 0) {
    assertEquals(needsPowerCycle, ["disks[more]"]);
    await switched("Off");
    await switched("On");
  }
  assertEquals(await sizes(), [["root", 2], ["data", 2], ["more", 1]]);

  const take = { operation: operation(uid), vmId: uid, name: "before", includeMemory: false, quiesce: false };
  const snapshotId = await done("snapshot", async () => {
    const taken = await provider.snapshotCreate(take, context);
    await finish(provider, taken.task);
    return taken.snapshotId;
  });
  const list = () => done("list snapshots", () => provider.snapshotList({ vmId: uid }, context));
  assertEquals((await list()).map((snapshot) => snapshot.id), [snapshotId]);

  await switched("Off");
  for (const change of ["snapshotRevert", "snapshotDelete"] as const) {
    const request = { operation: operation(uid), vmId: uid, snapshotId };
    await done(change, async () => await finish(provider, (await provider[change](request, context)).task));
  }
  assertEquals(await list(), []);
  await switched("On");

  const end = { operation: operation(uid), vmId: uid };
  await done("delete", async () => await finish(provider, (await provider.delete(end, context)).task));
  assertEquals(await done("describe", () => provider.describe({ vmId: uid }, context)), { exists: false });
  await saboteur.mended();
  assertEquals(await host.virsh("list", "--all", "--name"), "");
  await host.virsh("pool-refresh", host.pool);
  assertEquals((await host.virsh("vol-list", host.pool)).trim().split(/\s+/)[0], host.imageVolume);
  assertEquals((await host.virsh("vol-list", host.pool)).split("\n").length, 1, "no volume is left");
}

/** How the way to the host breaks, and stands again when it settles. */
type Strike = (host: Hypervisor, wire: Wire) => void | Promise<void>;

/**
 * One life, whose changing calls are broken off as `chosen` says, by a provider that comes in through `sshd` or by the wire
 * alone. Gives all that were seen, in their order.
 */
async function brokenLife(
  host: Hypervisor,
  chosen: (call: string, before: readonly string[]) => boolean,
  strike: Strike,
  sshd?: ListeningSshd,
): Promise<readonly string[]> {
  const saboteur: Saboteur = new Saboteur(chosen, async () => {
    // The call has gone out. Its answer does not come, however long it takes to break what is to break.
    wire.hang();
    await strike(host, wire);
  });
  await using wire: Wire = await Wire.to({ path: host.socketPath }, {
    ...(sshd === undefined ? {} : { listen: host.socketPath.replace(/[^/]+$/, "wire") }),
    watch: (chunk, from) => from === "operator" && saboteur.watch(chunk),
  });
  await using provider = new LibvirtProvider({
    endpoint: sshd === undefined
      ? `qemu+tcp://127.0.0.1:${wire.port}/system`
      : `qemu+ssh://root@127.0.0.1:${sshd.port}/system?socket=/run/libvirt/wire`,
    version: "test",
    credentials: () => ({ privateKey: new Secret(host.privateKey), knownHosts: sshd?.knownHosts ?? "" }),
  });
  await live(host, provider, saboteur);
  await saboteur.mended();
  return saboteur.seen;
}

/** Every changing call of a life broken off: each kind in each operation once, all in one life, or one life for each. */
async function everyPoint(host: Hypervisor, strike: Strike, sshd?: ListeningSshd): Promise<void> {
  const seen = await brokenLife(host, (call, before) => !before.includes(call), strike, sshd);
  for (const call of EXPECTED) assert(seen.includes(call), `${call} is not among ${seen}`);
  for (let at = 0, points = everyLife ? 1 : 0; at < points; at++) {
    points = (await brokenLife(host, (_call, before) => before.length === at, strike, sshd)).length;
  }
}

const EXPECTED = [
  "create/volumeCreateFrom",
  "create/volumeUpload",
  "create/domainDefine",
  "create/domainCreate",
  "resize/domainBlockResize",
  "resize/domainAttachDevice",
  "snapshot/snapshotCreate",
  "snapshotRevert/snapshotRevert",
  "snapshotDelete/snapshotDelete",
  "power On/domainCreate",
  "delete/domainDestroy",
  "delete/domainUndefine",
];

Deno.test(
  { name: "the network breaks at every change of a VM's life: the same call again mends it", ignore },
  async () => {
    await using host = await startHypervisor();
    await everyPoint(host, (_host, wire) => {
      wire.cut();
      wire.heal();
    });
  },
);

Deno.test(
  { name: "libvirtd is killed at every change of a VM's life: the same call again mends it", ignore },
  async () => {
    await using host = await startHypervisor();
    await everyPoint(host, async (host, wire) => {
      await restartAndMend(host);
      wire.heal();
    });
  },
);

Deno.test(
  { name: "sshd is killed at every change of a VM's life: the same call again mends it", ignore },
  async () => {
    await using host = await startHypervisor();
    const sshd = await ListeningSshd.start(host);
    await everyPoint(host, async (_host, wire) => {
      await sshd.die();
      wire.heal();
      await sshd.revive();
    }, sshd);
  },
);
