/** What is refused, and what is waited for. @module */
import { assert, assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { until } from "@virtrigaud/resilience";
import { badInputs } from "../../compat/bad_input.ts";
import type { Case } from "../support/case.ts";
import type { Printed } from "../support/kubectl.ts";
import {
  catalog,
  isReady,
  machine,
  newHypervisor,
  object,
  providerObjects,
  ready,
  readyOf,
  secret,
  when,
} from "../support/manifests.ts";

/** Every how many bad manifests one is sent to a server; the unit tests send all of them to the schemas. */
const SAMPLE = 12;

/** Cases about input that cannot be worked with, or not yet. */
export const input: readonly Case[] = [
  {
    name: "manifests that break a rule are refused by the server, which names the field",
    async run(world) {
      const kubectl = await world.namespace("refused");
      const bad = badInputs().filter((_, index) => index % SAMPLE === 0);
      const manifests = bad.map(({ manifest }, index) => ({
        ...manifest,
        metadata: { ...manifest.metadata, name: `bad-${index}`, namespace: "refused" },
      }));
      // The server decides here, not what kubectl knows of the schema.
      const { code, out, err } = await kubectl.run(["create", "--validate=false", "-f", "-"], manifests);
      assertEquals(code, 1);
      assertEquals(out, "", "accepted");
      const refusals = new Map(
        err.split(/^(?=The |Error from server|error)/m).map((text) =>
          [/"(bad-\d+)"/.exec(text)?.[1] ?? "", text] as const
        ),
      );
      const unnamed = bad.flatMap(({ kind, name, field, message = "" }, index) => {
        const text = refusals.get(`bad-${index}`) ?? "";
        return text.includes(field) && text.includes(message) ? [] : [{ kind, name, field, message, text }];
      });
      assertEquals(unnamed, []);
    },
  },
  {
    name: "whatever is missing is named, and the VM goes on by itself when it appears",
    async run(world) {
      const kubectl = await world.namespace("missing");
      const hypervisor = newHypervisor(world);
      const [credentials, provider] = providerObjects(world, hypervisor);
      const later = catalog(world.canary.word);
      const rest = (...kinds: string[]) => later.filter(({ kind }) => kinds.includes(kind));
      const says = (...texts: string[]) =>
        when(kubectl, "vm", "web", `to say ${texts.join(", ")}`, (vm) => {
          const condition = readyOf(vm);
          return condition?.status === "False" && texts.every((text) => condition.message.includes(text));
        });

      await kubectl.apply(machine("web"));
      await says('Provider "mock" does not exist', 'VMClass "small" does not exist', 'VMImage "debian" does not exist');
      await kubectl.apply(provider);
      await when(
        kubectl,
        "provider",
        "mock",
        "to say that its credentials are missing",
        (object) => readyOf(object)?.message.includes('Secret "credentials" does not exist') === true,
      );
      await kubectl.apply(credentials);
      await ready(kubectl, "provider", "mock");
      await kubectl.apply(...rest("VMImage"));
      await says('VMClass "small" does not exist', 'VMNetworkAttachment "lan" does not exist');
      await kubectl.apply(...rest("VMNetworkAttachment"));
      await says('spec.classRef: VMClass "small" does not exist', 'Secret "user-data" does not exist');
      await kubectl.apply(...rest("Secret"));
      const waiting = await says('VMClass "small" does not exist');
      assert(!readyOf(waiting)?.message.includes("user-data") || !isReady(waiting));
      assertEquals(waiting.status.phase, "Pending");
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.apply(...rest("VMClass"));
      const { metadata: { uid } } = await ready(kubectl, "vm", "web", ({ status }) => status.ips?.length > 0);
      assert(await hypervisor.vmOf(uid) !== undefined);

      // A reference that is changed to nothing is told, and taken back without a trace.
      await kubectl.patch("vm", "web", { spec: { classRef: { name: "none" } } });
      await says('VMClass "none" does not exist');
      assertEquals((await hypervisor.vmOf(uid))?.power, "On");
      await kubectl.apply(object("VMClass", "none", { cpu: 4, memory: "1Gi" }));
      await ready(kubectl, "vm", "web", ({ status }) => status.currentResources?.cpu === 4, "to have the new class");

      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
  {
    name: "what is in use stays until it is not, and a provider that is gone holds its VMs",
    async run(world) {
      const kubectl = await world.namespace("in-use");
      const hypervisor = newHypervisor(world);
      await kubectl.apply(...providerObjects(world, hypervisor), ...catalog(world.canary.word), machine("web"));
      await ready(kubectl, "vm", "web");
      const kinds = { provider: "mock", vmclass: "small", vmimage: "debian", vmnetworkattachment: "lan" };
      for (const [kind, name] of Object.entries(kinds)) {
        await kubectl.ok(["delete", kind, name, "--wait=false"]);
      }
      for (const [kind, name] of Object.entries(kinds)) {
        const held = await when(
          kubectl,
          kind,
          name,
          "to say that it is in use",
          (object) => readyOf(object)?.status === "False",
        );
        assertStringIncludes(readyOf(held)?.message ?? "", "VirtualMachine");
      }
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      // The provider may go with its last VM.
      assertEquals(await hypervisor.oursOnDisk(), []);
      for (const [kind, name] of Object.entries(kinds)) {
        await until(`${kind} ${name} to go`, async () => await kubectl.find(kind, name) === undefined);
      }
    },
  },
  {
    name: "credentials that change reach the provider; user-data that changes reaches the machine, and names no secret",
    async run(world) {
      const kubectl = await world.namespace("rotate");
      const hypervisor = newHypervisor(world);
      await kubectl.apply(...providerObjects(world, hypervisor), ...catalog(world.canary.word), machine("web"));
      await ready(kubectl, "vm", "web", ({ status }) => status.ips?.length > 0);
      const effects = (await hypervisor.effects()).length;
      await kubectl.apply(secret("credentials", { username: "operator", password: `${world.canary.word}-2` }));
      const mounted = `${world.stage.runnerFolder}/pods`;
      await until("the new credentials to be mounted", async () => {
        for await (const path of files(mounted)) {
          if (path.endsWith("/password") && (await Deno.readTextFile(path)).endsWith("-2")) return true;
        }
        return false;
      });
      await ready(kubectl, "provider", "mock");
      await ready(kubectl, "vm", "web");
      // The new credentials come with a new process.
      const after = await until("the provider to answer again", () => hypervisor.effects());
      assertEquals(after.length, effects, "the machine was touched");
      await kubectl.apply(secret("user-data", { userdata: `#cloud-config\npassword: ${world.canary.word}-3\n` }));
      const isReplaced = (vm: Printed) => vm.status?.userData?.change === "Replaced" && isReady(vm);
      await when(kubectl, "vm", "web", "to have other user-data", isReplaced);
      const since = (await hypervisor.effects()).slice(effects).map(({ type }) => type);
      assertEquals(since, ["Reconfigured"], "it is replaced once and without an outage");
      await world.search();
      await kubectl.ok(["delete", "vm", "web", "--timeout=90s"]);
      assertEquals(await hypervisor.leftovers(), []);
      await kubectl.ok(["delete", "provider", "mock", "--timeout=90s"]);
    },
  },
];

async function* files(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* files(path);
    else if (entry.isFile) yield path;
  }
}
