import { assertEquals, assertRejects } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { procedure } from "./client/procedures.ts";
import { errorCode } from "./client/errors.ts";
import { type AgentAnswer, GuestAgents, publicAddresses } from "./guest.ts";
import { FakeLibvirtd } from "./testing/fake_libvirtd.ts";

const web = { name: "web", uuid: "11111111-2222-4333-8444-555555555555", id: 3 };
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** Asks while the server answers the agent's question with `answer` or refuses it. */
async function ask(server: FakeLibvirtd, agents: GuestAgents, answer?: Record<string, string | number>) {
  const asked = agents.ask(web);
  asked.catch(() => {});
  for (let turn = 0; turn < 4; turn++) {
    await settle();
    const call = server.calls.at(-1);
    if (call?.procedure === procedure.domainAgentSetResponseTimeout) server.reply(call, (w) => w.i32(0));
    else if (answer === undefined) server.refuse(call, errorCode.agentUnresponsive, "agent not available");
    else {
      server.reply(
        call,
        (w) =>
          w.list(
            Object.entries(answer),
            (x, [key, value]) =>
              typeof value === "number" ? x.string(key).i32(2).u32(value) : x.string(key).i32(7).string(value),
          ),
      );
    }
  }
  return await asked;
}

Deno.test("an answer gives host name, system and addresses by card", async () => {
  const server = new FakeLibvirtd();
  const agents = new GuestAgents(server.connection, server.clock);
  const answer: AgentAnswer | undefined = await ask(server, agents, {
    hostname: "web",
    "os.pretty-name": "Debian",
    "if.count": 2,
    "if.0.name": "lo",
    "if.1.hwaddr": "52:54:00:AA:00:01",
    "if.1.addr.count": 2,
    "if.1.addr.0.addr": "10.0.0.5",
    "if.1.addr.1.addr": "fe80::1",
  });
  assertEquals(answer, {
    hostname: "web",
    os: "Debian",
    addresses: new Map([["52:54:00:aa:00:01", ["10.0.0.5", "fe80::1"]]]),
  });
  server.connection.close();
});

Deno.test("an agent that hangs is left alone for a while, or until it comes back", async () => {
  const server = new FakeLibvirtd();
  const agents = new GuestAgents(server.connection, server.clock);
  assertEquals(await ask(server, agents), undefined);
  const asked = server.calls.length;
  assertEquals(await agents.ask(web), undefined);
  assertEquals(server.calls.length, asked, "no second question");
  agents.welcome(web.uuid);
  assertEquals((await ask(server, agents, { hostname: "web" }))?.hostname, "web");
  assertEquals(await ask(server, agents), undefined);
  await server.clock.advance(30_000);
  assertEquals(await ask(server, agents), undefined);
  await server.clock.advance(30_000);
  assertEquals(
    await ask(server, agents, { hostname: "web" }),
    undefined,
    "the second time it is left alone for longer",
  );
  await server.clock.advance(30_000);
  assertEquals((await ask(server, agents, { hostname: "web" }))?.hostname, "web");
  server.connection.close();
  assertEquals((await assertRejects(() => agents.ask(web), ProviderError)).class, "Unavailable");
});

Deno.test("an answer with an address holds for five seconds of one run, unless something happens", async () => {
  const server = new FakeLibvirtd();
  const agents = new GuestAgents(server.connection, server.clock);
  const answer = (hostname: string) => ({
    hostname,
    "if.count": 1,
    "if.0.hwaddr": "52:54:00:aa:00:01",
    "if.0.addr.count": 1,
    "if.0.addr.0.addr": "10.0.0.5",
  });
  assertEquals((await ask(server, agents, answer("one")))?.hostname, "one");
  const asked = server.calls.length;
  assertEquals((await agents.ask(web))?.hostname, "one");
  assertEquals(server.calls.length, asked, "no second question");
  agents.renew(web.uuid);
  assertEquals((await ask(server, agents, answer("two")))?.hostname, "two");
  await server.clock.advance(5_000);
  assertEquals((await ask(server, agents, answer("three")))?.hostname, "three");
  const next = agents.ask({ ...web, id: 4 });
  await settle();
  assertEquals(server.calls.at(-1)?.procedure, procedure.domainAgentSetResponseTimeout, "the next run is asked anew");
  server.connection.close();
  await assertRejects(() => next, ProviderError);
});

Deno.test("addresses that mean nothing outside are left out, IPv4 comes first", () => {
  assertEquals(
    publicAddresses(["fd00::5", "127.0.0.1", "::1", "fe80::1", "169.254.1.1", "10.0.0.5", "10.0.0.5", "0.0.0.0"]),
    ["10.0.0.5", "fd00::5"],
  );
});
