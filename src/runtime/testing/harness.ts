/** Fake clock, fake API server and a client on them, for tests of controllers. @module */
import { KubeClient, type KubeObject, resourceType } from "@virtrigaud/kube";
import { FakeApiServer, type SeenRequest } from "@virtrigaud/kube/testing";
import { FakeClock } from "@virtrigaud/resilience";
import type { MetricLabels, RuntimeLog, RuntimeMetric, RuntimeMetrics } from "../observe.ts";

/** A kind for tests. */
export interface Widget extends KubeObject {
  spec?: { size?: number; owner?: string };
  status?: { seen?: number; phase?: string };
}

/** Its place in the API. */
export const WIDGETS = resourceType<Widget>({
  group: "test.example",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
});
const COLLECTION = "/apis/test.example/v1/widgets";

/** Keeps what is logged. */
export class MemoryLog implements RuntimeLog {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }[] = [];
  readonly debug = this.#at("debug");
  readonly info = this.#at("info");
  readonly warn = this.#at("warn");
  readonly error = this.#at("error");

  /** Lines of a level. */
  of(level: "debug" | "info" | "warn" | "error") {
    return this.lines.filter((line) => line.level === level);
  }

  #at(level: string): RuntimeLog["debug"] {
    return (message, fields = {}) => void this.lines.push({ level, message, fields });
  }
}

/** Keeps what is measured, by name and label values. */
export class MemoryMetrics implements RuntimeMetrics {
  readonly values = new Map<string, number>();

  count(metric: RuntimeMetric, labels: MetricLabels, by = 1): void {
    const id = this.#id(metric, labels);
    this.values.set(id, (this.values.get(id) ?? 0) + by);
  }
  gauge(metric: RuntimeMetric, labels: MetricLabels, value: number): void {
    this.values.set(this.#id(metric, labels), value);
  }
  observe(metric: RuntimeMetric, labels: MetricLabels, value: number): void {
    this.count(metric, labels);
    this.values.set(`${this.#id(metric, labels)} sum`, value);
  }

  /** Value by name and label values: `get("workqueue_depth", "widgets")`. */
  get(metric: RuntimeMetric, ...labels: string[]): number {
    return this.values.get([metric, ...labels].join(" ")) ?? 0;
  }

  #id(metric: RuntimeMetric, labels: MetricLabels): string {
    return [metric, ...Object.values(labels)].join(" ");
  }
}

/** Everything a test of the runtime needs; `stop` first aborts `signal` and then checks nothing is left. */
export class Harness {
  readonly clock = new FakeClock();
  readonly server = new FakeApiServer({ clock: this.clock });
  readonly client = new KubeClient({ connection: this.server.connection(), clock: this.clock, random: () => 0 });
  readonly log = new MemoryLog();
  readonly metrics = new MemoryMetrics();
  readonly random = () => 0;
  readonly #abort = new AbortController();
  readonly #running: Promise<unknown>[] = [];

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Runs something until the end of the test. */
  run(start: (signal: AbortSignal) => Promise<unknown>): void {
    this.#running.push(start(this.#abort.signal));
  }

  /** Ends everything that was started; @throws when a timer is left */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.clock.advance(60_000);
    await Promise.all(this.#running);
    this.server.close();
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers are left`);
  }

  /** Changes of the world behind the client's back. */
  create(name: string, spec: Widget["spec"] = {}, metadata: Partial<KubeObject["metadata"]> = {}): void {
    const object = { ...metadata, namespace: "default", name };
    this.server.store.create({ collection: COLLECTION, namespace: "default", name }, { metadata: object, spec });
  }
  update(name: string, spec: Widget["spec"]): KubeObject {
    const address = { collection: COLLECTION, namespace: "default", name };
    const { metadata, ...object } = this.server.store.get(address);
    return this.server.store.update(address, { ...object, metadata, spec });
  }
  delete(name: string): void {
    this.server.store.delete({ collection: COLLECTION, namespace: "default", name });
  }
  /** What the server has, by key. */
  get truth(): Map<string, string | undefined> {
    return new Map(
      this.server.store.list(COLLECTION).map(({ metadata: m }) => [`${m.namespace}/${m.name}`, m.resourceVersion]),
    );
  }
}

/** Runs a test with a harness and ends everything afterwards. */
export async function withHarness(test: (harness: Harness) => Promise<void>): Promise<void> {
  const harness = new Harness();
  try {
    await test(harness);
  } finally {
    await harness.stop();
  }
}

/** Matches requests by verb. */
export const verb = (...verbs: SeenRequest["verb"][]) => (request: SeenRequest): boolean =>
  verbs.includes(request.verb);
