/** The next step for an object that VMs refer to: a class, an image, a network. A pure function. @module */
import { type Condition, IN_USE_FINALIZER } from "@virtrigaud/api";
import type { KubeObject } from "@virtrigaud/kube";
import { removeCondition, setCondition } from "@virtrigaud/runtime";

/** What a look at the object itself came to. */
export interface Validity {
  /** What is wrong with it for every provider, one sentence each; empty: nothing. */
  readonly problems: readonly string[];
  /** Fields of the status that are this kind's own. */
  readonly status: Readonly<Record<string, unknown>>;
}

/** An object with a status as these kinds have it. */
export interface CatalogObject extends KubeObject {
  status?: { conditions?: Condition[]; observedGeneration?: number };
}

/** One immutable picture of everything that matters. */
export interface CatalogInput {
  readonly object: CatalogObject;
  /** VirtualMachines that refer to it. */
  readonly users: number;
  readonly validity: Validity;
  readonly now: number;
}

/** One step, and the status to write when there is none left. */
export interface CatalogDecision {
  readonly step: "Wait" | "AddFinalizer" | "RemoveFinalizer";
  readonly status: Record<string, unknown>;
}

/** Answers with exactly one next step. An object in use is held until the last VM has let go of it. */
export function decide({ object, users, validity, now }: CatalogInput): CatalogDecision {
  const deleting = object.metadata.deletionTimestamp !== undefined;
  const held = object.metadata.finalizers?.includes(IN_USE_FINALIZER) === true;
  const step = deleting && held && users === 0
    ? "RemoveFinalizer"
    : !deleting && !held && users > 0
    ? "AddFinalizer"
    : "Wait";
  const generation = object.metadata.generation ?? 0;
  const condition = deleting && users > 0
    ? {
      status: "False",
      reason: "InUse",
      message: `cannot be deleted: ${users} VirtualMachines still refer to it`,
    } as const
    : validity.problems.length > 0
    ? { status: "False", reason: "InvalidSpec", message: validity.problems.join("; ") } as const
    : { status: "True", reason: "Valid", message: "can be used" } as const;
  let conditions: readonly Condition[] = setCondition<Condition>(object.status?.conditions, {
    type: "Ready",
    ...condition,
    observedGeneration: generation,
  }, now);
  conditions = condition.reason === "InvalidSpec"
    ? setCondition<Condition>(conditions, {
      type: "Stalled",
      ...condition,
      status: "True",
      observedGeneration: generation,
    }, now)
    : removeCondition(conditions, "Stalled");
  return {
    step,
    status: { ...object.status, ...validity.status, observedGeneration: generation, conditions: [...conditions] },
  };
}
