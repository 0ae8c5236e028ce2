/** The places where a process touches something outside of itself, counted as a run passes them. @module */

/** Processes of the system. */
export type ProcessName = "manager" | "provider" | "control plane";

/** One passage: what was about to happen or had just happened, and who was at it. */
export interface Point {
  readonly process: ProcessName;
  /** `request PUT /apis/...`, `rpc Power` at its caller, `call Power` where it is served, `disk write`. */
  readonly what: string;
  readonly phase: "before" | "after";
}

/** Numbers the points of a run and tells who listens. The list comes from what the processes do, never from a hand. */
export class Points {
  readonly seen: Point[] = [];
  /** Told at each point with its number; it may kill the process there. */
  onPoint: (point: Point, number: number) => void = () => {};

  /** A process is at a point. */
  pass(process: ProcessName, what: string, phase: Point["phase"]): void {
    const point = { process, what, phase };
    this.onPoint(point, this.seen.push(point) - 1);
  }
}
