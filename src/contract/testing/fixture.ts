/** A provider whose answers a test sets, and a client that talks to it over a real channel on loopback. @module */
import { rpcs } from "../codec/rpcs.ts";
import { ProviderError } from "../errors.ts";
import type { MachineSpec, ObservedMachine } from "../machine.ts";
import type { CallContext, Operation, Provider } from "../provider.ts";
import { type ConnectOptions, connectProvider, type ProviderConnection } from "../client/mod.ts";
import { type ProviderServer, type ServeOptions, serveProvider } from "../server/mod.ts";

/** A provider that answers what `answers` says and `NotSupported` to everything else. */
export function scriptedProvider(answers: Partial<Provider>): Provider {
  const refuse = (method: string) => () =>
    Promise.reject(new ProviderError("NotSupported", `${method} is not scripted in this test`));
  const refusals = Object.fromEntries([...Object.keys(rpcs), "watch"].map((method) => [method, refuse(method)]));
  return { ...refusals, ...answers } as unknown as Provider;
}

/** A context with an id and, if none is given, a signal that never fires. */
export const callContext = (signal: AbortSignal = new AbortController().signal): CallContext => ({
  signal,
  requestId: "test-request",
});

/** An operation; the id names it. */
export const operation = (id = "op-1", fence = 1): Operation => ({
  id,
  fence,
  ownerUid: "uid-1",
  owner: "default/vm-1",
});

/** A small wish. */
export const machineSpec: MachineSpec = {
  name: "vm-1",
  hardware: { cpus: 2, memoryMib: 2048, firmware: "UEFI" },
  image: { type: "Blank" },
  rootDisk: { sizeGib: 10 },
  disks: [],
  nics: [],
  tags: [],
};

/** A small report. */
export const machine: ObservedMachine = {
  id: "1",
  name: "vm-1",
  ownerUid: "uid-1",
  power: "On",
  cpus: 2,
  memoryMib: 2048,
  disks: [],
  nics: [],
  ips: ["192.0.2.7"],
  guest: { agent: "Running" },
  pendingPowerCycle: [],
  details: {},
};

/** A served provider and a client of it; disposing closes both. */
export interface Loopback extends AsyncDisposable, ProviderConnection {
  readonly server: ProviderServer;
}

/** Serves `answers` on a free port of 127.0.0.1 and connects to it. */
export async function loopback(
  answers: Partial<Provider>,
  options: { readonly serve?: Partial<ServeOptions>; readonly connect?: Partial<ConnectOptions> } = {},
): Promise<Loopback> {
  const server = await serveProvider({
    provider: scriptedProvider(answers),
    port: 0,
    host: "127.0.0.1",
    drainMs: 200,
    ...options.serve,
  });
  const connection = connectProvider({
    address: `127.0.0.1:${server.port}`,
    tls: { plaintext: true },
    // Tests are not held up by the limit that spares hypervisors, unless they are about it.
    rateLimit: { qps: 10_000, burst: 10_000 },
    ...options.connect,
  });
  return {
    ...connection,
    server,
    async [Symbol.asyncDispose]() {
      connection.close();
      await server.shutdown();
    },
  };
}
