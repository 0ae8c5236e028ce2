/** Access to the Kubernetes API: typed calls, watches, credentials. Knows no kind but the built-in ones. @module */
export { type BudgetOptions, RequestBudget } from "./budget.ts";
export { KubeClient } from "./client.ts";
export { type KubeConfigSource, loadConfig, type LoadedConfig, loadKubeClient } from "./config.ts";
export { type Connection, httpConnection, type HttpConnectionOptions } from "./connection.ts";
export {
  type CredentialFiles,
  type Credentials,
  type CredentialSource,
  fileCredentials,
  fixedCredentials,
  refreshingCredentials,
} from "./credentials.ts";
export {
  isAlreadyExists,
  isConflict,
  isConnectionFailed,
  isDeadlineExceeded,
  isForbidden,
  isGone,
  isInvalid,
  isNotFound,
  isTooManyRequests,
  isUnauthorized,
  KubeError,
  type KubeErrorInit,
  type KubeStatus,
} from "./error.ts";
export {
  compareResourceVersions,
  keyOf,
  type KubeList,
  type KubeObject,
  type ListMeta,
  nameOf,
  type ObjectKey,
  type ObjectMeta,
  type ObjectName,
  type OwnerReference,
  type UntypedObject,
} from "./object.ts";
export type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeClientOptions,
  Lane,
  ListOptions,
  RequestObservation,
  Selection,
  WatchOptions,
  WriteOptions,
} from "./options.ts";
export type { JsonPatchOperation, Patch } from "./patch.ts";
export { apiVersionOf, collectionPath, objectPath, type ResourceType, resourceType } from "./resource.ts";
export { type WatchEvent, watchEvents, type WatchStreamOptions } from "./watch.ts";
export * from "./well_known.ts";
