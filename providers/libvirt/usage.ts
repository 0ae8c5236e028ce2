/** Who uses a volume. @module */
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { readDomain } from "./domain_xml/read.ts";

/** Paths of the disks of all domains, running or stored, each with a domain that has it. */
export async function diskUsers(
  context: LibvirtContext,
  options: CallOptions,
): Promise<ReadonlyMap<string, DomainRef>> {
  const { session } = context;
  const users = new Map<string, DomainRef>();
  await Promise.all((await domains.list(session, options)).map(async (domain) => {
    for (const which of ["current", "inactive"] as const) {
      const description = await domains.xml(session, domain, which, options).catch((error: unknown) => {
        // It is gone, or has no stored description.
        if (LibvirtError.hasCode(error, errorCode.noDomain, errorCode.operationInvalid)) return undefined;
        throw error;
      });
      if (description === undefined) continue;
      for (const { source } of readDomain(description).disks) users.set(source, domain);
    }
  }));
  return users;
}

/** The domain that has a disk at this path. */
export const domainUsing = async (
  context: LibvirtContext,
  path: string,
  options: CallOptions,
): Promise<DomainRef | undefined> => (await diskUsers(context, options)).get(path);
