/** Waiting until an informer has caught up with a write. @module */
import type { ObjectKey } from "@virtrigaud/kube";
import type { InformerView } from "@virtrigaud/runtime";

/** Resolves when the store has all that was expected for `key`; rejects with the signal's reason. */
export function whenFresh(
  informer: Pick<InformerView, "whenFresh">,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    informer.whenFresh(key, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
