/** The suite as a test of a provider's own test files. @module */
import { type Clock, systemClock } from "@virtrigaud/resilience";
import type { Provider } from "@virtrigaud/contract";
import { conformanceCases } from "./cases/mod.ts";
import type { ConformanceProfile } from "./profile.ts";
import { beginConformance, runCase } from "./run.ts";

/** An endpoint that is up for the time of a test. */
export interface Endpoint extends AsyncDisposable {
  readonly provider: Provider;
  readonly profile: ConformanceProfile;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Lets time go by while `work` goes on; for fake clocks. Default: nothing. */
  readonly drive?: <T>(work: Promise<T>) => Promise<T>;
}

/**
 * Registers a test with one step per case, ignored (with the reason in its name) where the case does not apply.
 *
 * @param open brings the endpoint up; called when the test runs.
 */
export function testConformance(name: string, open: () => Promise<Endpoint>, options: { ignore?: boolean } = {}): void {
  Deno.test({
    name,
    ignore: options.ignore ?? false,
    fn: async (test) => {
      await using endpoint = await open();
      const { provider, profile, clock = systemClock, drive = <T>(work: Promise<T>) => work } = endpoint;
      const run = await drive(beginConformance(provider, profile, { clock }));
      for (const one of conformanceCases()) {
        const reason = one.skip?.(profile, run.capabilities);
        await test.step({
          name: reason === undefined ? one.name : `${one.name} (${reason})`,
          ignore: reason !== undefined,
          fn: async () => {
            const { outcome, error } = await drive(runCase(run, one));
            if (outcome === "Failed") throw error;
          },
        });
      }
    },
  });
}
