import { assert, assertEquals } from "@virtrigaud/deps";
import type { KubeClient, KubeObject, ObjectName } from "@virtrigaud/kube";
import { FakeClock } from "@virtrigaud/resilience";
import { SecretPatrol } from "./followed_secret.ts";

/** An API server that has Secrets at some version, and counts how often it was asked for each. */
class Server {
  readonly versions = new Map<string, string>();
  readonly asked: string[] = [];
  broken = false;

  readonly find = ((_resource: unknown, { name }: ObjectName): Promise<KubeObject | undefined> => {
    this.asked.push(name);
    if (this.broken) return Promise.reject(new Error("500"));
    const resourceVersion = this.versions.get(name);
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, ...(resourceVersion && { resourceVersion }) },
    };
    return Promise.resolve(resourceVersion === undefined ? undefined : secret);
  }) as KubeClient["find"];
}

function patrolOf(server: Server) {
  const clock = new FakeClock();
  const end = new AbortController();
  const patrol = new SecretPatrol(server, { clock, signal: end.signal });
  return { clock, patrol, end };
}

Deno.test("Secrets that are not watched are looked at by turns, and who follows one is told when it changed", async () => {
  const server = new Server();
  server.versions.set("a", "1");
  const { clock, patrol, end } = patrolOf(server);
  const [a, b] = [patrol.enter({ name: "a" }), patrol.enter({ name: "b" })];
  const told: string[] = [];
  a.add("vm", () => told.push(`a ${a.version}`));
  b.add("vm", () => told.push(`b ${b.version}`));
  assertEquals([a.synced, b.synced], [false, false]);
  await clock.advance(200);
  assertEquals([told, a.synced, b.synced], [["a 1", "b undefined"], true, true]);
  await clock.advance(120_000);
  assertEquals(told.length, 2, "told although nothing has changed");
  server.versions.set("a", "2");
  server.versions.set("b", "3");
  await clock.advance(60_000);
  assertEquals(told.slice(2).sort(), ["a 2", "b 3"]);
  end.abort();
  await patrol.stopped();
  assertEquals(clock.pending, 0);
});

Deno.test("a minute for each where they are few, ten looks a second where they are many, new ones first", async () => {
  const server = new Server();
  const { clock, patrol, end } = patrolOf(server);
  const few = patrol.enter({ name: "few" });
  await clock.advance(100);
  await clock.advance(600_000);
  assertEquals(server.asked.length, 11);
  for (let index = 0; index < 1_000; index++) patrol.enter({ name: `many-${index}` }).add("vm", () => {});
  await clock.advance(100_000);
  server.asked.length = 0;
  patrol.enter({ name: "new" });
  await clock.advance(1_000);
  assertEquals(server.asked[0], "new");
  assert(server.asked.length <= 10, `${server.asked.length} looks in a second`);
  few.remove("nobody");
  end.abort();
  await patrol.stopped();
  assertEquals(clock.pending, 0);
});

Deno.test("an API server that fails is asked again in turn; what nobody follows any more is not looked at", async () => {
  const server = new Server();
  server.broken = true;
  const { clock, patrol } = patrolOf(server);
  const a = patrol.enter({ name: "a" });
  a.add("vm", () => {});
  await clock.advance(60_100);
  assertEquals([server.asked.length, a.synced], [2, false]);
  server.broken = false;
  await clock.advance(60_000);
  assertEquals(a.synced, true);
  assert(a.remove("vm"));
  await clock.advance(600_000);
  assertEquals(server.asked.length, 3);
  assertEquals(clock.pending, 0);
});
