/** Events about objects, as `kubectl describe` shows them. @module */
import {
  apiVersionOf,
  type Event,
  EVENTS,
  isNotFound,
  type KubeClient,
  type KubeObject,
  type ObjectReference,
  type ResourceType,
} from "@virtrigaud/kube";
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { rfc3339Seconds } from "./conditions.ts";
import { messageOf, noMetrics, type RuntimeLog, type RuntimeMetrics, silentLog } from "./observe.ts";

/** What happened to an object. */
export interface EventInput {
  readonly type: "Normal" | "Warning";
  /** CamelCase word for programs, at most 128 characters. */
  readonly reason: string;
  /** For people, at most 1024 characters; more is cut off. */
  readonly message: string;
}

/** Options of an {@linkcode EventRecorder}. */
export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, "create" | "patch">;
  /** Who reports, such as the name of the controller. */
  readonly component: string;
  /** Which process of it, such as the pod. */
  readonly instance: string;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: RuntimeLog;
  readonly metrics?: RuntimeMetrics;
}

/** Events that wait to be written; more are dropped and counted. */
const MAX_QUEUED = 1_000;
/**
 * Events of type `Normal`: so many at once, then one each second. When a thousand objects change together nobody reads
 * a thousand times that all went well, every event is a write that the API server has to carry, and the objects say the
 * same themselves. What went wrong is held back by no such limit.
 */
const CALM_BURST = 50;
const CALM_REFILL_MS = 1_000;
/** Events remembered, so that a repetition counts one up. */
const MAX_SERIES = 2_048;
/** Per object: so many at once, then one each five minutes, as client-go has it. */
const BURST = 25;
const REFILL_MS = 300_000;
const MAX_MESSAGE = 1_024;

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  /** The Event is on the API server. */
  written: boolean;
}

/** What may still be recorded, as of `at`. */
interface Bucket {
  tokens: number;
  at: number;
}

interface Queued {
  readonly id: string;
  readonly event: Event;
}

/**
 * Records events without ever holding up who records: they are written one after another in the background. The same
 * reason and message on the same object counts one Event up instead of making another; an object that causes too many
 * has them dropped, and in a flood those of type `Normal` are dropped first.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  /** Start of the unique part of event names: differs between processes and between runs. */
  readonly #nameBase: string;
  #names = 0;
  readonly #log: RuntimeLog;
  readonly #metrics: RuntimeMetrics;
  readonly #queue = new Map<string, Queued>();
  readonly #series = new Map<string, Series>();
  readonly #spent = new Map<string, Bucket>();
  readonly #calm: Bucket;
  readonly #abort = new AbortController();
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#calm = { tokens: CALM_BURST, at: this.#clock.monotonic() };
    const chance = Math.floor((options.random ?? Math.random)() * 2 ** 32);
    this.#nameBase = Math.floor(this.#clock.now()).toString(16) + chance.toString(16).padStart(8, "0");
    this.#log = options.log ?? silentLog;
    this.#metrics = options.metrics ?? noMetrics;
  }

  /** Records that something happened to `object`. Returns at once and never throws. */
  record(type: ResourceType, object: KubeObject, input: EventInput): void {
    const regarding: ObjectReference = {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      namespace: object.metadata.namespace,
      name: object.metadata.name,
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion,
    };
    const about = regarding.uid ?? `${type.kind}/${regarding.namespace}/${regarding.name}`;
    if (this.#abort.signal.aborted) return this.#drop("closed");
    if (!this.#allowed(about)) return this.#drop("object_limit");
    const message = input.message.slice(0, MAX_MESSAGE);
    const id = JSON.stringify([about, input.type, input.reason, message]);
    const queued = this.#queue.get(id);
    if (queued === undefined && this.#queue.size >= MAX_QUEUED) return this.#drop("queue_full");
    if (queued === undefined && input.type === "Normal" && !this.#taken(this.#calm, CALM_BURST, CALM_REFILL_MS)) {
      return this.#drop("flood");
    }
    const series = this.#seriesOf(id, regarding);
    series.count++;
    const now = rfc3339Seconds(this.#clock.now());
    this.#queue.set(id, {
      id,
      event: {
        metadata: { name: series.name, namespace: series.namespace },
        involvedObject: regarding,
        type: input.type,
        reason: input.reason,
        message,
        count: series.count,
        firstTimestamp: queued?.event.firstTimestamp ?? now,
        lastTimestamp: now,
        source: { component: this.#options.component, host: this.#options.instance },
        reportingComponent: this.#options.component,
        reportingInstance: this.#options.instance,
      },
    });
    this.#writing ??= this.#write();
  }

  /** Writes what is queued, for at most `timeoutMs` (default 5000), then takes no more. */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const cancel = this.#clock.setTimeout(() => this.#abort.abort(), options.timeoutMs ?? 5_000);
    await this.#writing;
    cancel();
    this.#abort.abort();
  }

  async #write(): Promise<void> {
    // Leaves the caller of `record` first.
    await Promise.resolve();
    for (const queued of this.#queue.values()) {
      this.#queue.delete(queued.id);
      if (this.#abort.signal.aborted) {
        this.#drop("closed");
        continue;
      }
      try {
        await this.#writeOne(queued);
      } catch (error) {
        this.#drop("write_failed");
        this.#log.warn("cannot write an event", { reason: queued.event.reason, error: messageOf(error) });
      }
    }
    this.#writing = undefined;
  }

  async #writeOne({ id, event }: Queued): Promise<void> {
    const { client } = this.#options;
    const call = { signal: this.#abort.signal, lane: "event" } as const;
    const series = this.#series.get(id);
    if (series?.written) {
      const { count, lastTimestamp } = event;
      try {
        await client.patch(EVENTS, event.metadata, { type: "merge", body: { count, lastTimestamp } }, call);
        return;
      } catch (error) {
        // Events expire on the API server, after an hour by default.
        if (!isNotFound(error)) throw error;
      }
    }
    await client.create(EVENTS, event, call);
    if (series !== undefined) series.written = true;
  }

  #seriesOf(id: string, regarding: ObjectReference): Series {
    const present = this.#series.get(id);
    if (present !== undefined) {
      // Back to the young end: the map drops its oldest.
      this.#series.delete(id);
      this.#series.set(id, present);
      return present;
    }
    const unique = `${this.#nameBase}${(this.#names++).toString(16).padStart(4, "0")}`;
    const namespace = regarding.namespace ?? "default";
    const series = { name: `${regarding.name}.${unique}`, namespace, count: 0, written: false };
    this.#series.set(id, series);
    dropOldest(this.#series, MAX_SERIES);
    return series;
  }

  #allowed(about: string): boolean {
    const bucket = this.#spent.get(about) ?? { tokens: BURST, at: this.#clock.monotonic() };
    this.#spent.delete(about);
    this.#spent.set(about, bucket);
    dropOldest(this.#spent, MAX_SERIES);
    return this.#taken(bucket, BURST, REFILL_MS);
  }

  /** Takes a token if there is one. */
  #taken(bucket: Bucket, burst: number, refillMs: number): boolean {
    const now = this.#clock.monotonic();
    bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs);
    bucket.at = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #drop(cause: string): void {
    this.#metrics.count("events_dropped_total", { cause });
  }
}

function dropOldest(map: Map<string, unknown>, limit: number): void {
  if (map.size <= limit) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
