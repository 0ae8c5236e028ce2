/** Changes as they happen: libvirt's events, turned into reports on the domains they speak of. @module */
import { type ObservedMachine, ProviderError, type WatchEvent } from "@virtrigaud/contract";
import * as domains from "./client/domain.ts";
import type { SessionEvent } from "./client/session.ts";
import type { LibvirtContext } from "./context.ts";
import { goOn } from "./left_stopped.ts";
import { letGoLeft } from "./rest.ts";
import { listRows, observe, observeRow, unlessGone } from "./describe.ts";

/** The contract allows 30 s of silence. */
const HEARTBEAT_MS = 20_000;
/**
 * A guest that runs but has no address yet is looked at again: no event tells of its lease; and so is one that stands
 * still for a moment, which nobody may end. Delays in milliseconds.
 */
const SETTLE_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** How often every domain is looked at without an event: not every change has one (sizes, CPUs, renewed addresses). */
const REFRESH_MS = 300_000;
/** How soon a watch lists anew after the connection is gone, milliseconds; the session has its own backoff on top. */
const RELIST_DELAY_MS = 500;

/** Ends when `signal` is aborted; a lost connection is waited out, and a new list follows it. */
export async function* watch(context: LibvirtContext, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  const feed = new Feed(context, signal);
  try {
    while (!signal.aborted) {
      const event = await feed.next();
      if (event !== undefined) yield event;
    }
  } finally {
    await feed.close();
  }
}

interface Known {
  readonly ownerUid: string | undefined;
  readonly networks: readonly string[];
  readonly text: string;
}

/** One watcher's queue. */
class Feed {
  readonly #context: LibvirtContext;
  readonly #signal: AbortSignal;
  readonly #queue: WatchEvent[] = [];
  /** Domains that something has happened to since they were last looked at. */
  readonly #dirty = new Set<string>();
  readonly #settling = new Map<string, { readonly attempt: number; readonly cancel: () => void }>();
  /** What was last reported of each domain: to stay quiet when nothing changed, and to say whose VM is gone. */
  readonly #known = new Map<string, Known>();
  readonly #stops: (() => void)[];
  #stale = true;
  #lettingGo = Promise.resolve();
  /** Domains that stood still when they were looked at again, and are being let go on. */
  readonly #goingOn = new Map<string, Promise<void>>();
  #retryDelayMs = 0;
  #refreshAt: number;
  #wake: () => void = () => {};

