/** Entry point of `virtrigaud-manager`. @module */
import { loadKubeClient } from "@virtrigaud/kube";
import { systemClock } from "@virtrigaud/resilience";
import { observeRequests, untilPeerGone } from "@virtrigaud/runtime";
import { assertDenoVersion, createLogger, serveHealth, signalled, versionLine } from "@virtrigaud/telemetry";
import { VERSION } from "../version.ts";
import { applyCrds } from "./apply_crds.ts";
import { assembleManager } from "./assemble.ts";
import { managerMetrics } from "./metrics.ts";
import { type ManagerSettings, readManager, USAGE } from "./config.ts";

/** Runs a manager until it is told to stop. */
async function run(settings: ManagerSettings): Promise<void> {
  const log = createLogger(settings.log).with({ component: "virtrigaud-manager" });
  const metrics = managerMetrics("manager");
  const client = await loadKubeClient(settings.kube, {
    userAgent: `virtrigaud-manager/${VERSION}`,
    onRequest: observeRequests(metrics),
  });
  const role = await assembleManager({
    client,
    namespace: settings.namespace,
    identity: settings.identity,
    ...(settings.leaderElection
      ? {
        leaderElection: {
          presence: {
            ...(settings.peerAddress === undefined ? {} : { address: settings.peerAddress }),
            untilGone: (address, signal) => untilPeerGone(address, { signal }),
          },
          onLost(why) {
            // What this process had begun cannot be called back, and another may act from now on.
            log.error("leadership is lost; the process ends", { why });
            Deno.exit(1);
          },
        },
      }
      : {}),
    ...(settings.watchNamespace === undefined ? {} : { watchNamespace: settings.watchNamespace }),
    ...(settings.watchSelector === undefined ? {} : { watchSelector: settings.watchSelector }),
    ...(settings.caSecret === undefined ? {} : { caSecret: settings.caSecret }),
    ...(settings.workers === undefined ? {} : { workers: settings.workers }),
    maxTasksPerProvider: settings.maxTasksPerProvider,
    policy: settings.policy,
    log,
    metrics,
  });
  const endpoint = (port: number, withMetrics: boolean) =>
    serveHealth({ port, host: settings.host, ready: role.ready, log, ...(withMetrics ? { metrics } : {}) });
  const servers = [
    ...(settings.healthPort > 0 ? [endpoint(settings.healthPort, false)] : []),
    ...(settings.metricsPort > 0 ? [endpoint(settings.metricsPort, true)] : []),
  ];
  const stop = new AbortController();
  void signalled().then(() => {
    log.info("asked to stop");
    stop.abort();
    void signalled().then(() => Deno.exit(1));
  });
  log.info("the manager starts", { version: VERSION, namespace: settings.namespace, identity: settings.identity });
  await role.run(stop.signal);
  await Promise.all(servers.map((server) => server.shutdown()));
  client.close();
}

if (import.meta.main) {
  assertDenoVersion();
  try {
    const request = readManager(Deno.args, (name) => Deno.env.get(name));
    switch (request.type) {
      case "Version":
        console.log(versionLine("virtrigaud-manager"));
        break;
      case "Help":
        console.log(USAGE);
        break;
      case "ApplyCrds": {
        const { kube, log } = request.settings;
        const client = await loadKubeClient(kube, { userAgent: `virtrigaud-crds/${VERSION}` });
        await applyCrds({ client, clock: systemClock, log: createLogger(log).with({ component: "virtrigaud-crds" }) });
        break;
      }
      case "Run":
        await run(request.settings);
    }
    Deno.exit(0);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
