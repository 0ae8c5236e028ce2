/** Grafana dashboards for the Helm chart, from what they ask. @module */
import { type Generator } from "./generator.ts";

const FOLDER = "charts/virtrigaud/files/dashboards";

interface Panel {
  readonly title: string;
  /** Unit in Grafana's names: `s`, `ops`, `percentunit`, `bytes`, `short`. */
  readonly unit: string;
  /** Default: a graph over time. */
  readonly type?: "stat" | "table";
  /** Queries with the legend of their series. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly panels: readonly Panel[];
}

const quantile = (q: number, metric: string, by: string) =>
  `histogram_quantile(${q}, sum by (${by}, le) (rate(${metric}_bucket[$__rate_interval])))`;
const rate = (metric: string, by: string, where = "") => `sum by (${by}) (rate(${metric}${where}[$__rate_interval]))`;

/** The dashboards. */
export const DASHBOARDS: readonly Dashboard[] = [
  {
    uid: "virtrigaud-manager",
    title: "VirtRigaud / Manager",
    description: "Whether the manager leads, keeps up, and gets what it asks of the API server.",
    panels: [
      {
        title: "Versions",
        unit: "short",
        type: "table",
        queries: [["count by (component, version, git_sha) (virtrigaud_build_info)", "{{component}} {{version}}"]],
      },
      {
        title: "Leaders",
        unit: "short",
        type: "stat",
        queries: [["sum(leader_election_master_status)", "leaders"]],
      },
      {
        title: "Objects known",
        unit: "short",
        type: "stat",
        queries: [["max by (kind) (informer_objects)", "{{kind}}"]],
      },
      {
        title: "Reconciles",
        unit: "ops",
        queries: [[rate("controller_runtime_reconcile_total", "controller, result"), "{{controller}} {{result}}"]],
      },
      {
        title: "Reconcile time, 99th percentile",
        unit: "s",
        queries: [[quantile(0.99, "controller_runtime_reconcile_time_seconds", "controller"), "{{controller}}"]],
      },
      {
        title: "Workers",
        unit: "short",
        queries: [
          ["sum by (controller) (controller_runtime_active_workers)", "{{controller}} at work"],
          ["sum by (controller) (controller_runtime_max_concurrent_reconciles)", "{{controller}} there are"],
        ],
      },
      {
        title: "Keys that wait",
        unit: "short",
        queries: [["sum by (name) (workqueue_depth)", "{{name}}"]],
      },
      {
        title: "Time in the queue, 99th percentile",
        unit: "s",
        queries: [[quantile(0.99, "workqueue_queue_duration_seconds", "name"), "{{name}}"]],
      },
      {
        title: "Requests to the API server",
        unit: "ops",
        queries: [[rate("rest_client_requests_total", "method, code"), "{{method}} {{code}}"]],
      },
      {
        title: "Time of requests to the API server, 99th percentile",
        unit: "s",
        queries: [[quantile(0.99, "rest_client_request_duration_seconds", "verb"), "{{verb}}"]],
      },
      {
        title: "Watches that ended, lists made again",
        unit: "ops",
        queries: [
          [rate("informer_watch_ends_total", "kind, cause"), "{{kind}}: {{cause}}"],
          [rate("informer_relists_total", "kind, cause"), "{{kind}} relisted: {{cause}}"],
        ],
      },
      {
        title: "Memory",
        unit: "bytes",
        queries: [["process_resident_memory_bytes", "{{pod}}"]],
      },
      {
        title: "CPU",
        unit: "percentunit",
        queries: [["rate(process_cpu_seconds_total[$__rate_interval])", "{{pod}}"]],
      },
    ],
  },
  {
    uid: "virtrigaud-providers",
    title: "VirtRigaud / Providers",
    description: "How the ways to the hypervisors do, from the manager's side and from the providers'.",
    panels: [
      {
        title: "Circuit breakers (0 closed, 1 half-open, 2 open)",
        unit: "short",
        queries: [["max by (provider_type, provider) (virtrigaud_circuit_breaker_state)", "{{provider}}"]],
      },
      {
        title: "Hypervisor reached",
        unit: "short",
        queries: [["min by (namespace, pod) (provider_hypervisor_connection_status)", "{{namespace}} {{pod}}"]],
      },
      {
        title: "Calls to providers",
        unit: "ops",
        queries: [[
          rate("virtrigaud_provider_rpc_requests_total", "provider_type, method"),
          "{{provider_type}} {{method}}",
        ]],
      },
      {
        title: "Calls by outcome",
        unit: "ops",
        queries: [[
          rate("virtrigaud_provider_rpc_requests_total", "provider_type, code"),
          "{{provider_type}} {{code}}",
        ]],
      },
      {
        title: "Time of calls, 95th percentile",
        unit: "s",
        queries: [[
          quantile(0.95, "virtrigaud_provider_rpc_latency_seconds", "provider_type, method"),
          "{{provider_type}} {{method}}",
        ]],
      },
      {
        title: "Failures on the way, repetitions",
        unit: "ops",
        queries: [
          [rate("virtrigaud_circuit_breaker_failures_total", "provider"), "{{provider}} failed"],
          [rate("virtrigaud_provider_rpc_retries_total", "provider"), "{{provider}} repeated"],
        ],
      },
      {
        title: "Calls served by the providers",
        unit: "ops",
        queries: [[rate("provider_grpc_requests_total", "pod, method, code"), "{{pod}} {{method}} {{code}}"]],
      },
      {
        title: "Time of calls served, 95th percentile",
        unit: "s",
        queries: [[quantile(0.95, "provider_grpc_request_duration_seconds", "method"), "{{method}}"]],
      },
    ],
  },
  {
    uid: "virtrigaud-vms",
    title: "VirtRigaud / VM lifecycle",
    description: "What is done to virtual machines, and how long they take.",
    panels: [
      {
        title: "VirtualMachines",
        unit: "short",
        type: "stat",
        queries: [['max(informer_objects{kind="VirtualMachine"})', "VirtualMachines"]],
      },
      {
        title: "Operations",
        unit: "ops",
        queries: [[rate("virtrigaud_vm_operations_total", "operation, outcome"), "{{operation}} {{outcome}}"]],
      },
      {
        title: "Operations that failed, by provider",
        unit: "ops",
        queries: [[
          rate("virtrigaud_vm_operations_total", "provider, operation", '{outcome="error"}'),
          "{{provider}} {{operation}}",
        ]],
      },
      {
        title: "Tasks at the hypervisor",
        unit: "short",
        queries: [["sum by (provider) (virtrigaud_provider_tasks_inflight)", "{{provider}}"]],
      },
      {
        title: "From power-on to the first address",
        unit: "s",
        queries: [
          [quantile(0.5, "virtrigaud_ip_discovery_duration_seconds", "provider_type"), "{{provider_type}} median"],
          [quantile(0.95, "virtrigaud_ip_discovery_duration_seconds", "provider_type"), "{{provider_type}} 95th"],
        ],
      },
      {
        title: "Errors by reason",
        unit: "ops",
        queries: [[rate("virtrigaud_errors_total", "component, reason"), "{{component}} {{reason}}"]],
      },
    ],
  },
];

const [COLUMNS, WIDTH, HEIGHT] = [2, 12, 8];

function model({ uid, title, description, panels }: Dashboard): Record<string, unknown> {
  const datasource = { type: "prometheus", uid: "${datasource}" };
  return {
    uid,
    title,
    description,
    tags: ["virtrigaud"],
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-3h", to: "now" },
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" }] },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      title: panel.title,
      type: panel.type ?? "timeseries",
      datasource,
      gridPos: {
        x: (index % COLUMNS) * WIDTH,
        y: Math.floor(index / COLUMNS) * HEIGHT,
        w: WIDTH,
        h: HEIGHT,
      },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      targets: panel.queries.map(([expr, legendFormat], query) => ({
        refId: String.fromCharCode(65 + query),
        datasource,
        expr,
        legendFormat,
        ...panel.type === "table" ? { format: "table", instant: true } : {},
      })),
    })),
  };
}

/** One file per dashboard. */
export const dashboards: Generator = {
  name: "Grafana dashboards",
  owns: [FOLDER],
  files: () =>
    DASHBOARDS.map((dashboard) => ({
      path: `${FOLDER}/${dashboard.uid}.json`,
      text: `${JSON.stringify(model(dashboard), null, 2)}\n`,
    })),
};
