/** Work that waits in an object itself. @module */
import type { KubeObject } from "@virtrigaud/kube";

/**
 * Whether the object was changed, or its deletion asked for, since a controller last said in `status.observedGeneration`
 * what it had seen. What a process that starts looks at first.
 */
export function isPending(object: KubeObject & { readonly status?: unknown }): boolean {
  const { generation, deletionTimestamp } = object.metadata;
  const status = object.status as { readonly observedGeneration?: unknown } | undefined;
  return deletionTimestamp !== undefined || generation !== status?.observedGeneration;
}
