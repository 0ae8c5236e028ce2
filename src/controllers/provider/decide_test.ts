import { assertEquals, assertNotEquals } from "@virtrigaud/deps";
import { API_VERSION, type Provider } from "@virtrigaud/api";
import { ProviderError } from "@virtrigaud/contract";
import type { Health } from "../connection/health.ts";
import { decide } from "./decide.ts";
import type { ProviderInput } from "./input.ts";

const NOW = Date.UTC(2026, 0, 1);
const healthy: Health = { type: "Healthy", hypervisor: "KVM 9", version: "1", since: NOW };

function input(change: Partial<ProviderInput> = {}, provider: Partial<Provider> = {}): ProviderInput {
  return {
    provider: {
      apiVersion: API_VERSION,
      kind: "Provider",
      metadata: { name: "kvm", namespace: "site", uid: "uid-1", generation: 1 },
      spec: {
        type: "libvirt",
        endpoint: "qemu:///system",
        runtime: { image: "provider:1", service: { tls: { enabled: false } } },
      },
      ...provider,
    },
    now: NOW,
    users: 0,
    live: {
      deployment: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, status: { readyReplicas: 1 } },
    },
    connection: { digest: "d", health: healthy },
    clientName: "manager",
    clientVersion: "1",
    clientRenewAt: NOW,
    ...change,
  };
}

const reasonOf = (status: Provider["status"]) => status?.conditions?.find(({ type }) => type === "Ready")?.reason;

Deno.test("a manager that starts says nothing of a Provider that was Ready until it knows better", () => {
  const { status } = decide(input());
  assertEquals(reasonOf(status), "ProviderReady");
  const { connection: _, ...unconnected } = input({ now: NOW + 60_000 }, { status });
  const unknown = { digest: "d", health: { type: "Unknown" } } as const;
  const starts: readonly ProviderInput[] = [
    unconnected,
    input({ connection: unknown }, { status }),
    { ...unconnected, credentials: { type: "Unknown", name: "login" } },
  ];
  for (const start of starts) assertEquals(decide(start).status, status);
});

Deno.test("what a manager that starts does find wrong with a Provider that was Ready is said", () => {
  const { status } = decide(input());
  const error = new ProviderError("Unauthorized", "the key is refused");
  const findings: Readonly<Record<string, ProviderInput>> = {
    Unauthorized: input({ connection: { digest: "d", health: { type: "Unhealthy", error, since: NOW } } }, { status }),
    CredentialsMissing: input({ credentials: { type: "Missing", name: "login" } }, { status }),
    DeploymentNotReady: input({ live: {} }, { status }),
    WatchLost: input({ connection: { digest: "d", health: healthy, lost: "the stream broke" } }, { status }),
  };
  for (const [reason, found] of Object.entries(findings)) assertEquals(reasonOf(decide(found).status), reason);
  const { connection: _, ...unconnected } = input();
  const changed = { ...status, observedGeneration: 0 };
  assertNotEquals(decide({ ...unconnected, provider: input({}, { status: changed }).provider }).status, changed);
});
