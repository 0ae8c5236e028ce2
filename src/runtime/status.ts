/** Writes status: only when it differs, only over the version it was computed from. @module */
import { type CallOptions, keyOf, type KubeClient, type KubeObject, type ResourceType } from "@virtrigaud/kube";
import { sameJson } from "./equal.ts";
import type { InformerView } from "./view.ts";

/** Puts the status of objects of one kind. */
export class StatusWriter<T extends KubeObject & { status?: unknown }> {
  readonly #client: Pick<KubeClient, "replaceStatus">;
  readonly #type: ResourceType<T>;
  readonly #informer: Pick<InformerView<T>, "expect"> | undefined;

  /** @param informer told about every write, so that the next reconcile waits until its store has it */
  constructor(
    client: Pick<KubeClient, "replaceStatus">,
    type: ResourceType<T>,
    informer?: Pick<InformerView<T>, "expect">,
  ) {
    this.#client = client;
    this.#type = type;
    this.#informer = informer;
  }

  /**
   * Makes `status` the status of `object`, and gives back the object as it is then. No request is sent when it is so
   * already.
   * @throws `isConflict` when `object` is not the newest version; let it end the reconcile, which comes again with a
   * fresh view
   */
  async put(object: T, status: T["status"], options: CallOptions = {}): Promise<T> {
    if (sameJson(object.status, status)) return object;
    const written = await this.#client.replaceStatus(this.#type, { ...object, status }, options);
    this.#informer?.expect(keyOf(object), written.metadata.resourceVersion);
    return written;
  }
}
