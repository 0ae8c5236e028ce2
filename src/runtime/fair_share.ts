/** Which of the keys that wait goes next: by priority, and fairly between groups. @module */
import type { ObjectKey } from "@virtrigaud/kube";
import type { Priority } from "./reconcile.ts";

/** A key that waits for a worker. */
export interface Waiting {
  readonly key: ObjectKey;
  readonly group: string;
  readonly priority: Priority;
  /** When it began to wait, on the monotonic clock. */
  readonly since: number;
}

const ORDER: readonly Priority[] = ["high", "normal", "low"];
const rank = (priority: Priority): number => ORDER.indexOf(priority);

/** Whether `a` goes before `b`. */
export function isHigher(a: Priority, b: Priority): boolean {
  return rank(a) < rank(b);
}

/**
 * A group may have a worker while it has fewer than this many per free worker. One busy group gets half of the workers,
 * two get a third each, and some are always free for a group that comes next. Limiting each by what is free instead of
 * a fixed share is the dynamic threshold of Choudhury and Hahne (1998). More than 1 would let a group that hangs slow
 * the others: what it leaves is less than they had before.
 */
const WORKERS_PER_FREE = 1;
/** Every so many picks, age decides instead of priority, so that low priority waits but does not starve. */
const BY_AGE_EVERY = 10;

/** Keys of one group by priority; each level in order of arrival. */
class Group {
  readonly levels: readonly Map<ObjectKey, Waiting>[] = ORDER.map(() => new Map());
  running = 0;
  served = 0;

  /** First key of the highest level that has one. */
  get head(): Waiting | undefined {
    for (const level of this.levels) for (const waiting of level.values()) return waiting;
    return undefined;
  }

  /** The key that has waited longest. */
  get oldest(): Waiting | undefined {
    let oldest: Waiting | undefined;
    for (const level of this.levels) {
      for (const waiting of level.values()) {
        if (oldest === undefined || waiting.since < oldest.since) oldest = waiting;
        break;
      }
    }
    return oldest;
  }
}

/** The waiting keys of a queue and the workers that each group has. */
export class FairShare {
  readonly #groups = new Map<string, Group>();
  readonly #waiting = new Map<ObjectKey, Waiting>();
  readonly #limit: number | undefined;
  #running = 0;
  #picks = 0;

  /** @param workers number of workers to share; left out, groups are served in turn without a limit */
  constructor(workers?: number) {
    this.#limit = workers;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get(key: ObjectKey): Waiting | undefined {
    return this.#waiting.get(key);
  }

  add(waiting: Waiting): void {
    this.remove(waiting.key);
    this.#waiting.set(waiting.key, waiting);
    this.#group(waiting.group).levels[rank(waiting.priority)]?.set(waiting.key, waiting);
  }

  remove(key: ObjectKey): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    this.#group(waiting.group).levels[rank(waiting.priority)]?.delete(key);
    this.#tidy(waiting.group);
  }

  /** Takes the key that goes next, and counts a worker to its group until `release`. */
  take(): Waiting | undefined {
    const byAge = this.#picks % BY_AGE_EVERY === BY_AGE_EVERY - 1;
    let best: { readonly group: Group; readonly waiting: Waiting } | undefined;
    for (const group of this.#groups.values()) {
      if (!this.#admits(group)) continue;
      const waiting = byAge ? group.oldest : group.head;
      if (waiting === undefined) continue;
      const candidate = { group, waiting };
      if (best === undefined || (byAge ? waiting.since < best.waiting.since : goesBefore(candidate, best))) {
        best = candidate;
      }
    }
    if (best === undefined) return undefined;
    const { group, waiting } = best;
    this.#picks++;
    this.#running++;
    group.running++;
    group.served = this.#picks;
    this.remove(waiting.key);
    return waiting;
  }

  /** A worker of `group` is free again. */
  release(name: string): void {
    this.#running--;
    this.#group(name).running--;
    this.#tidy(name);
  }

  clear(): void {
    for (const key of [...this.#waiting.keys()]) this.remove(key);
  }

  #admits(group: Group): boolean {
    return this.#limit === undefined || group.running < WORKERS_PER_FREE * (this.#limit - this.#running);
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, group = new Group());
    return group;
  }

  #tidy(name: string): void {
    const group = this.#groups.get(name);
    if (group !== undefined && group.running === 0 && group.head === undefined) this.#groups.delete(name);
  }
}

interface Candidate {
  readonly group: Group;
  readonly waiting: Waiting;
}

/** Higher priority first, then the group with fewer workers, then the one served longest ago. */
function goesBefore(a: Candidate, b: Candidate): boolean {
  if (a.waiting.priority !== b.waiting.priority) return isHigher(a.waiting.priority, b.waiting.priority);
  if (a.group.running !== b.group.running) return a.group.running < b.group.running;
  return a.group.served < b.group.served;
}
