import { assert, assertEquals, assertMatch, assertNotEquals } from "@virtrigaud/deps";
import type { UntypedObject } from "@virtrigaud/kube";
import { inWorld, World } from "./world.ts";

const NAME = "virtrigaud-provider-default-p";
const TLS = { runtime: { image: "provider:1" } };
const deployment = (world: World) => world.get("Deployment", NAME);
const template = (world: World) =>
  (deployment(world)?.spec as { template: { metadata: { annotations: Record<string, string> } } } | undefined)
    ?.template;
const caughtUp = (world: World) => world.provider()?.status?.phase === "Ready";

async function empty(test: (world: World) => Promise<void>): Promise<void> {
  await inWorld(test, { empty: true });
}

Deno.test("a Provider gets its objects, a connection and a truthful status, and then there is silence", () =>
  empty(async (world) => {
    world.newProvider();
    await world.until(() => world.ready("Provider", "p") === "True ProviderReady");
    await world.calm();
    const { status } = world.provider() ?? {};
    assertEquals([status?.phase, status?.healthy, status?.connectedVMs], ["Ready", true, 0]);
    assertEquals(status?.runtime?.endpoint, `${NAME}.default.svc.cluster.local:9443`);
    assertEquals(status?.tls, { mode: "Disabled" });
    assertEquals(status?.reportedCapabilities?.supportsSnapshots, true);
    assertEquals(world.dialed.map(({ tls }) => tls), ["Plaintext"]);
    assertEquals(await world.quiet(3_600_000), []);
    assertEquals(world.events("p").at(-1), "ProviderReady");
  }));

Deno.test("certificates are issued, renewed before they expire, and issued anew by another authority", () =>
  empty(async (world) => {
    world.newProvider("p", TLS);
    await world.until(() => caughtUp(world));
    assertEquals(world.dialed.at(-1)?.tls, "Mutual");
    assertEquals(world.certificates.issued, [[
      `${NAME}.default.svc.cluster.local`,
      `${NAME}.default.svc`,
      `${NAME}.default`,
      NAME,
    ]]);
    const secret = () => world.get("Secret", `${NAME}-tls`)?.metadata.resourceVersion;
    const first = secret();
    const minute = 60_000;
    await world.clock.advance(179 * minute);
    assertEquals([secret(), world.dialed.length], [first, 1]);
    await world.clock.advance(2 * minute);
    assertEquals(world.dialed.length, 2, "the client's certificate is renewed, and opens a new connection");
    assertEquals(world.dialed[0]?.closed, true);
    await world.clock.advance(180 * minute);
    assertNotEquals(secret(), first);
    assertEquals(world.certificates.issued.length, 2);
    world.certificates.ca = "ca-2";
    const dialed = world.dialed.length;
    await world.clock.advance(181 * minute);
    await world.until(() => world.certificates.issued.length === 3);
    await world.until(() => caughtUp(world));
    const data = world.get("Secret", `${NAME}-tls`)?.["data"] as Record<string, string> | undefined;
    assertEquals(atob(data?.["ca.crt"] ?? ""), "ca-2");
    assertEquals(world.dialed.length, dialed + 1, "one new connection, and the manager was not restarted");
    await world.calm();
    assertEquals(await world.quiet(60_000), []);
  }));

Deno.test("a Secret for TLS is waited for by name, is judged, and another version opens another connection", () =>
  empty(async (world) => {
    const service = { tls: { secretRef: { name: "own-tls" } } };
    world.newProvider("p", { runtime: { image: "provider:1", service } });
    await world.until(() => world.ready("Provider", "p") === "False TLSSecretMissing");
    assertMatch(world.provider()?.status?.message ?? "", /"own-tls"/);
    assertEquals(deployment(world), undefined);
    world.create("Secret", "own-tls", { data: { "tls.crt": btoa("?") } });
    await world.until(() => world.ready("Provider", "p") === "False TLSSecretInvalid");
    const address = { collection: "/api/v1/secrets", namespace: "default", name: "own-tls" };
    const certificate = (notAfter: number) => btoa(JSON.stringify({ names: ["x"], notAfter }));
    const put = (data: Record<string, string>) =>
      world.server.store.update(address, { ...world.server.store.get(address), data } as unknown as UntypedObject);
    put({ "tls.crt": certificate(1), "tls.key": btoa("k"), "ca.crt": btoa("theirs") });
    await world.until(() => caughtUp(world));
    put({ "tls.crt": certificate(2), "tls.key": btoa("k"), "ca.crt": btoa("theirs") });
    await world.until(() => world.dialed.length === 2 && caughtUp(world));
    assertEquals(world.dialed.map(({ closed }) => closed), [true, false]);
    assertEquals(world.certificates.issued, []);
  }));

Deno.test("credentials are waited for by name, and new ones make new pods", () =>
  empty(async (world) => {
    world.newProvider("p", { credentialSecretRef: { name: "login" } });
    await world.until(() => world.ready("Provider", "p") === "False CredentialsMissing");
    assertMatch(world.provider()?.status?.message ?? "", /credentialSecretRef: Secret "login"/);
    assertEquals(await world.quiet(3_600_000), []);
    world.create("Secret", "login", { data: { username: btoa("a") } });
    await world.until(() => caughtUp(world));
    const before = template(world)?.metadata.annotations;
    const address = { collection: "/api/v1/secrets", namespace: "default", name: "login" };
    world.server.store.update(address, { ...world.server.store.get(address), data: { username: btoa("b") } });
    await world.until(() => JSON.stringify(template(world)?.metadata.annotations) !== JSON.stringify(before));
    assertNotEquals(template(world)?.metadata.annotations["virtrigaud.io/credentials-version"], undefined);
    assertEquals(JSON.stringify(world.server.store.list("/apis/apps/v1/deployments")).includes(btoa("b")), false);
  }));

