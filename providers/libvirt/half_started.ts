/**
 * Machines whose start nobody ends. A libvirtd that dies after it has noted that it starts a machine, and before it has
 * noted the QEMU of it, leaves a note that every later libvirtd waits for without end: the machine is "starting up", holds
 * its own lock, and no call moves it (seen with libvirt 9.0). Only the host's administrator can take the note away.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import * as domains from "./client/domain.ts";
import type { DomainRef, TypedParams } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";

/** `VIR_DOMAIN_PAUSED_STARTING_UP`. */
export const PAUSED_STARTING_UP = 11;

/** A start takes seconds; one that reads its memory back, or sets it all aside first, longer with every GiB. */
const PATIENCE_MS = 120_000;
const PATIENCE_PER_GIB_MS = 10_000;

/** Machines that are seen to start, and until when that is nothing unusual. */
export class Starts {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A machine of `memoryGib` is starting; what counts is when that was seen first. */
  seen(uuid: string, memoryGib: number): void {
    if (this.#until.has(uuid)) return;
    this.#until.set(uuid, this.#clock.monotonic() + PATIENCE_MS + PATIENCE_PER_GIB_MS * memoryGib);
  }

  /** It is not, or not any more. */
  over(uuid: string): void {
    this.#until.delete(uuid);
  }

  /** Whether it has been starting for longer than any start takes. */
  isLeft(uuid: string): boolean {
    return (this.#until.get(uuid) ?? Infinity) <= this.#clock.monotonic();
  }
}

/** Whether the domain of a row of statistics is being started, or stands as one that is. */
export const isStarting = (params: TypedParams): boolean =>
  params.get("state.state") === domains.domainState.paused && params.get("state.reason") === PAUSED_STARTING_UP;

/** What is to be done about it, for people. */
export const howToMend = (name: string): string =>
  `is "starting up" and nothing ends that, as after a libvirtd that was killed while it started a QEMU: on the host, stop ` +
  `libvirtd (virtqemud), delete /run/libvirt/qemu/${name}.xml and start it again; VMs that run go on meanwhile`;

/**
 * For changes that would only wait for the machine's lock.
 * @throws {ProviderError} `Retryable` with reason `HalfStarted` and what the administrator has to do.
 */
export async function refuseIfHalfStarted(
  context: LibvirtContext,
  domain: DomainRef,
  options: CallOptions,
): Promise<void> {
  if (!context.starts.isLeft(domain.uuid)) return;
  const [row] = await domains.allStats(context.session, [domain], domains.stats.state, options);
  if (row === undefined || !isStarting(row.params)) return;
  throw new ProviderError("Retryable", `domain "${domain.name}" ${howToMend(domain.name)}`, { reason: "HalfStarted" });
}
