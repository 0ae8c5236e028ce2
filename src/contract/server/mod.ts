/** Provider SDK: what a provider is built on. @module */
export { type ProviderServer, type ServeOptions, serveProvider, type ServerLimits } from "./serve.ts";