Deno.test("health follows its thresholds, and a sick Provider is told from one that is away for a moment", () =>
  empty(async (world) => {
    const healthCheck = { interval: "10s", failureThreshold: 3, successThreshold: 2 };
    world.newProvider("p", { healthCheck });
    await world.until(() => caughtUp(world));
    await world.calm();
    const { faults } = world.site();
    const error = { type: "Error", class: "Unauthorized", message: "wrong password" } as const;
    faults.add({ method: "validate", at: "before", fault: error, times: 2 });
    assertEquals(await world.quiet(30_000), []);
    faults.add({ method: "validate", at: "before", fault: error, times: 3 });
    await world.until(() => world.provider()?.status?.healthy === false);
    const { status } = world.provider() ?? {};
    assertEquals([status?.phase, world.ready("Provider", "p")], ["Unhealthy", "False Unauthorized"]);
    assertMatch(status?.message ?? "", /wrong password/);
    const since = status?.lastHealthCheck;
    await world.until(() => caughtUp(world));
    assertNotEquals(world.provider()?.status?.lastHealthCheck, since);
    await world.calm();
    assertEquals(await world.quiet(600_000), []);
  }));

Deno.test("another port opens another connection, and a Deployment that somebody changed is put right", () =>
  empty(async (world) => {
    world.newProvider();
    await world.until(() => caughtUp(world));
    world.patch("Provider", "p", {
      runtime: { image: "provider:1", service: { port: 9555, tls: { enabled: false } } },
    });
    await world.until(() => world.dialed.length === 2);
    assertMatch(world.dialed[1]?.address ?? "", /:9555$/);
    await world.until(() => world.dialed[0]?.closed === true);
    await world.calm();
    const replicas = () => (deployment(world)?.spec as { replicas?: number } | undefined)?.replicas;
    const address = { collection: "/apis/apps/v1/deployments", namespace: "default", name: NAME };
    const live = world.server.store.get(address);
    world.server.store.update(address, { ...live, spec: { ...live.spec as object, replicas: 5 } } as UntypedObject);
    assertEquals(replicas(), 5);
    await world.until(() => replicas() === 1);
  }));

Deno.test("a Provider in use stays at work until its last VM is gone, even when the manager starts anew", () =>
  inWorld(async (world) => {
    world.newVm();
    await world.untilReady();
    await world.until(() => (world.provider()?.metadata.finalizers ?? []).length > 0);
    world.delete("Provider", "p");
    await world.until(() => world.ready("Provider", "p") === "False InUse");
    assertEquals(world.provider()?.status?.phase, "Deleting");
    await world.stop();
    world.start();
    world.delete("VirtualMachine", "web");
    await world.until(() => world.vm() === undefined);
    await world.until(() => world.provider() === undefined);
    assertEquals(world.site().hypervisor.vms, []);
    assertEquals(world.dialed.every(({ closed }) => closed), true);
  }));

Deno.test("a Provider without VMs goes at once, and its connection with it", () =>
  inWorld(async (world) => {
    world.delete("Provider", "p");
    await world.until(() => world.provider() === undefined && world.dialed[0]?.closed === true);
  }));

Deno.test("what can never run says so: reserved types, foreign namespaces, unreadable times", async (t) => {
  const cases: readonly [Record<string, unknown>, string, RegExp][] = [
    [{ type: "qemu" }, "False UnsupportedType", /spec\.type: is a reserved name/],
    [
      { credentialSecretRef: { name: "x", namespace: "other" } },
      "False InvalidConfiguration",
      /credentialSecretRef\.namespace: pods can only/,
    ],
    [{ healthCheck: { interval: "soon" } }, "False InvalidConfiguration", /spec\.healthCheck\.interval/],
  ];
  for (const [spec, ready, says] of cases) {
    await t.step(ready + says.source, () =>
      empty(async (world) => {
        world.newProvider("p", spec);
        await world.until(() => world.ready("Provider", "p") === ready);
        const { status } = world.provider() ?? {};
        assertMatch(status?.message ?? "", says);
        assertEquals([status?.phase, status?.conditions?.some(({ type }) => type === "Stalled")], ["Failed", true]);
        await world.calm();
        assertEquals(await world.quiet(), []);
      }));
  }
});

Deno.test("fifty new VMs are one write of a count, not fifty", () =>
  inWorld(async (world) => {
    world.newVm("first");
    await world.untilReady("first");
    await world.calm();
    const before = world.writes("providers").length;
    const classes = world.writes("vmclasses").length;
    for (let i = 0; i < 50; i++) world.newVm(`vm-${i}`);
    await world.until(() => world.provider()?.status?.connectedVMs === 51);
    await world.calm();
    assertEquals(world.writes("providers").length - before, 1);
    assert(world.writes("vmclasses").length - classes <= 2);
  }));
