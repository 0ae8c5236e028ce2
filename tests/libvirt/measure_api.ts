/** What an administrator sees at the API: manager, API server and the libvirt provider as processes, a real host. @module */
import { API_VERSION, kindNamed } from "@virtrigaud/api";
import { PROVIDERS, VIRTUAL_MACHINES } from "@virtrigaud/controllers";
import { resourceType, SECRETS } from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { startHypervisor } from "../rigs/libvirt/mod.ts";
import { NAMESPACE } from "../scale/fleet.ts";
import { percentile } from "../scale/statistics.ts";
import { LOOKS, World } from "../scale/world.ts";
import { secretOf } from "./measure.ts";

const VM = "web";

const object = (kind: string, name: string, spec: Record<string, unknown>) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { namespace: NAMESPACE, name },
  spec,
});

/**
 * A VM from its creation to `powerState: On`; then, `events` times, from just before `virsh destroy` is run until a watch
 * of the administrator sees `Stopped`, after which the manager has it running again.
 */
export async function measureAtApi(events: number) {
  await using host = await startHypervisor();
  await using world = await World.start({ providers: 0 });
  const apply = (kind: string, name: string, spec: Record<string, unknown>) =>
    world.client.apply(
      resourceType(kindNamed(kind)),
      object(kind, name, spec),
      { fieldManager: "bench", force: true },
    );
  await world.client.create(SECRETS, {
    metadata: { namespace: NAMESPACE, name: "ssh" },
    type: "Opaque",
    stringData: secretOf(host),
  });
  await apply("Provider", "host", {
    type: "libvirt",
    endpoint: host.uri,
    credentialSecretRef: { name: "ssh" },
    rateLimit: { qps: 1000, burst: 2000 },
    runtime: { image: "ghcr.io/projectbeskar/virtrigaud/provider-libvirt:v0.1.0" },
  });
  await apply("VMClass", "tiny", { cpu: 1, memory: "128Mi" });
  await apply("VMImage", "tiny", {
    source: { libvirt: { path: `${host.pool}/${host.imageVolume}`, format: "qcow2" } },
  });
  await until("the Provider to be Ready", async () => {
    const { items } = await world.client.list(PROVIDERS);
    return items.some(({ status }) => status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"));
  }, LOOKS);
  const power = () => world.fleet.get(VM)?.status?.powerState;
  const phase = () => world.fleet.get(VM)?.status?.phase;
  const begin = performance.now();
  await world.client.create(VIRTUAL_MACHINES, {
    apiVersion: API_VERSION,
    kind: "VirtualMachine",
    metadata: { namespace: NAMESPACE, name: VM },
    spec: { providerRef: { name: "host" }, classRef: { name: "tiny" }, imageRef: { name: "tiny" }, powerState: "On" },
  });
  const running = await world.fleet.until("the VM runs", () => power() === "On");
  const times: number[] = [];
  const virshTimes: number[] = [];
  for (let index = 0; index < events; index++) {
    const start = performance.now();
    const seen = world.fleet.until("the VM is seen stopped", () => phase() === "Stopped", 60_000);
    const destroyed = host.virsh("destroy", VM).then(() => performance.now());
    const [end, virsh] = await Promise.all([seen, destroyed]);
    times.push(end - start);
    virshTimes.push(virsh - start);
    await world.fleet.until("the VM runs again", () => power() === "On", 60_000);
  }
  return {
    createMs: running - begin,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    max: Math.max(...times),
    virshP50: percentile(virshTimes, 0.5),
  };
}
