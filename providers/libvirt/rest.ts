/**
 * The file systems of a guest, held while something is copied. A guest that is never let go is as good as dead, so the
 * domain carries a note while it is held: a provider that finds one that is not its own doing lets the guest go.
 *
 * @module
 */
import { ProviderError } from "@virtrigaud/contract";
import * as agent from "./client/agent.ts";
import * as domains from "./client/domain.ts";
import type { DomainRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { unlessGone } from "./describe.ts";
import { isHeld, restMetadata, restXml } from "./domain_xml/rest.ts";
import { parseXml } from "./domain_xml/element.ts";

/** Domains whose file systems this process holds right now. */
export class Resting {
  readonly #uuids = new Set<string>();

  has(uuid: string): boolean {
    return this.#uuids.has(uuid);
  }

  /** Counts the domain in until the function returned is called. */
  enter(uuid: string): () => void {
    this.#uuids.add(uuid);
    return () => void this.#uuids.delete(uuid);
  }
}

/**
 * Runs `work` with the guest's file systems held. Unless it is `required`, a guest that cannot do that is left as it is,
 * and the copy is like one after a power cut.
 * @throws {ProviderError} what the agent answered, where it is required.
 */
export async function atRest(
  context: LibvirtContext,
  domain: DomainRef,
  { required }: { readonly required: boolean },
  work: () => Promise<void>,
): Promise<void> {
  const { session } = context;
  const leave = context.resting.enter(domain.uuid);
  try {
    await note(context, domain, true);
    try {
      await agent.freeze(session, domain).catch((error: unknown) => {
        if (required || ProviderError.is(error, "Unavailable")) throw error;
      });
      await work();
    } finally {
      await letGo(context, domain);
    }
  } finally {
    leave();
  }
}

/** Lets guests go that a provider has held which is gone, or which has lost its connection. */
export async function letGoLeft(context: LibvirtContext, options?: CallOptions): Promise<void> {
  for (const domain of await domains.list(context.session, options)) {
    if (domain.id < 0 || context.resting.has(domain.uuid)) continue;
    await unlessGone(async () => {
      const description = parseXml(await domains.xml(context.session, domain, "current", options));
      if (isHeld(description) && !context.resting.has(domain.uuid)) await letGo(context, domain, options);
    });
  }
}

/** A guest that was not held, or has no agent by now, is no error; the note goes only when it has been let go. */
async function letGo(context: LibvirtContext, domain: DomainRef, options?: CallOptions): Promise<void> {
  try {
    await agent.thaw(context.session, domain, options);
  } catch (error) {
    if (ProviderError.is(error, "Unavailable") || ProviderError.is(error, "Timeout")) throw error;
  }
  await note(context, domain, false, options);
}

/** Only in the running machine: with its end the guest is free in any case. */
const note = (context: LibvirtContext, domain: DomainRef, held: boolean, options?: CallOptions): Promise<void> =>
  domains.setMetadata(context.session, domain, {
    ...restMetadata,
    content: held ? restXml() : undefined,
    where: domains.affect.live,
  }, options);
