/** Brings the CustomResourceDefinitions of the cluster to those that this build was made with. @module */
import { customResourceDefinition, kinds } from "@virtrigaud/api";
import { CUSTOM_RESOURCE_DEFINITIONS, type KubeClient, type UntypedObject } from "@virtrigaud/kube";
import type { Clock } from "@virtrigaud/resilience";
import type { Logger } from "@virtrigaud/telemetry";

/** Who owns the fields of the definitions. */
export const CRD_FIELD_MANAGER = "virtrigaud-crds";
const POLL_MS = 500;

/** Options of {@linkcode applyCrds}. */
export interface ApplyCrdsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** Time that all of them may take to be established. Default 60000 ms. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Applies every definition on the server side and waits until the API server serves it. Forced: the fields belong to
 * the product, whoever wrote them first (Helm, on the first install). What others added, such as labels, stays.
 * @throws naming the definition that is refused or not established in time
 */
export async function applyCrds(options: ApplyCrdsOptions): Promise<void> {
  const { client, clock, log, timeoutMs = 60_000, signal } = options;
  const call = signal === undefined ? {} : { signal };
  const deadline = clock.monotonic() + timeoutMs;
  for (const kind of kinds) {
    const object: UntypedObject = { ...customResourceDefinition(kind) };
    let live = await client.apply(CUSTOM_RESOURCE_DEFINITIONS, object, {
      fieldManager: CRD_FIELD_MANAGER,
      force: true,
      ...call,
    });
    for (let why = obstacle(live); why !== undefined; why = obstacle(live)) {
      if (clock.monotonic() >= deadline) {
        throw new Error(`CustomResourceDefinition ${live.metadata.name} is not established: ${why}`);
      }
      await clock.sleep(POLL_MS, call);
      live = await client.get(CUSTOM_RESOURCE_DEFINITIONS, live.metadata, call);
    }
    log.info("the definition is up to date", { name: live.metadata.name });
  }
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
}

/** Why a definition is not served as it was applied; `undefined` when it is. */
function obstacle(crd: UntypedObject): string | undefined {
  // Right after its creation the conditions are null.
  const conditions = ((crd.status ?? {}) as { conditions?: readonly Condition[] | null }).conditions ?? [];
  const has = (type: string, status: string) => conditions.find((each) => each.type === type && each.status === status);
  return has("Established", "True") !== undefined
    ? undefined
    : has("NamesAccepted", "False")?.message ?? "the API server has not taken it up yet";
}
