/** Misbehaviour on demand, for tests of clients. Reachable only by whoever holds the object, never over HTTP. @module */
import type { Clock } from "@virtrigaud/resilience";
import { ApiError } from "./errors.ts";
import type { Attributes } from "./auth.ts";
import { breakOff, type EventType, staleLine, type WatchTap } from "./watch.ts";

/** Which requests a fault is for; what is absent matches everything. */
export interface FaultMatch {
  readonly verb?: string;
  readonly group?: string;
  /** Plural. */
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly user?: string;
}

/** What goes wrong. */
export type Fault =
  /** The request is answered with this error and not carried out. */
  | {
    readonly kind: "status";
    readonly code: number;
    readonly reason?: string;
    readonly message?: string;
    /** Sent as `Retry-After` header and in the details. */
    readonly retryAfterSeconds?: number;
  }
  /** The request is carried out `ms` later. */
  | { readonly kind: "delay"; readonly ms: number }
  /** No answer comes until {@linkcode Faults.release} or the server closes; the request is not carried out. */
  | { readonly kind: "hang" }
  /** The request is carried out, then the connection breaks after `afterBytes` of the body. Default 0: the answer is lost. */
  | { readonly kind: "truncate"; readonly afterBytes?: number }
  /** The watch ends after `afterEvents` lines; `abrupt` breaks the connection, `halfLine` does so inside the next line. */
  | { readonly kind: "cutWatch"; readonly afterEvents: number; readonly how: "clean" | "abrupt" | "halfLine" }
  /** The watch sends an ERROR event with this code after `afterEvents` lines, and ends. */
  | { readonly kind: "watchError"; readonly afterEvents: number; readonly code: number; readonly reason?: string }
  /** Each line is sent twice; or the first line again, as if from the past, after each; or pairs of lines swapped. */
  | { readonly kind: "watchEvents"; readonly mode: "duplicate" | "stale" | "reorder" }
  /** Lines that are no events are sent in between. */
  | { readonly kind: "garbage"; readonly line: string };

/** A planned fault. */
export interface PlannedFault {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Takes it back. */
  remove(): void;
}

interface Plan {
  readonly match: FaultMatch;
  readonly fault: Fault;
  left: number;
  hits: number;
}

const encoder = new TextEncoder();

/** The faults of one server. */
export class Faults {
  readonly #plans = new Set<Plan>();
  #released = Promise.withResolvers<void>();

  /** Plans `fault` for the next `times` matching requests (default 1; `Infinity` until removed). */
  add(match: FaultMatch, fault: Fault, options: { readonly times?: number } = {}): PlannedFault {
    const plan: Plan = { match, fault, left: options.times ?? 1, hits: 0 };
    this.#plans.add(plan);
    return {
      get hits() {
        return plan.hits;
      },
      remove: () => void this.#plans.delete(plan),
    };
  }

  /** Takes all faults back and lets hanging requests go on to fail. */
  clear(): void {
    this.#plans.clear();
    this.release();
  }

  /** Lets hanging requests go; they fail with 504. */
  release(): void {
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  /** The faults that hit this request, each used up by one. */
  take(attributes: Attributes, user: string): Fault[] {
    const hit: Fault[] = [];
    for (const plan of this.#plans) {
      if (!matches(plan.match, attributes, user)) continue;
      plan.hits++;
      if (--plan.left <= 0) this.#plans.delete(plan);
      hit.push(plan.fault);
    }
    return hit;
  }

  /** What happens before the request is carried out: waits, or throws the error to answer with. */
  async before(faults: readonly Fault[], clock: Clock): Promise<void> {
    for (const fault of faults) {
      if (fault.kind === "delay") await new Promise<void>((resolve) => clock.setTimeout(resolve, fault.ms));
      if (fault.kind === "hang") {
        await this.#released.promise;
        throw new ApiError(504, "Timeout", "fault: the request hung");
      }
      if (fault.kind === "status") {
        const { code, reason = REASONS[code] ?? "Unknown", message = `fault: ${code}`, retryAfterSeconds } = fault;
        throw new ApiError(code, reason, message, retryAfterSeconds === undefined ? undefined : { retryAfterSeconds });
      }
    }
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function matches(match: FaultMatch, attributes: Attributes, user: string): boolean {
  return (match.user === undefined || match.user === user) &&
    (["verb", "group", "resource", "subresource", "namespace", "name"] as const)
      .every((key) => match[key] === undefined || match[key] === attributes[key]);
}

/** `response`, broken off as a `truncate` fault asks. */
export function truncated(response: Response, afterBytes: number): Response {
  const reader = response.body?.getReader();
  let left = afterBytes;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = left > 0 ? (await reader?.read())?.value : undefined;
      if (chunk === undefined) {
        await reader?.cancel();
        return await breakOff(controller);
      }
      controller.enqueue(chunk.slice(0, left));
      left -= chunk.byteLength;
    },
    cancel: (reason) => reader?.cancel(reason),
  }, { highWaterMark: 0 });
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return new Response(body, { status: response.status, headers });
}

/** The tap that makes a watch misbehave; `undefined` when none of the faults is about watches. */
export function watchTap(faults: readonly Fault[]): WatchTap | undefined {
  const taps = faults.flatMap((fault) => tapOf(fault) ?? []);
  if (taps.length === 0) return undefined;
  return (type, line) => {
    let lines: readonly Uint8Array[] = [line];
    let end: "clean" | "abrupt" | undefined;
    for (const tap of taps) {
      const results = lines.map((each) => tap(type, each));
      lines = results.flatMap((result) => result.lines);
      end ??= results.find((result) => result.end !== undefined)?.end;
    }
    return end === undefined ? { lines } : { lines, end };
  };
}

function tapOf(fault: Fault): WatchTap | undefined {
  let sent = 0;
  switch (fault.kind) {
    case "cutWatch":
      return (_type, line) => {
        if (++sent < fault.afterEvents + (fault.how === "halfLine" ? 1 : 0)) return { lines: [line] };
        const end = fault.how === "clean" ? "clean" : "abrupt";
        return { lines: [fault.how === "halfLine" ? line.slice(0, line.byteLength >> 1) : line], end };
      };
    case "watchError":
      return (_type, line) => {
        if (++sent <= fault.afterEvents) return { lines: [line] };
        const error = new ApiError(
          fault.code,
          fault.reason ?? REASONS[fault.code] ?? "Unknown",
          `fault: ${fault.code}`,
        );
        return {
          lines: [encoder.encode(`${JSON.stringify({ type: "ERROR", object: error.toStatus() })}\n`)],
          end: "clean",
        };
      };
    case "garbage":
      return (_type, line) => ({ lines: [encoder.encode(`${fault.line}\n`), line] });
    case "watchEvents":
      return eventTap(fault.mode);
    case "status":
    case "delay":
    case "hang":
    case "truncate":
      return undefined;
  }
}

function eventTap(mode: "duplicate" | "stale" | "reorder"): WatchTap {
  let kept: Uint8Array | undefined;
  return (type: EventType, line) => {
    if (type === "BOOKMARK" || type === "ERROR") return { lines: [line] };
    switch (mode) {
      case "duplicate":
        return { lines: [line, line] };
      case "stale":
        kept ??= staleLine(line, "1");
        return { lines: [line, kept] };
      case "reorder": {
        if (kept === undefined) {
          kept = line;
          return { lines: [] };
        }
        const first = kept;
        kept = undefined;
        return { lines: [line, first] };
      }
    }
  };
}
