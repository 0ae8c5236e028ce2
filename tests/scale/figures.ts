/** The figures of the bench: what each means, what the reference reaches, what is aimed at. @module */

/** What is known of a figure besides its value. */
export interface FigureInfo {
  readonly what: string;
  readonly unit: string;
  /** The reference implementation on a comparable machine and its own mock (Create takes 2 s there, Power 1 s). */
  readonly reference?: string;
  /** Not to be exceeded. */
  readonly aim?: number;
}

/** Every figure of `deno task bench --json`, in the order of the table. */
export const FIGURES = {
  ready_1000_s: {
    what: "1,000 VMs created at once, all Ready; embedded control plane",
    unit: "s",
    reference: "231",
    aim: 10,
  },
  ready_1000_kube_s: { what: "the same on kube-apiserver", unit: "s", reference: "231", aim: 15 },
  ready_p50_s: { what: "one of them, from its creation", unit: "s", reference: "169" },
  ready_p99_s: { what: "one of them, from its creation", unit: "s", reference: "228" },
  manager_cpu_ms_per_vm: { what: "CPU time of the manager up to Ready", unit: "ms", reference: "16.6", aim: 8 },
  writes_per_vm: { what: "API writes of the manager up to Ready and settled", unit: "", reference: "4", aim: 3 },
  rpcs_per_vm: { what: "calls to the provider up to Ready", unit: "", reference: "9", aim: 3 },
  idle_writes_per_vm_min: { what: "API writes, 1,000 settled VMs", unit: "1/min", reference: "6", aim: 0 },
  idle_rpcs_per_vm_min: { what: "calls to the provider, the same", unit: "1/min", reference: "12", aim: 0.05 },
  idle_cpu_ms_per_vm_min: { what: "CPU time of the manager, the same", unit: "ms/min", reference: "17", aim: 0.3 },
  spec_to_rpc_p50_ms: { what: "powerState patched until the provider is called", unit: "ms", reference: "17800" },
  spec_to_rpc_p99_ms: { what: "the same", unit: "ms", reference: "40000", aim: 250 },
  event_to_status_p99_ms: {
    what: "powered off at the hypervisor until the API shows it",
    unit: "ms",
    reference: "49000 (max)",
    aim: 1000,
  },
  delete_1000_s: { what: "1,000 VMs deleted, gone at the hypervisor too", unit: "s", reference: "52", aim: 10 },
  rss_mb_0: { what: "memory of the manager without VMs", unit: "MiB", reference: "54" },
  rss_mb_1000: { what: "with 1,000 settled VMs", unit: "MiB", reference: "73" },
  rss_mb_10000: { what: "with 10,000 settled VMs", unit: "MiB", reference: "130", aim: 300 },
  restart_10000_s: {
    what: "manager killed and started with 10,000 VMs until it acts on a changed one",
    unit: "s",
    reference: "1.6",
    aim: 3,
  },
  restart_10000_failover_s: {
    what: "the acting manager of two killed until the other acts on a changed VM",
    unit: "s",
    reference: "16",
    aim: 3,
  },
  sick_provider_delay_ratio: {
    what: "p99 of healthy providers' VMs, one of ten providers hanging, over p99 without; median of pairs",
    unit: "",
    reference: "1.7 (p50)",
    aim: 1.2,
  },
} as const satisfies Readonly<Record<string, FigureInfo>>;

/** Name of a figure. */
export type FigureName = keyof typeof FIGURES;

/** Measured figures; `null` where this machine cannot measure one. */
export type Figures = Readonly<Partial<Record<FigureName, number | null>>>;

/** No task runs while these are measured: they are the same however long tasks take, and dear. */
export const TASKLESS: ReadonlySet<string> = new Set<FigureName>([
  "rss_mb_10000",
  "restart_10000_s",
  "restart_10000_failover_s",
]);

/** How much is measured. */
export interface BenchSize {
  /** VMs where the name of a figure says 1000. */
  readonly vms: number;
  /** VMs where the name of a figure says 10000. */
  readonly manyVms: number;
  /** VMs that are patched or switched off, one after the other. */
  readonly samples: number;
  readonly idleSeconds: number;
  /** Providers, of which one hangs. */
  readonly providers: number;
  readonly vmsPerProvider: number;
  /** Pairs of runs with and without the one that hangs. */
  readonly pairs: number;
}

/** What the names of the figures say. */
export const FULL: BenchSize = {
  vms: 1_000,
  manyVms: 10_000,
  samples: 200,
  idleSeconds: 300,
  providers: 10,
  vmsPerProvider: 20,
  pairs: 5,
};

/** A smoke test of the bench itself: the numbers mean nothing. */
export const SHORT: BenchSize = {
  vms: 20,
  manyVms: 40,
  samples: 4,
  idleSeconds: 3,
  providers: 2,
  vmsPerProvider: 5,
  pairs: 1,
};
