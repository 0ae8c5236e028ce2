/** Domain events that libvirt pushes. @module */
import type { LibvirtConnection, Rpc } from "./connection.ts";
import { type DomainRef, readDomain } from "./objects.ts";
import { procedure } from "./procedures.ts";

/** Something has happened to a domain. What it is now is read from libvirt; the event says only that and where to look. */
export interface DomainEvent {
  readonly domain: DomainRef;
  readonly kind: "lifecycle" | "reboot" | "balloon" | "device" | "agent" | "metadata";
  /** It has no persistent description any more; a running one goes with its stop. */
  readonly undefined: boolean;
}

/** `virDomainEventID` and the procedure under which its events come. */
const kinds: readonly { readonly id: number; readonly procedure: number; readonly kind: DomainEvent["kind"] }[] = [
  { id: 0, procedure: procedure.eventLifecycle, kind: "lifecycle" },
  { id: 1, procedure: procedure.eventReboot, kind: "reboot" },
  { id: 13, procedure: procedure.eventBalloonChange, kind: "balloon" },
  { id: 15, procedure: procedure.eventDeviceRemoved, kind: "device" },
  { id: 18, procedure: procedure.eventAgentLifecycle, kind: "agent" },
  { id: 19, procedure: procedure.eventDeviceAdded, kind: "device" },
  { id: 23, procedure: procedure.eventMetadataChange, kind: "metadata" },
];
const LIFECYCLE_UNDEFINED = 1;

/** Asks the server for all events of {@linkcode DomainEvent}. Once per connection. */
export async function subscribe(rpc: Rpc, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
  await Promise.all(kinds.map(({ id, kind }) =>
    rpc.call({
      procedure: procedure.domainEventRegister,
      doing: `subscribe to ${kind} events`,
      args: (w) => w.i32(id).bool(false),
      reply: (r) => void r.i32(),
    }, options)
  ));
}

/** Calls `handler` for each event of `connection`; the function returned ends that. */
export function onDomainEvent(connection: LibvirtConnection, handler: (event: DomainEvent) => void): () => void {
  return connection.onEvent((number, reader) => {
    const kind = kinds.find((candidate) => candidate.procedure === number)?.kind;
    if (kind === undefined) return;
    reader.i32(); // registration
    const domain = readDomain(reader);
    handler({ domain, kind, undefined: kind === "lifecycle" && reader.i32() === LIFECYCLE_UNDEFINED });
  });
}
