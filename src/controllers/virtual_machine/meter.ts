/** What is measured about VirtualMachines. @module */
import type { VirtualMachineStatus } from "@virtrigaud/api";
import type { ErrorClass } from "@virtrigaud/contract";
import type { ManagerMetric, Metrics } from "@virtrigaud/telemetry";
import { reasonOf } from "./failure.ts";
import { verbOf } from "./conclude.ts";
import type { Mutation } from "./input.ts";

/** Which provider a measurement is about. */
export interface ProviderLabels {
  /** `namespace/name`. */
  readonly provider: string;
  readonly provider_type: string;
}

/** Counts operations, tasks in flight and the time to the first address. */
export class VmMeter {
  readonly #metrics: Metrics<ManagerMetric>;
  readonly #inflight = new Map<string, ProviderLabels>();
  readonly #poweredOn = new Map<string, number>();
  readonly #now: () => number;

  /** @param now monotonic time in milliseconds */
  constructor(metrics: Metrics<ManagerMetric>, now: () => number) {
    this.#metrics = metrics;
    this.#now = now;
  }

  /** The VM is as `status` says now; `before` is what was known until then. */
  seen(
    key: string,
    before: VirtualMachineStatus | undefined,
    status: VirtualMachineStatus | undefined,
    labels: ProviderLabels,
  ): void {
    this.#tasks(key, status?.operation?.taskRef === undefined ? undefined : labels);
    const ended = before?.operation;
    if (ended?.taskRef !== undefined && status?.operation?.id !== ended.id) {
      const failed = status?.failures?.some((failure) =>
        failure.verb === ended.verb && failure.wish === (ended.wish ?? "") && !before?.failures?.some((f) =>
          f.verb === failure.verb && f.wish === failure.wish && f.attempt === failure.attempt
        )
      ) === true;
      this.#count(ended.verb, failed ? "error" : "success", labels);
    }
    this.#addresses(key, before, status, labels);
  }

  /** A step ended without a task. */
  stepped(step: Mutation, labels: ProviderLabels): void {
    this.#count(verbOf(step), "success", labels);
  }

  /** A step was refused. */
  refused(
    step: Mutation,
    error: { readonly class: ErrorClass; readonly reason?: string },
    labels: ProviderLabels,
  ): void {
    this.#count(verbOf(step), "error", labels);
    this.failed(error);
  }

  /** The provider answered with an error. */
  failed(error: { readonly class: ErrorClass; readonly reason?: string }): void {
    this.#metrics.count("virtrigaud_errors_total", { reason: reasonOf(error), component: "virtualmachine" });
  }

  /** The object is gone. */
  forget(key: string): void {
    this.#tasks(key, undefined);
    this.#poweredOn.delete(key);
  }

  #count(operation: string, outcome: "success" | "error", { provider, provider_type }: ProviderLabels): void {
    this.#metrics.count("virtrigaud_vm_operations_total", { operation, provider_type, provider, outcome });
  }

  #tasks(key: string, labels: ProviderLabels | undefined): void {
    const before = this.#inflight.get(key);
    if (labels === undefined) this.#inflight.delete(key);
    else this.#inflight.set(key, labels);
    for (const each of [before, labels]) if (each !== undefined) this.#gauge(each);
  }

  #gauge({ provider, provider_type }: ProviderLabels): void {
    let count = 0;
    for (const labels of this.#inflight.values()) if (labels.provider === provider) count++;
    this.#metrics.gauge("virtrigaud_provider_tasks_inflight", { provider_type, provider }, count);
  }

  #addresses(
    key: string,
    before: VirtualMachineStatus | undefined,
    status: VirtualMachineStatus | undefined,
    { provider_type }: ProviderLabels,
  ): void {
    if (status?.powerState !== "On" && status?.operation?.verb !== "Create") return void this.#poweredOn.delete(key);
    const has = (status.ips?.length ?? 0) > 0;
    if (!has && before?.powerState !== "On" && !this.#poweredOn.has(key)) this.#poweredOn.set(key, this.#now());
    const since = this.#poweredOn.get(key);
    if (!has || since === undefined) return;
    this.#poweredOn.delete(key);
    const seconds = (this.#now() - since) / 1000;
    this.#metrics.observe("virtrigaud_ip_discovery_duration_seconds", { provider_type }, seconds);
  }
}