  constructor(context: LibvirtContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    this.#refreshAt = context.clock.monotonic() + REFRESH_MS;
    const onAbort = () => this.#wake();
    signal.addEventListener("abort", onAbort, { once: true });
    this.#stops = [
      () => signal.removeEventListener("abort", onAbort),
      context.session.listen((event) => this.#hear(event)),
      context.changes.listen((uuid) => this.#touch(uuid)),
      context.tasks.listen((status) => {
        this.#queue.push({ type: "Task", status });
        this.#wake();
      }),
    ];
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    for (const { cancel } of this.#settling.values()) cancel();
    await Promise.all([this.#lettingGo, ...this.#goingOn.values()]);
  }

  /** The next event; `undefined` when the watch has ended. */
  async next(): Promise<WatchEvent | undefined> {
    const { clock } = this.#context;
    const quietUntil = clock.monotonic() + HEARTBEAT_MS;
    for (;;) {
      if (this.#signal.aborted) return undefined;
      const ready = this.#queue.shift();
      if (ready !== undefined) return ready;
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      if (this.#retryDelayMs === 0 && (this.#stale || this.#dirty.size > 0)) {
        await this.#look();
        continue;
      }
      const left = quietUntil - clock.monotonic();
      if (left <= 0) {
        this.#refresh();
        return { type: "Heartbeat" };
      }
      const wait = this.#retryDelayMs > 0 ? Math.min(this.#retryDelayMs, left) : left;
      const cancel = clock.setTimeout(woken.resolve, wait);
      await woken.promise;
      cancel();
      this.#retryDelayMs = 0;
    }
  }

  #hear(event: SessionEvent): void {
    switch (event.type) {
      case "Connected":
      case "Lost":
        this.#stale = true;
        break;
      case "Domain":
        if (event.event.kind === "agent") this.#context.agents.welcome(event.event.domain.uuid);
        this.#touch(event.event.domain.uuid);
        break;
      case "Network":
        for (const [uuid, { networks }] of this.#known) if (networks.includes(event.event.name)) this.#touch(uuid);
        break;
    }
    this.#wake();
  }

  #touch(uuid: string): void {
    this.#unsettle(uuid);
    this.#dirty.add(uuid);
    this.#wake();
  }

  #refresh(): void {
    const now = this.#context.clock.monotonic();
    if (now < this.#refreshAt) return;
    this.#refreshAt = now + REFRESH_MS;
    for (const uuid of this.#known.keys()) this.#dirty.add(uuid);
  }

  async #look(): Promise<void> {
    try {
      if (this.#stale) await this.#list();
      else await this.#update();
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.#stale = true;
      this.#retryDelayMs = Math.max(RELIST_DELAY_MS, this.#context.session.retryAfterMs);
    }
  }

  async #list(): Promise<void> {
    // Connected first: making the connection marks the list as stale, which this very list puts right.
    await this.#context.session.connection();
    this.#stale = false;
    this.#dirty.clear();
    const rows = await listRows(this.#context, { signal: this.#signal });
    const seen = await Promise.all(
      rows.map((row) => unlessGone(() => observeRow(this.#context, row, { signal: this.#signal }))),
    );
    this.#known.clear();
    this.#queue.push({ type: "ListBegin" });
    for (const vm of seen) if (vm !== undefined) this.#present(vm);
    this.#queue.push({ type: "ListEnd" });
    // Whatever held a guest before this connection was made holds it no more. What cannot be done now the next list does.
    await this.#lettingGo;
    this.#lettingGo = letGoLeft(this.#context, { signal: this.#signal }).catch(() => {});
  }

  async #update(): Promise<void> {
    const uuids = [...this.#dirty];
    this.#dirty.clear();
    await Promise.all(uuids.map(async (uuid) => {
      this.#context.agents.renew(uuid);
      const domain = await domains.byUuid(this.#context.session, uuid, { signal: this.#signal });
      const vm = domain === undefined ? undefined : await observe(this.#context, domain, { signal: this.#signal });
      if (vm !== undefined) return this.#present(vm);
      const ownerUid = this.#known.get(uuid)?.ownerUid;
      this.#known.delete(uuid);
      this.#context.agents.forget(uuid);
      this.#context.starts.over(uuid);
      this.#queue.push({ type: "Gone", vmId: uuid, ...(ownerUid === undefined ? {} : { ownerUid }) });
    }));
  }

  #present(vm: ObservedMachine): void {
    const text = JSON.stringify(vm);
    if (this.#known.get(vm.id)?.text !== text) this.#queue.push({ type: "Present", vm });
    const networks = vm.nics.flatMap(({ network }) => network === undefined ? [] : [network]);
    this.#known.set(vm.id, { ownerUid: vm.ownerUid, networks, text });
    const addressless = vm.power === "On" && vm.nics.some((nic) => nic.connected && nic.ips.length === 0);
    if (addressless || vm.power === "Transitional") this.#settle(vm);
    else this.#unsettle(vm.id);
  }

  /** One of ours that was stopped to be saved. While this provider saves it, it holds its lock. */
  #goOn({ id: uuid, name, ownerUid }: ObservedMachine): void {
    const { locks } = this.#context;
    if (ownerUid === undefined || this.#goingOn.has(uuid) || locks.isHeld(uuid)) return;
    const domain = { name, uuid, id: -1 };
    const going = locks.hold(uuid, () => goOn(this.#context, domain, { signal: this.#signal }));
    this.#goingOn.set(uuid, going.catch(() => {}).finally(() => this.#goingOn.delete(uuid)));
  }

  #settle(vm: ObservedMachine): void {
    const { id: uuid, ips } = vm;
    const attempt = (this.#settling.get(uuid)?.attempt ?? -1) + 1;
    // A card may be meant to have no address; a guest without any is worth looking at for as long as it runs.
    if (ips.length > 0 && attempt >= SETTLE_DELAYS_MS.length) return;
    const delay = SETTLE_DELAYS_MS[Math.min(attempt, SETTLE_DELAYS_MS.length - 1)] ?? 0;
    this.#settling.get(uuid)?.cancel();
    const cancel = this.#context.clock.setTimeout(() => {
      if (vm.power === "Transitional") this.#goOn(vm);
      this.#dirty.add(uuid);
      this.#wake();
    }, delay);
    this.#settling.set(uuid, { attempt, cancel });
  }

  #unsettle(uuid: string): void {
    this.#settling.get(uuid)?.cancel();
    this.#settling.delete(uuid);
  }
}
