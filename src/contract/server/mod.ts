/** Provider SDK: what a provider is built on. @module */
export { type JwtOptions, SCOPES } from "./auth.ts";
export type { ProcessInput, ProcessSettings } from "./config.ts";
export { PROVIDER_ENV, readProcess } from "./config.ts";
export { type CredentialStore, openCredentials } from "./credentials.ts";
export type { FolderOptions } from "./folder.ts";
export { guarded } from "./guarded.ts";
export { OperationGuard, type OperationGuardOptions } from "./operations.ts";
export { runProvider, startProvider } from "./run.ts";
export type { ProviderConfig, ProviderProgram, RunningProvider, StartOptions } from "./run.ts";
export { type ProviderServer, serveProvider } from "./serve.ts";
export type { ServeOptions, ServerAuth, ServerLimits } from "./serve.ts";
export { openTlsFolder, staticTls, type TlsMaterial, type TlsSource } from "./tls.ts";
