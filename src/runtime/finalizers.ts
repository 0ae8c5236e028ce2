/** Finalizers: what holds an object until its controller has cleaned up. @module */
import { type CallOptions, keyOf, type KubeClient, type KubeObject, type ResourceType } from "@virtrigaud/kube";
import type { InformerView } from "./view.ts";

/** What the helpers below work with. */
export interface FinalizerContext<T extends KubeObject> {
  readonly client: Pick<KubeClient, "patch">;
  readonly type: ResourceType<T>;
  /** Told about the write, so that the next reconcile waits until its store has it. */
  readonly informer?: Pick<InformerView<T>, "expect">;
}

/** Deletion was asked for. */
export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Whether `object` carries the finalizer. */
export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Adds a finalizer and gives back the object as it is then; nothing is sent when it is there or the object is being
 * deleted, when the API server would refuse it. @throws `isConflict` when `object` is not the newest version
 */
export async function addFinalizer<T extends KubeObject>(
  context: FinalizerContext<T>,
  object: T,
  finalizer: string,
  options: CallOptions = {},
): Promise<T> {
  if (hasFinalizer(object, finalizer) || isDeleting(object)) return object;
  return await write(context, object, [...object.metadata.finalizers ?? [], finalizer], options);
}

/** Removes a finalizer; see {@linkcode addFinalizer}. With the last one gone, a deleted object goes. */
export async function removeFinalizer<T extends KubeObject>(
  context: FinalizerContext<T>,
  object: T,
  finalizer: string,
  options: CallOptions = {},
): Promise<T> {
  if (!hasFinalizer(object, finalizer)) return object;
  return await write(context, object, (object.metadata.finalizers ?? []).filter((name) => name !== finalizer), options);
}

async function write<T extends KubeObject>(
  { client, type, informer }: FinalizerContext<T>,
  object: T,
  finalizers: string[],
  options: CallOptions,
): Promise<T> {
  // The version in the patch makes it conditional: another writer's finalizer cannot get lost. The uid keeps it from
  // a new object of the same name.
  const { uid, resourceVersion } = object.metadata;
  const patch = { type: "merge", body: { metadata: { uid, resourceVersion, finalizers } } } as const;
  const written = await client.patch(type, object.metadata, patch, options);
  informer?.expect(keyOf(object), written.metadata.resourceVersion);
  return written;
}
