/** Durable storage of API objects with revisions, history and change notification. @module */
export { type Compaction, type Revision, RevisionLog, type RevisionLogOptions } from "./revision_log.ts";
export { type ChangeListener, Store, type StoreOptions } from "./store.ts";
export {
  type Change,
  type Json,
  type JsonObject,
  StorageError,
  type StorageErrorReason,
  type Stored,
} from "./types.ts";
