/** Calls that change limits of a domain, running or not. All of them name the domain in their errors. @module */
import type { Rpc } from "./connection.ts";
import { type DomainRef, type TypedParam, writeDomain, writeTypedParams } from "./objects.ts";
import { type Procedure, procedure } from "./procedures.ts";

interface Options {
  readonly signal?: AbortSignal;
}

const quote = (domain: DomainRef): string => `domain "${domain.name}" (${domain.uuid})`;

const setLimits = (limits: Procedure, what: string) =>
(
  rpc: Rpc,
  domain: DomainRef,
  params: readonly TypedParam[],
  where: number,
  options?: Options,
): Promise<void> =>
  rpc.call({
    procedure: limits,
    doing: `set ${what} limits of ${quote(domain)}`,
    args: (w) => writeTypedParams(writeDomain(w, domain), params).u32(where),
  }, options);

/** Sets shares and quota of the CPUs: `cpu_shares`, `global_period`, `global_quota`. `where`: {@linkcode affect}. */
export const setScheduler = setLimits(procedure.domainSetSchedulerParameters, "CPU");

/** Sets limits of memory: `hard_limit` in KiB. `where`: {@linkcode affect}. */
export const setMemoryLimits = setLimits(procedure.domainSetMemoryParameters, "memory");

/** Sets limits of a disk: `total_iops_sec`; 0 takes the limit away. `where`: {@linkcode affect}. */
export const setBlockLimits = (
  rpc: Rpc,
  domain: DomainRef,
  change: { readonly target: string; readonly params: readonly TypedParam[]; readonly where: number },
  options?: Options,
): Promise<void> =>
  rpc.call({
    procedure: procedure.domainSetBlockIoTune,
    doing: `set I/O limits of disk ${change.target} of ${quote(domain)}`,
    args: (w) => writeTypedParams(writeDomain(w, domain).string(change.target), change.params).u32(change.where),
  }, options);
