/** Door for Prometheus metrics. */
export * as prometheus from "prom-client";
