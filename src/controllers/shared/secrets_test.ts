import { assertEquals } from "@virtrigaud/deps";
import { KubeClient } from "@virtrigaud/kube";
import { FakeApiServer } from "@virtrigaud/kube/testing";
import { FakeClock } from "@virtrigaud/resilience";
import { SecretSource } from "./secrets.ts";

const named = (name: string) => ({ namespace: "default", name });

Deno.test("beyond so many watches Secrets that can wait are looked at by turns, and one that cannot is watched", async () => {
  const clock = new FakeClock();
  const server = new FakeApiServer({ clock });
  const client = new KubeClient({ connection: server.connection(), clock, random: () => 0 });
  const end = new AbortController();
  const secrets = new SecretSource(client, { client, clock, random: () => 0 }, end.signal, 2);
  const at = (name: string) => ({ ...named(name), collection: "/api/v1/secrets" });
  for (const name of ["a", "b", "c"]) server.store.create(at(name), { metadata: named(name), data: {} });
  const told = new Set<string>();
  const heard = () => {
    const all = [...told].sort();
    told.clear();
    return all;
  };
  const follow = (name: string, who: string, patient: boolean) =>
    secrets.follow(named(name), who, () => told.add(`${who} ${name}`), { patient });
  for (const name of ["a", "b", "c"]) follow(name, "vm", true);
  await clock.advance(50);
  assertEquals(["a", "b", "c"].map((name) => secrets.known(named(name))), [true, true, false]);
  await clock.advance(50);
  assertEquals(heard(), ["vm a", "vm b", "vm c"]);

  const changed = (name: string) => {
    const { metadata, ...rest } = server.store.get(at(name));
    server.store.update(at(name), { ...rest, metadata, data: { key: btoa(crypto.randomUUID()) } });
  };
  changed("a");
  changed("c");
  await clock.advance(1_000);
  assertEquals(heard(), ["vm a"]);
  await clock.advance(60_000);
  assertEquals(heard(), ["vm c"]);

  // A Provider whose credentials it is has no minute to lose; whoever followed it before hears of it as fast.
  follow("c", "provider", false);
  await clock.advance(100);
  heard();
  changed("c");
  await clock.advance(100);
  assertEquals(heard(), ["provider c", "vm c"]);

  for (const name of ["a", "b", "c"]) secrets.drop(named(name), "vm");
  secrets.drop(named("c"), "provider");
  end.abort();
  await clock.advance(60_000);
  await secrets.stopped();
  server.close();
  assertEquals(clock.pending, 0);
});
