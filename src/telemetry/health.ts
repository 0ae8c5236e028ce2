/** Probe and metrics endpoints over HTTP, on a port of their own. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import { type Logger, silentLogger } from "./logger.ts";
import type { MetricsRegistry } from "./metrics.ts";
import { redactText } from "./redact.ts";

/** Result of a check; `message` is for people. */
export interface CheckResult {
  readonly status: "healthy" | "unhealthy" | "unknown";
  readonly message?: string;
}

/** Options of {@linkcode serveHealth}. */
export interface HealthOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default `0.0.0.0`. */
  readonly host?: string;
  /** Whether work may be sent here; a text says why not. Default: always. */
  readonly ready?: () => true | string;
  /** Shown in `/health`; they inform people and alerts and do not steer probes. */
  readonly checks?: Readonly<Record<string, () => CheckResult>>;
  readonly metrics?: Pick<MetricsRegistry<never>, "text" | "contentType">;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** A running server. */
export interface HealthServer {
  readonly port: number;
  shutdown(): Promise<void>;
}

/**
 * `/healthz`: the process answers. `/readyz`: 200 or 503 with the reason. `/health`: every check as JSON, 503 if one is
 * unhealthy. `/metrics`: Prometheus text.
 *
 * Liveness and readiness never depend on a hypervisor: restarting a provider does not repair a hypervisor, and taking it
 * out of its Service would turn a typed `Unavailable` into a connection error. `/health` and the metrics tell about it.
 */
export function serveHealth(options: HealthOptions): HealthServer {
  const { clock = systemClock, log = silentLogger, checks = {}, ready = () => true } = options;
  const routes: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "/healthz": () => text(200, "ok"),
    "/readyz": () => {
      const state = ready();
      return state === true ? text(200, "ok") : text(503, state);
    },
    "/health": () => report(checks, clock),
    "/metrics": async () => {
      const { metrics } = options;
      if (metrics === undefined) return text(404, "no metrics here");
      return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
    },
  };
  const server = Deno.serve({
    port: options.port,
    hostname: options.host ?? "0.0.0.0",
    onListen: () => {},
    onError: (error) => {
      log.error("health endpoint failed", { error });
      return text(500, "internal error");
    },
  }, (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return text(405, "only GET is served");
    const { pathname } = new URL(request.url);
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    return route === undefined ? text(404, "not found") : route();
  });
  return { port: server.addr.port, shutdown: () => server.shutdown() };
}

const text = (status: number, body: string): Response => new Response(`${body}\n`, { status });

function report(checks: Readonly<Record<string, () => CheckResult>>, clock: Clock): Response {
  const timestamp = new Date(clock.now()).toISOString();
  const results = Object.entries(checks).map(([name, check]) => {
    const { status, message = "" } = check();
    return [name, { name, status, message: redactText(message), timestamp }] as const;
  });
  const count = (status: CheckResult["status"]) => results.filter(([, result]) => result.status === status).length;
  const unhealthy = count("unhealthy");
  return Response.json({
    status: unhealthy > 0 ? "unhealthy" : "healthy",
    checks: Object.fromEntries(results),
    summary: { total: results.length, healthy: count("healthy"), unhealthy, unknown: count("unknown") },
  }, { status: unhealthy > 0 ? 503 : 200 });
}
