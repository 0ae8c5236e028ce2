/** A mock hypervisor as its configuration wants it. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import type { MockConfig } from "./config.ts";
import { Faults } from "./faults.ts";
import { MockHypervisor } from "./hypervisor/hypervisor.ts";
import { FileJournal } from "./persistence.ts";

/** How much longer tasks take in slow mode. */
const SLOWDOWN = 10;

/** Builds the hypervisor with its faults and, if it is to be kept, its memory. */
export function startHypervisor(config: MockConfig, options: { readonly clock?: Clock } = {}): MockHypervisor {
  const { clock = systemClock } = options;
  const faults = new Faults({ clock, seed: config.seed });
  faults.latencyMs = config.latencyMs;
  faults.jitterMs = config.jitterMs;
  if (config.slow) faults.slowdown = SLOWDOWN;
  const fault = { type: "Error", class: config.errorClass } as const;
  if (config.failureMode !== undefined) faults.add({ method: config.failureMode, at: "before", fault });
  if (config.errorRate > 0) faults.add({ method: "all", at: "before", fault, rate: config.errorRate });
  if (config.emptyMemory && config.statePath !== undefined) forget(config.statePath);
  return new MockHypervisor({
    ...config.hypervisor,
    clock,
    faults,
    ...config.statePath === undefined ? {} : { journal: new FileJournal(config.statePath) },
  });
}

function forget(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
