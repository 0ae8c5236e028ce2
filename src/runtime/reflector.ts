/** Keeps a sink in step with the API server: list, watch, resume, list again. @module */
import {
  compareResourceVersions,
  isGone,
  type KubeClient,
  KubeError,
  type KubeObject,
  type ResourceType,
  type Selection,
  type WatchEvent,
} from "@virtrigaud/kube";
import { backoffDelay, type BackoffPolicy, type Clock, jittered } from "@virtrigaud/resilience";
import { messageOf, type RuntimeLog, type RuntimeMetrics } from "./observe.ts";

/** Who takes in what a {@linkcode Reflector} sees. A promise holds the stream back. */
export interface ReflectorSink<T extends KubeObject> {
  /** A list of the most recent state is about to be asked for. */
  listing(): void;
  /** The complete state as of `resourceVersion`. */
  replace(items: T[], resourceVersion: string | undefined): void | Promise<void>;
  change(event: Exclude<WatchEvent<T>, { type: "BOOKMARK" }>): void | Promise<void>;
  /** Everything up to `resourceVersion` has been told. */
  progress(resourceVersion: string): void;
}

/** Options of a {@linkcode Reflector}. */
export interface ReflectorOptions {
  readonly client: Pick<KubeClient, "list" | "watch">;
  readonly type: ResourceType;
  readonly selection: Selection;
  /** Get the first state over the watch (`sendInitialEvents`), which costs the API server less memory than a list. */
  readonly initialEvents: boolean;
  readonly pageSize: number;
  /** The server ends a stream after this time and up to as much again, in seconds. */
  readonly watchSeconds: number;
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: RuntimeLog;
  readonly metrics: RuntimeMetrics;
}

const RETRY: BackoffPolicy = { baseMs: 200, maxMs: 30_000 };
/** A stream that brought nothing and was shorter than this counts as a failure, so that it cannot turn into a busy loop. */
const SHORT_STREAM_MS = 1_000;
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** One kind, one stream. The loop ends only when its signal aborts. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions;
  readonly #sink: ReflectorSink<T>;
  readonly #kind: string;
  #initialEvents: boolean;
  /** Resume after this version; `undefined` when the state has to be got anew. */
  #version: string | undefined;
  #cause = "start";
  #failures = 0;
  /** The present stream has brought something, or lived long enough to count as sound. */
  #productive = false;

  constructor(options: ReflectorOptions, sink: ReflectorSink<T>) {
    this.#options = options;
    this.#sink = sink;
    this.#kind = options.type.kind;
    this.#initialEvents = options.initialEvents;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      let failure: unknown;
      this.#productive = false;
      try {
        if (this.#version === undefined && !this.#initialEvents) await this.#list(signal);
        await this.#stream(signal);
        this.#ended("closed");
        if (this.#productive) this.#failures = 0;
        else failure = new Error("the stream ended at once");
      } catch (error) {
        if (signal.aborted) return;
        failure = error;
        this.#learn(error);
      }
      if (failure === undefined || signal.aborted) continue;
      this.#failures++;
      const asked = failure instanceof KubeError ? (failure.retryAfterSeconds ?? 0) * 1000 : 0;
      const wait = asked + backoffDelay(RETRY, this.#failures, this.#options.random);
      await clock.sleep(wait, { signal }).catch(() => {});
    }
  }

  /** Decides from a failure where to go on. */
  #learn(error: unknown): void {
    // What forces a relist counts on even if events came before it: lists are dear, and the next one may end the same.
    if (this.#productive && error instanceof KubeError && !isGone(error) && error.reason !== "InvalidResponse") {
      this.#failures = 0;
    }
    const fields = { kind: this.#kind, failures: this.#failures, error: messageOf(error) };
    // Streams end now and then; only when they keep ending is it worth a look.
    if (this.#failures < 3) this.#options.log.debug("watch interrupted", fields);
    else this.#options.log.warn("watch keeps being interrupted", fields);
    if (isGone(error)) return this.#forget("expired");
    if (!(error instanceof KubeError)) return this.#forget("internal");
    this.#ended(error.reason);
    // A line that cannot be read would come again after resuming; 404 and 400 mean that the kind itself has changed.
    if (error.reason === "InvalidResponse" || error.code === 404 || error.code === 400) this.#forget("invalid");
    if (this.#version === undefined) this.#initialEvents = false;
  }

  #forget(cause: string): void {
    this.#ended(cause);
    this.#version = undefined;
    this.#cause = cause;
  }

  #ended(cause: string): void {
    this.#options.metrics.count("informer_watch_ends_total", { kind: this.#kind, cause });
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, selection, pageSize } = this.#options;
    this.#sink.listing();
    // No resourceVersion: the most recent state, never a stale replica's.
    const list = await client.list<T>(type as ResourceType<T>, { ...selection, limit: pageSize, signal });
    await this.#replace(list.items, list.metadata.resourceVersion);
  }

  async #replace(items: T[], version: string | undefined): Promise<void> {
    this.#options.metrics.count("informer_relists_total", { kind: this.#kind, cause: this.#cause });
    await this.#sink.replace(items, version);
    this.#version = version;
  }

  /** Watches until the stream ends. */
  async #stream(signal: AbortSignal): Promise<void> {
    const { client, type, selection, clock, random } = this.#options;
    const start = clock.monotonic();
    let initial = this.#version === undefined ? new Map<string, T>() : undefined;
    if (initial !== undefined) this.#sink.listing();
    const events = client.watch<T>(type as ResourceType<T>, {
      ...selection,
      signal,
      resourceVersion: this.#version ?? "",
      sendInitialEvents: initial !== undefined,
      timeoutSeconds: Math.round(jittered(this.#options.watchSeconds, 1, random)),
      idleTimeoutMs: this.#options.idleTimeoutMs,
    });
    for await (const event of events) {
      this.#productive = true;
      const { metadata } = event.object;
      if (event.type === "BOOKMARK") {
        if (initial !== undefined) {
          if (!isEndOfInitialEvents(event.object)) continue;
          await this.#replace([...initial.values()], metadata.resourceVersion);
          initial = undefined;
        } else if (metadata.resourceVersion !== undefined) {
          this.#advance(metadata.resourceVersion);
          this.#sink.progress(metadata.resourceVersion);
        }
      } else if (initial !== undefined) {
        collect(initial, event);
      } else {
        const held = this.#sink.change(event);
        if (held !== undefined) await held;
        if (metadata.resourceVersion !== undefined) this.#advance(metadata.resourceVersion);
      }
    }
    if (initial !== undefined) throw new Error("the stream ended before the initial state was complete");
    if (clock.monotonic() - start >= SHORT_STREAM_MS) this.#productive = true;
  }

  #advance(version: string): void {
    if (this.#version === undefined || compareResourceVersions(version, this.#version) > 0) this.#version = version;
  }
}

function isEndOfInitialEvents(bookmark: KubeObject): boolean {
  return bookmark.metadata.annotations?.[INITIAL_EVENTS_END] === "true";
}

function collect<T extends KubeObject>(
  initial: Map<string, T>,
  event: Exclude<WatchEvent<T>, { type: "BOOKMARK" }>,
): void {
  const { namespace, name } = event.object.metadata;
  const key = `${namespace ?? ""}/${name}`;
  if (event.type === "DELETED") initial.delete(key);
  else initial.set(key, event.object);
}
