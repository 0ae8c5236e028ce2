/** Metrics: families described in tables, kept in a registry of their own, rendered for Prometheus. @module */
import { prometheus } from "@virtrigaud/deps/metrics.ts";

/** One family. */
export interface MetricDescription {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds; histograms only. Default {@linkcode DURATION_BUCKETS}. */
  readonly buckets?: readonly number[];
}

/** Label values by label name. */
export type MetricLabels = Readonly<Record<string, string>>;

/** Where measurements go. Calls never throw and never wait. */
export interface Metrics<Name extends string> {
  /** Adds to a counter; by 1 unless told otherwise. */
  count(metric: Name, labels: MetricLabels, by?: number): void;
  /** Sets a gauge. */
  gauge(metric: Name, labels: MetricLabels, value: number): void;
  /** Puts a value into a histogram. */
  observe(metric: Name, labels: MetricLabels, value: number): void;
}

/** {@linkcode Metrics} that can be read. */
export interface MetricsRegistry<Name extends string> extends Metrics<Name> {
  /** Forgets every series that carries these labels, when what they name is gone. */
  forget(labels: MetricLabels): Promise<void>;
  /** Exposition text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** 1 ms to 35 min, doubling: a create or an export takes longer than any request. Seconds. */
export const DURATION_BUCKETS: readonly number[] = prometheus.exponentialBuckets(0.001, 2, 22);

/** Options of {@linkcode createMetrics}. */
export interface MetricsOptions {
  /** Adds memory, CPU and event-loop families of the process. Default false. */
  readonly process?: boolean;
}

/** A registry with the families of `table`. Families of several parts are joined: `{ ...RUNTIME_METRICS, ...PRODUCT_METRICS }`. */
export function createMetrics<T extends Readonly<Record<string, MetricDescription>>>(
  table: T,
  options: MetricsOptions = {},
): MetricsRegistry<keyof T & string> {
  type Name = keyof T & string;
  const register = new prometheus.Registry();
  const families = new Map<string, prometheus.Counter | prometheus.Gauge | prometheus.Histogram>();
  for (const [name, { type, help, labels, buckets }] of Object.entries(table)) {
    const base = { name, help, labelNames: [...labels], registers: [register] };
    families.set(
      name,
      type === "counter"
        ? new prometheus.Counter(base)
        : type === "gauge"
        ? new prometheus.Gauge(base)
        : new prometheus.Histogram({ ...base, buckets: [...(buckets ?? DURATION_BUCKETS)] }),
    );
  }
  // A finer event-loop monitor costs 0.8 % of a CPU when idle (measured), this one 0.1 %.
  if (options.process) prometheus.collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 100 });
  const labelsOf = (metric: Name, labels: MetricLabels): Record<string, string> =>
    Object.fromEntries((table[metric]?.labels ?? []).map((label) => [label, labels[label] ?? ""]));
  return {
    count(metric, labels, by = 1) {
      const family = families.get(metric);
      if (family instanceof prometheus.Counter && by >= 0) family.inc(labelsOf(metric, labels), by);
    },
    gauge(metric, labels, value) {
      const family = families.get(metric);
      if (family instanceof prometheus.Gauge) family.set(labelsOf(metric, labels), value);
    },
    observe(metric, labels, value) {
      const family = families.get(metric);
      if (family instanceof prometheus.Histogram) family.observe(labelsOf(metric, labels), value);
    },
    async forget(labels) {
      const wanted = Object.entries(labels);
      for (const [name, family] of families) {
        if (!wanted.every(([label]) => table[name]?.labels.includes(label))) continue;
        for (const series of (await family.get()).values) {
          const own = series.labels as Record<string, string>;
          if (wanted.every(([label, value]) => own[label] === value)) family.remove(labelsOf(name as Name, own));
        }
      }
    },
    text: () => register.metrics(),
    contentType: register.contentType,
  };
}

/** Measures nothing. */
export const noMetrics: Metrics<string> = Object.freeze({ count: () => {}, gauge: () => {}, observe: () => {} });
