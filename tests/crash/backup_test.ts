/** Back-up and restore of a whole site, as docs/standalone.md has it. @module */
import { kindNamed, type VirtualMachine } from "@virtrigaud/api";
import { assertEquals } from "@virtrigaud/deps";
import { type ResourceType, SECRETS, type UntypedObject } from "@virtrigaud/kube";
import { until } from "@virtrigaud/resilience";
import { join } from "node:path";
import { type Site, startSite } from "../../src/cmd/standalone/site.ts";
import { baseEnv } from "../e2e/support/config.ts";
import { MockHypervisor } from "../e2e/support/mock_hypervisor.ts";

const MACHINES: ResourceType<VirtualMachine> = kindNamed("VirtualMachine");
const at = (name: string) => ({ namespace: "default", name });

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed`);
}

async function create({ client }: Site, kind: string, name: string, spec: unknown): Promise<void> {
  await client.create(kindNamed(kind), { metadata: at(name), spec } as UntypedObject);
}

const createMachine = (site: Site, name: string) =>
  create(site, "VirtualMachine", name, {
    providerRef: { name: "mock" },
    classRef: { name: "small" },
    imageRef: { name: "tiny" },
  });

/** Waits until Ready of a VM has this reason for its present spec. */
async function reaches({ client }: Site, name: string, reason: string): Promise<VirtualMachine> {
  let seen: VirtualMachine | undefined;
  return await until(`${name} to be ${reason}`, async () => {
    seen = await client.find(MACHINES, at(name));
    return seen?.status?.conditions?.some((each) => each.type === "Ready" && each.reason === reason) && seen;
  }, { seen: () => JSON.stringify(seen?.status) });
}

Deno.test("a restored folder is the site of the backup, and no virtual machine is made or deleted because of it", async () => {
  const home = await Deno.makeTempDir();
  const [folder, backup] = [join(home, "site"), join(home, "backup")];
  const hypervisor = new MockHypervisor(join(home, "hypervisor.jsonl"));
  const start = () => startSite({ folder, baseEnv: baseEnv() });
  const names = async () => (await hypervisor.ours()).map(({ name }) => name).sort();
  try {
    const first = await start();
    await first.client.create(SECRETS, { metadata: at("mock"), stringData: { username: "u", password: "p" } });
    const env = {
      MOCK_CONTROL_PORT: `${hypervisor.port}`,
      MOCK_STATE_FILE: hypervisor.stateFile,
      MOCK_TASK_LATENCY: "50",
    };
    await create(first, "Provider", "mock", {
      type: "mock",
      endpoint: "mock://localhost",
      credentialSecretRef: { name: "mock" },
      runtime: {
        image: "example.com/provider-mock:v1",
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
      },
    });
    await create(first, "VMClass", "small", { cpu: 1, memory: "1Gi" });
    await create(first, "VMImage", "tiny", { source: { vsphere: { templateName: "tiny" } } });
    for (const name of ["kept", "dropped"]) await createMachine(first, name);
    const { status } = await reaches(first, "kept", "ReconcileSuccess");
    await reaches(first, "dropped", "ReconcileSuccess");
    await first.stop();
    const kubeconfig = await Deno.readTextFile(join(folder, "kubeconfig"));
    await run("cp", "-a", folder, backup);

    const second = await start();
    await createMachine(second, "late");
    await reaches(second, "late", "ReconcileSuccess");
    await second.client.delete(MACHINES, at("dropped"));
    await until("dropped to be gone", async () => await second.client.find(MACHINES, at("dropped")) === undefined);
    assertEquals(await names(), ["kept", "late"]);
    await second.stop();

    await run("rm", "-r", folder);
    await run("cp", "-a", backup, folder);
    const restored = await start();
    try {
      await reaches(restored, "dropped", "Missing");
      assertEquals((await reaches(restored, "kept", "ReconcileSuccess")).status?.id, status?.id);
      assertEquals(await restored.client.find(MACHINES, at("late")), undefined);
      assertEquals(await names(), ["kept", "late"]);
      const made = (await hypervisor.effects()).filter(({ type }) => type === "VmCreated");
      assertEquals(made.map(({ detail }) => detail).sort(), ["dropped", "kept", "late"]);
      const token = (text: string) => /token: (\S+)/.exec(text)?.[1];
      assertEquals(token(await Deno.readTextFile(join(folder, "kubeconfig"))), token(kubeconfig));
    } finally {
      await restored.stop();
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
