/** What every capability of the provider works with. @module */
import { type Operation, ProviderError } from "@virtrigaud/contract";
import type { Clock } from "@virtrigaud/resilience";
import type { Secret } from "@virtrigaud/telemetry";
import * as domains from "./client/domain.ts";
import type { DomainRef } from "./client/objects.ts";
import type { LibvirtSession } from "./client/session.ts";
import type { Changes } from "./changes.ts";
import { readDomain } from "./domain_xml/read.ts";
import type { GuestAgents } from "./guest.ts";
import type { Starts } from "./half_started.ts";
import type { HostFacts } from "./host_facts.ts";
import { isVmId } from "./identity.ts";
import type { Locks } from "./locks.ts";
import type { Resting } from "./rest.ts";
import type { Tasks } from "./tasks.ts";

/** Shared by all calls of one provider. */
export interface LibvirtContext {
  readonly session: LibvirtSession;
  readonly clock: Clock;
  readonly host: HostFacts;
  readonly agents: GuestAgents;
  readonly starts: Starts;
  readonly tasks: Tasks;
  readonly locks: Locks;
  readonly changes: Changes;
  readonly resting: Resting;
  /** Pool for disks that name none. */
  readonly defaultPool: string;
  /** Folder under which claims for disk transfers are mounted into this process. */
  readonly claims: string;
  /** Network for cards that name none. */
  readonly defaultNetwork: string;
  /** Password of consoles; `undefined`: none is set, and none that somebody else has set is touched. */
  readonly graphicsPassword: () => Promise<Secret<string> | undefined>;
}

/** What a single call is limited by. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** The domain with this id, or `undefined`: proof that there is none. */
export async function findDomain(
  context: LibvirtContext,
  vmId: string,
  options?: CallOptions,
): Promise<DomainRef | undefined> {
  if (!isVmId(vmId)) return undefined;
  return await domains.byUuid(context.session, vmId.toLowerCase(), options);
}

/**
 * The domain that `operation` is to change, unless it carries the mark of another owner. One without a mark may be
 * changed: who knows its id has adopted it.
 * @throws {ProviderError} `NotFound`, or `Conflict`; with reason `Locked` while the VM is still being created.
 */
export async function requireDomain(
  context: LibvirtContext,
  vmId: string,
  operation: Operation,
  options?: CallOptions,
): Promise<DomainRef> {
  const domain = await findDomain(context, vmId, options);
  if (domain !== undefined) {
    await checkOwner(context, domain, operation, options);
    return domain;
  }
  if (context.tasks.running(createKey(vmId)) !== undefined) {
    throw new ProviderError("Conflict", `VM ${vmId} is still being created; try again when its task has ended`, {
      reason: "Locked",
    });
  }
  throw new ProviderError("NotFound", `there is no domain with UUID ${vmId} on this libvirt host`);
}

/** @throws {ProviderError} `Conflict` when the domain carries the mark of another owner than `operation`'s. */
export async function checkOwner(
  context: LibvirtContext,
  domain: DomainRef,
  operation: Operation,
  options?: CallOptions,
): Promise<void> {
  const { mark } = readDomain(await domains.xml(context.session, domain, "current", options));
  if (mark === undefined || mark.ownerUid === operation.ownerUid) return;
  throw new ProviderError(
    "Conflict",
    `domain "${domain.name}" belongs to ${mark.owner} (UID ${mark.ownerUid}), not to ${operation.owner}; it is not touched`,
    { reason: "OwnedByAnother" },
  );
}

/** Key of the task that creates a VM. */
export const createKey = (vmId: string): string => `create/${vmId}`;
