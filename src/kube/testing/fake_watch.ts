/** One watch stream of the fake API server, which a test can break in every way. @module */
import type { UntypedObject } from "../object.ts";
import type { Change } from "./fake_store.ts";

/** What a test can do to watch streams that are open and to those to come. */
export interface WatchFaults {
  /** Events wait and are not sent; they are lost if the stream ends first. */
  stalled: boolean;
  /** Every event is sent twice. */
  duplicate: boolean;
  /** Events are sent in pairs, the later first. */
  reorder: boolean;
}

/** A watch stream. Bytes leave it only as fast as the reader takes them. */
export class FakeWatch {
  readonly body: ReadableStream<Uint8Array>;
  readonly #faults: WatchFaults;
  readonly #matches: (object: UntypedObject) => boolean;
  readonly #held: Change[] = [];
  readonly #pending: Uint8Array[] = [];
  #swapped: Change | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #ending: "no" | "after pending" | "done" = "no";
  #wanted = false;
  /** Names that the reader was told of, to turn a change of selection into ADDED and DELETED. */
  readonly #shown = new Set<string>();

  constructor(
    readonly collection: string,
    matches: (object: UntypedObject) => boolean,
    faults: WatchFaults,
    onClose: () => void,
  ) {
    this.#faults = faults;
    this.#matches = matches;
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => {
        this.#ending = "done";
        onClose();
      },
    }, { highWaterMark: 0 });
  }

  /** Lines that the reader has not taken yet. */
  get backlog(): number {
    return this.#pending.length + this.#held.length;
  }

  get closed(): boolean {
    return this.#ending === "done";
  }

  /** Sends a change, as the faults of the moment have it. */
  send(change: Change): void {
    if (this.#faults.stalled) return void this.#held.push(change);
    if (this.#faults.reorder) {
      if (this.#swapped === undefined) return void (this.#swapped = change);
      this.#send(change);
      this.#send(this.#swapped);
      this.#swapped = undefined;
      return;
    }
    this.flush();
    this.#send(change);
  }

  /** Sends what the faults have kept back. */
  flush(): void {
    const held = this.#held.splice(0);
    if (this.#swapped !== undefined) held.push(this.#swapped);
    this.#swapped = undefined;
    for (const change of held.sort((a, b) => a.version - b.version)) this.#send(change);
  }

  /** Sends a bookmark; after all events before it, which is what a bookmark promises. None while the stream is stalled. */
  bookmark(version: number, annotations?: Record<string, string>): void {
    if (this.#faults.stalled) return;
    this.flush();
    this.#line({
      type: "BOOKMARK",
      object: { kind: "Bookmark", metadata: { resourceVersion: `${version}`, annotations } },
    });
  }

  /** Sends an ERROR event and ends the stream. */
  error(code: number, reason: string): void {
    this.#line({ type: "ERROR", object: { kind: "Status", code, reason, message: `watch failed: ${reason}` } });
    this.end();
  }

  /** Sends text as it is. */
  text(text: string): void {
    this.#pending.push(new TextEncoder().encode(text));
    this.#pump();
  }

  /** Ends the stream in order. */
  end(): void {
    if (this.#ending === "no") this.#ending = "after pending";
    this.#pump();
  }

  /** Breaks the connection at once: what is on its way is lost. */
  cut(reason: unknown = new TypeError("connection reset by peer")): void {
    if (this.closed) return;
    this.#ending = "done";
    this.#pending.length = 0;
    this.#controller?.error(reason);
  }

  #send(change: Change): void {
    const id = `${change.object.metadata.namespace}/${change.object.metadata.name}`;
    const [shown, matches] = [this.#shown.has(id), this.#matches(change.object)];
    const type = change.type === "DELETED" || !matches ? "DELETED" : change.type;
    if (!shown && type === "DELETED" && change.type !== "DELETED") return;
    if (type === "DELETED") this.#shown.delete(id);
    else this.#shown.add(id);
    for (let copy = this.#faults.duplicate ? 2 : 1; copy > 0; copy--) this.#line({ type, object: change.object });
  }

  #line(event: unknown): void {
    this.text(JSON.stringify(event) + "\n");
  }

  #pull(): void {
    this.#wanted = true;
    this.#pump();
  }

  #pump(): void {
    if (this.closed) return;
    const next = this.#wanted ? this.#pending.shift() : undefined;
    if (next !== undefined) {
      this.#wanted = false;
      this.#controller?.enqueue(next);
    } else if (this.#ending === "after pending" && this.#pending.length === 0) {
      this.#ending = "done";
      this.#controller?.close();
    }
  }
}
