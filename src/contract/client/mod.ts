/** Client side of the contract. @module */
export { type ClientTls, type ConnectOptions, connectProvider, defaultTimeouts } from "./connect.ts";
export type { ProviderConnection, RpcTimeouts } from "./connect.ts";
export { ProviderClient } from "./client.ts";
