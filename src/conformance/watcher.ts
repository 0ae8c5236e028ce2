/** A watch in the background: what it delivered, and what the world looks like according to it. @module */
import type { Clock } from "@virtrigaud/resilience";
import type { ObservedMachine, Provider, WatchEvent } from "@virtrigaud/contract";

/** Reads a watch until it is closed. */
export class Watcher implements AsyncDisposable {
  /** All events so far. */
  readonly events: WatchEvent[] = [];
  /** The VMs as a consumer that believes every event sees them; complete lists replace everything. */
  readonly vms = new Map<string, ObservedMachine>();
  readonly #stop = new AbortController();
  readonly #clock: Clock;
  readonly #reading: Promise<void>;
  #listing: Map<string, ObservedMachine> | undefined;
  #wake: () => void = () => {};
  #failure: unknown;
  #ended = false;

  constructor(provider: Provider, clock: Clock, requestId: string) {
    this.#clock = clock;
    this.#reading = this.#read(provider.watch({ signal: this.#stop.signal, requestId }));
  }

  /** Whether the stream has ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Waits until `done` holds. @throws when it does not within `ms`, or when the stream fails or ends before. */
  async until(what: string, ms: number, done: () => boolean): Promise<void> {
    const { promise: late, resolve: timeUp } = Promise.withResolvers<"late">();
    const cancel = this.#clock.setTimeout(() => timeUp("late"), ms);
    try {
      while (!done()) {
        if (this.#ended) {
          throw new Error(`the watch ended before ${what}`, { cause: this.#failure });
        }
        const next = new Promise<"event">((resolve) => this.#wake = () => resolve("event"));
        if (await Promise.race([next, late]) === "late" && !done()) {
          const kinds = this.events.map(({ type }) => type).slice(-20).join(" ");
          throw new Error(`the watch did not show ${what} within ${ms} ms; its last events: ${kinds}`);
        }
      }
    } finally {
      cancel();
    }
  }

  /** Ends the watch and waits for its end. @throws when it does not end within `ms`. */
  async close(ms = 30_000): Promise<void> {
    this.#stop.abort();
    const { promise: late, resolve: timeUp } = Promise.withResolvers<"late">();
    const cancel = this.#clock.setTimeout(() => timeUp("late"), ms);
    const outcome = await Promise.race([this.#reading, late]);
    cancel();
    if (outcome === "late") throw new Error(`the watch did not end within ${ms} ms after its caller had left`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #read(stream: AsyncIterable<WatchEvent>): Promise<void> {
    try {
      for await (const event of stream) {
        this.#take(event);
        this.events.push(event);
        this.#wake();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#failure = error;
    } finally {
      this.#ended = true;
      this.#wake();
    }
  }

  #take(event: WatchEvent): void {
    switch (event.type) {
      case "ListBegin":
        this.#listing = new Map();
        return;
      case "Present":
        (this.#listing ?? this.vms).set(event.vm.id, event.vm);
        return;
      case "ListEnd":
        this.vms.clear();
        for (const [id, vm] of this.#listing ?? []) this.vms.set(id, vm);
        this.#listing = undefined;
        return;
      case "Gone":
        this.vms.delete(event.vmId);
        return;
      case "Task":
      case "Heartbeat":
        return;
    }
  }
}
