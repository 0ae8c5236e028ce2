/**
 * Events that libvirt pushes: those that somebody here acts on. Not asked for are the events of storage pools, because
 * nothing about a pool is kept, each change looks it up anew; of volumes, which have none; of the balloon, whose number is
 * never quiet; and of I/O errors and watchdogs, which show as the pause or stop that they end in.
 *
 * @module
 */
import type { LibvirtConnection, Rpc } from "./connection.ts";
import { LibvirtError } from "./errors.ts";
import { type DomainRef, type NetworkRef, readDomain, readNetwork } from "./objects.ts";
import { procedure } from "./procedures.ts";

/**
 * Something has happened to a domain. What it is now is read from libvirt; the event says only that and where to look.
 * `blockJob`: a copy, commit or pull of QEMU's has come to an end, or can be ended. `tunable`: limits of CPU or disks.
 */
export interface DomainEvent {
  readonly domain: DomainRef;
  readonly kind: "lifecycle" | "reboot" | "device" | "agent" | "metadata" | "blockJob" | "tunable";
  /** It has no persistent description any more; a running one goes with its stop. */
  readonly undefined: boolean;
}

/** A network was started, stopped, defined or undefined; leases come and go with it. */
export type NetworkEvent = NetworkRef;

/** `virDomainEventID` and the procedure under which its events come. */
const kinds: readonly { readonly id: number; readonly procedure: number; readonly kind: DomainEvent["kind"] }[] = [
  { id: 0, procedure: procedure.eventLifecycle, kind: "lifecycle" },
  { id: 1, procedure: procedure.eventReboot, kind: "reboot" },
  { id: 8, procedure: procedure.eventBlockJob, kind: "blockJob" },
  { id: 15, procedure: procedure.eventDeviceRemoved, kind: "device" },
  { id: 17, procedure: procedure.eventTunable, kind: "tunable" },
  { id: 18, procedure: procedure.eventAgentLifecycle, kind: "agent" },
  { id: 19, procedure: procedure.eventDeviceAdded, kind: "device" },
  { id: 23, procedure: procedure.eventMetadataChange, kind: "metadata" },
];
const LIFECYCLE_UNDEFINED = 1;
/** `VIR_NETWORK_EVENT_ID_LIFECYCLE`. */
const NETWORK_LIFECYCLE = 0;

/** Asks the server for all events of {@linkcode DomainEvent} and {@linkcode NetworkEvent}. Once per connection. */
export async function subscribe(rpc: Rpc, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
  const ask =
    (number: typeof procedure.domainEventRegister | typeof procedure.networkEventRegister) =>
    (what: string, id: number) =>
      rpc.call({
        procedure: number,
        doing: `subscribe to ${what} events`,
        args: (w) => w.i32(id).bool(false),
        reply: (r) => void r.i32(),
      }, options);
  await Promise.all([
    ...kinds.map(({ id, kind }) => ask(procedure.domainEventRegister)(kind, id)),
    // A daemon for machines alone knows no networks.
    ask(procedure.networkEventRegister)("network", NETWORK_LIFECYCLE).catch((error: unknown) => {
      if (!(error instanceof LibvirtError)) throw error;
    }),
  ]);
}

/** What {@linkcode onEvent} calls. */
export interface EventHandlers {
  readonly domain: (event: DomainEvent) => void;
  readonly network: (event: NetworkEvent) => void;
}

/** Calls `handlers` for each event of `connection`; the function returned ends that. */
export function onEvent(connection: LibvirtConnection, handlers: EventHandlers): () => void {
  return connection.onEvent((number, reader) => {
    const kind = kinds.find((candidate) => candidate.procedure === number)?.kind;
    if (kind === undefined && number !== procedure.eventNetworkLifecycle) return;
    reader.i32(); // registration
    if (kind === undefined) return handlers.network(readNetwork(reader));
    const domain = readDomain(reader);
    handlers.domain({ domain, kind, undefined: kind === "lifecycle" && reader.i32() === LIFECYCLE_UNDEFINED });
  });
}
