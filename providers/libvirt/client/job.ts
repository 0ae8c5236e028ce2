/** Calls about jobs that QEMU does on the disks of a running domain. @module */
import { ProviderError } from "@virtrigaud/contract";
import type { Rpc } from "./connection.ts";
import { errorCode, LibvirtError, LOST_JOB } from "./errors.ts";
import { type DomainRef, readTypedParams, type TypedParams, writeDomain } from "./objects.ts";
import { procedure } from "./procedures.ts";

interface Options {
  readonly signal?: AbortSignal;
}

/** `virDomainJobType`, as far as they are told apart. */
export const jobType = { none: 0, completed: 3, failed: 4, cancelled: 5 } as const;

/** Write into files that are there already (`VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL`). */
const REUSE_EXTERNAL = 1;
const STATS_COMPLETED = 1;

/** Begins the backup that `description` describes, into volumes that are there; it goes on when the call has returned. */
export const beginBackup = (rpc: Rpc, domain: DomainRef, description: string, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.domainBackupBegin,
    doing: `begin to copy the disks of domain "${domain.name}"`,
    // Without a checkpoint.
    args: (w) => writeDomain(w, domain).string(description).bool(false).u32(REUSE_EXTERNAL),
  }, options);

/** Description of the backup that goes on; `undefined` if none does. */
export const backupXml = async (rpc: Rpc, domain: DomainRef, options?: Options): Promise<string | undefined> => {
  try {
    return await rpc.call({
      procedure: procedure.domainBackupGetXml,
      doing: `ask what is copied from domain "${domain.name}"`,
      args: (w) => writeDomain(w, domain).u32(0),
      reply: (r) => r.string(),
    }, options);
  } catch (error) {
    if (LibvirtError.hasCode(error, errorCode.noDomainBackup, errorCode.operationInvalid)) return undefined;
    throw error;
  }
};

/** What libvirt says of a copy that it holds to be going on, and knows nothing of (`qemuDomainGetJobStats`). */
const LOST = /backup job data missing/i;

/**
 * The job that goes on (`type` {@linkcode jobType}`.none` if there is none), or with `completed` the last one.
 * @throws {ProviderError} `Conflict` with reason `JobLost` when a libvirtd that died has left a job which never ends.
 */
export const stats = async (
  rpc: Rpc,
  domain: DomainRef,
  which: "current" | "completed",
  options?: Options,
): Promise<{ readonly type: number; readonly params: TypedParams }> => {
  try {
    return await rpc.call({
      procedure: procedure.domainGetJobStats,
      doing: `ask for the ${which} job of domain "${domain.name}"`,
      args: (w) => writeDomain(w, domain).u32(which === "completed" ? STATS_COMPLETED : 0),
      reply: (r) => ({ type: r.i32(), params: readTypedParams(r) }),
    }, options);
  } catch (error) {
    if (!LibvirtError.hasCode(error, errorCode.internal) || !LOST.test(error.message)) throw error;
    throw new ProviderError("Conflict", `domain "${domain.name}": ${LOST_JOB}`, { reason: "JobLost", cause: error });
  }
};

/** Ends the job that goes on; none is a success. */
export const abort = async (rpc: Rpc, domain: DomainRef, options?: Options): Promise<void> => {
  try {
    await rpc.call({
      procedure: procedure.domainAbortJob,
      doing: `end the job of domain "${domain.name}"`,
      args: (w) => writeDomain(w, domain),
    }, options);
  } catch (error) {
    if (!LibvirtError.hasCode(error, errorCode.operationInvalid)) throw error;
  }
};
