/** Fake clock, fake API server and client in one, for tests of controllers. @module */
export { Harness, MemoryLog, MemoryMetrics, type Widget, WIDGETS, withHarness } from "./harness.ts";
