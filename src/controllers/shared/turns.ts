/** The order of the calls that a manager makes to providers. @module */
import { ProviderError, type Turn } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import type { Manager } from "@virtrigaud/runtime";

/**
 * Gives each call its {@linkcode Turn}. The numbers begin with the time, so that those of a manager which leads alone,
 * always with the same fence, go on growing after its restart.
 */
export function turns(manager: Pick<Manager, "leadership">, clock: Clock): () => Turn {
  let number = Math.floor(clock.now() * 1_000);
  return () => {
    const { leadership } = manager;
    if (leadership === undefined) {
      throw new ProviderError("Unavailable", "this manager does not lead (any more) and asks nothing of providers", {
        reason: "Closed",
      });
    }
    return { fence: leadership.fence, number: ++number };
  };
}
