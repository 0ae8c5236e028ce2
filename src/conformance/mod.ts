/** VCTS: one list of named cases that every provider has to pass. @module */
export type { ConformanceCase } from "./case.ts";
export { conformanceCases } from "./cases/mod.ts";
export {
  type ConformanceControls,
  type ConformanceProfile,
  type ConformanceTimeouts,
  defaultTimeouts,
  type GuestAbilities,
} from "./profile.ts";
export {
  beginConformance,
  type CaseResult,
  type ConformanceOptions,
  type ConformanceRun,
  runCase,
  runConformance,
} from "./run.ts";
export { type CreatedVm, type RunState, Subject } from "./subject.ts";
export { type Endpoint, testConformance } from "./testing.ts";
export { Watcher } from "./watcher.ts";
