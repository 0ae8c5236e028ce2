/** Preloaded into the manager: its points are what it changes at the API server and asks of providers. @module */
import { Transport } from "@virtrigaud/contract/client/transport.ts";
import { Tripwire } from "./tripwire.ts";

const tripwire = new Tripwire();
tripwire.around(globalThis, "fetch", ([url, init]) => {
  const { method = "GET" } = (init ?? {}) as RequestInit;
  return method === "GET" ? undefined : `request ${method} ${new URL(String(url)).pathname}`;
});
tripwire.around(Transport.prototype, "unary", ([rpc]) => {
  const { rpc: name, mutating } = rpc as { readonly rpc: string; readonly mutating: boolean };
  return mutating ? `rpc ${name}` : undefined;
});
