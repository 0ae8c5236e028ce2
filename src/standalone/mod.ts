/**
 * Standalone: the embedded control plane. A Kubernetes-compatible API server on SQLite, for a machine with no cluster
 * and as the test bed of everything that talks to the Kubernetes API.
 *
 * @module
 */
export * from "./server/mod.ts";
export { kubeconfig, type KubeconfigOptions, writePrivate } from "./kubeconfig.ts";
export { StorageError, type StorageErrorReason } from "./storage/mod.ts";
export { type Program, PROVIDER_FOLDERS, Runner, type RunnerOptions } from "./runner/runner.ts";
