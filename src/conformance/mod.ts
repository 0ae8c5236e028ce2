/**
 * VCTS: one list of named cases that every provider has to pass.
 *
 * In a provider's own test file:
 *
 * ```ts
 * testConformance("libvirt passes the conformance suite", async () => {
 *   const provider = await connect();
 *   return { provider, profile, [Symbol.asyncDispose]: () => provider.close() };
 * });
 * ```
 *
 * Against any endpoint, `provider` being a client of it:
 *
 * ```ts
 * const results = await runConformance(provider, profile, { report: ({ name, outcome }) => console.log(outcome, name) });
 * ```
 *
 * The suite creates small VMs whose names begin with {@linkcode ConformanceProfile.namePrefix}, and removes them. It
 * does not touch anything else. It raises the fence: an endpoint that a manager uses needs a profile with a fence that
 * is above the manager's, and refuses the manager until its next change of leader.
 *
 * @module
 */
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
