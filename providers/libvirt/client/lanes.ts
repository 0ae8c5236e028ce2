/** How many calls are on their way at once, so that slow ones never starve the connection. @module */

/** `agent`: waits for the guest agent. `bulk`: copies disk content. Everything else is `normal`. */
export type Lane = "normal" | "agent" | "bulk";

/**
 * libvirtd takes 5 calls of one client at a time (`max_client_requests`) and reads nothing more until one is answered,
 * keepalive included. One below that limit it goes on reading, so that an unanswered ping always means a dead host;
 * keeping slow lanes lower still leaves room for the rest.
 */
const TOTAL = 4;
const SLOW: Readonly<Record<Exclude<Lane, "normal">, number>> = { agent: 2, bulk: 2 };

interface Waiter {
  readonly lane: Lane;
  readonly start: () => void;
}

/** Admits calls in order, as far as the limits allow. */
export class Lanes {
  #running: Record<Lane, number> = { normal: 0, agent: 0, bulk: 0 };
  #waiting: Waiter[] = [];

  /** Runs `start` now or later; the function returned takes it out of the queue again. */
  enter(lane: Lane, start: () => void): () => void {
    const waiter = { lane, start };
    this.#waiting.push(waiter);
    this.#admit();
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
    };
  }

  /** A call of `lane` that was started has been answered. */
  leave(lane: Lane): void {
    this.#running[lane]--;
    this.#admit();
  }

  /** Starts everything that waits, limits or not: the connection is gone, and each call has to find that out. */
  release(): void {
    for (const { start } of this.#waiting.splice(0)) start();
  }

  #admit(): void {
    for (let index = 0; index < this.#waiting.length;) {
      const waiter = this.#waiting[index];
      const total = this.#running.normal + this.#running.agent + this.#running.bulk;
      if (waiter === undefined || total >= TOTAL) return;
      if (waiter.lane !== "normal" && this.#running[waiter.lane] >= SLOW[waiter.lane]) {
        index++;
        continue;
      }
      this.#waiting.splice(index, 1);
      this.#running[waiter.lane]++;
      waiter.start();
    }
  }
}
