/** An API server for tests that misbehaves on demand. @module */
export { FakeApiServer, type Fault, type SeenRequest } from "./fake_api_server.ts";
export { type Address, type Change, FakeStore, mergePatch, Refusal } from "./fake_store.ts";
export { FakeWatch, type WatchFaults } from "./fake_watch.ts";
