/** Client side of the contract. @module */
export { type ClientTls, type ConnectOptions, connectProvider, type ProviderConnection } from "./connect.ts";
export { ProviderClient } from "./client.ts";
export { defaultTimeouts, type PolicySettings, type RpcTimeouts } from "./policy.ts";
export { WATCH_SILENCE_MS } from "./transport.ts";
