/** Operations: the same id gets the same answer, an older fence gets none. @module */
import { type Operation, ProviderError } from "@virtrigaud/contract";
import { invalid, type World } from "./world.ts";

/** Answers that are remembered. */
const MAX_OPERATIONS = 10_000;
const FENCE = "fence";

/**
 * Makes a change once per `operation.id`. Answer and change are written together, so that this holds across a death of
 * the process too. Errors are not remembered: the caller may try again.
 * @throws ProviderError `Conflict` with reason `StaleFence`, `InvalidSpec` for an operation that is incomplete.
 */
export function answerOnce<T>(world: World, method: string, operation: Operation, change: () => T): T {
  const { store } = world;
  const { id, ownerUid, fence } = operation;
  if (id.length === 0 || id.length > 128) throw invalid("operation.id", "expected 1 to 128 characters");
  if (ownerUid.length === 0) throw invalid("operation.ownerUid", "missing");
  const highest = store.get("counters", FENCE)?.value ?? 0;
  // Seen is seen, whatever becomes of the change.
  if (fence > highest) store.transaction(() => store.put("counters", { id: FENCE, value: fence }));
  return store.transaction(() => {
    if (fence < highest) {
      throw new ProviderError(
        "Conflict",
        `${method} carries fence ${fence}, but ${highest} was seen: a new leader acts`,
        {
          reason: "StaleFence",
          field: "operation.fence",
        },
      );
    }
    const key = `${method}/${id}`;
    const known = store.get("operations", key);
    // Written by this function with the answer of the same method, see below.
    if (known !== undefined) return known.answer as T;
    const answer = change();
    store.put("operations", { id: key, answer });
    if (store.count("operations") > MAX_OPERATIONS) {
      const { value: oldest } = store.list("operations").next();
      if (oldest !== undefined) store.delete("operations", oldest.id);
    }
    return answer;
  });
}
