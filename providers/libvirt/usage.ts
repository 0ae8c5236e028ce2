/** Who uses a volume. @module */
import * as domains from "./client/domain.ts";
import { errorCode, LibvirtError } from "./client/errors.ts";
import type { DomainRef } from "./client/objects.ts";
import type { CallOptions, LibvirtContext } from "./context.ts";
import { readDomain } from "./domain_xml/read.ts";

/** The domain that has a disk at this path. */
export async function domainUsing(
  context: LibvirtContext,
  path: string,
  options: CallOptions,
): Promise<DomainRef | undefined> {
  const { session } = context;
  for (const domain of await domains.list(session, options)) {
    for (const which of ["current", "inactive"] as const) {
      const description = await domains.xml(session, domain, which, options).catch((error: unknown) => {
        // It is gone, or has no stored description.
        if (LibvirtError.hasCode(error, errorCode.noDomain, errorCode.operationInvalid)) return undefined;
        throw error;
      });
      if (description === undefined) continue;
      if (readDomain(description).disks.some(({ source }) => source === path)) return domain;
    }
  }
  return undefined;
}
