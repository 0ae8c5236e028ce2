/** What an update of an object touched. Pure. @module */
import type { KubeObject } from "@virtrigaud/kube";

/** Whether an update touched more than the status, which the manager itself writes and therefore knows. */
export function changedByOthers(now: KubeObject, old: KubeObject): boolean {
  const [a, b] = [now.metadata, old.metadata];
  return !sameSpec(now, old) || !same(a.annotations, b.annotations) || !same(a.labels, b.labels) ||
    !same(a.finalizers, b.finalizers);
}

/** Whether an object is the same one with the same spec, and as much or as little being deleted. */
export function sameSpec(now: KubeObject, old: KubeObject | undefined): boolean {
  return old !== undefined && now.metadata.generation === old.metadata.generation &&
    now.metadata.uid === old.metadata.uid && now.metadata.deletionTimestamp === old.metadata.deletionTimestamp;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? {}) === JSON.stringify(b ?? {});
}
