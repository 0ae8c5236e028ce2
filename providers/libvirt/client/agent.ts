/** Calls that go through to the guest agent. @module */
import type { Rpc } from "./connection.ts";
import { type DomainRef, writeDomain } from "./objects.ts";
import { program } from "./packet.ts";
import { procedure, qemuProcedure } from "./procedures.ts";

interface Options {
  readonly signal?: AbortSignal;
}

/** How long libvirt waits for the answer to one command, seconds. */
const COMMAND_TIMEOUT_S = 10;
/** Flushing all file systems of a busy guest takes longer than an answer does. */
const FREEZE_TIMEOUT_MS = 120_000;

/** Sends one command, JSON, and returns the answer, JSON: neither is looked into here. */
export const command = (rpc: Rpc, domain: DomainRef, json: string, options?: Options): Promise<string> =>
  rpc.call({
    program: program.qemu,
    procedure: qemuProcedure.agentCommand,
    doing: `send a command to the guest agent of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).string(json).i32(COMMAND_TIMEOUT_S).u32(0),
    reply: (r) => r.optional((x) => x.string()) ?? "",
    lane: "agent",
  }, options);

/** `VIR_DOMAIN_VCPU_GUEST`: it is the guest that is asked, not the machine. */
const VCPU_GUEST = 8;

/** Has the guest use `count` of its machine's CPUs. @throws {ProviderError} also while its kernel has not seen as many. */
export const useCpus = (rpc: Rpc, domain: DomainRef, count: number, options?: Options): Promise<void> =>
  rpc.call({
    procedure: procedure.domainSetVcpus,
    doing: `have the guest of domain "${domain.name}" use ${count} CPUs`,
    args: (w) => writeDomain(w, domain).u32(count).u32(VCPU_GUEST),
    lane: "agent",
  }, options);

/** Has the guest write out and hold all its file systems. */
export const freeze = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<number> =>
  rpc.call({
    procedure: procedure.domainFsFreeze,
    doing: `freeze the file systems of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).u32(0).u32(0),
    reply: (r) => r.i32(),
    lane: "agent",
    timeoutMs: FREEZE_TIMEOUT_MS,
  }, options);

/** Lets the guest go on with its file systems. */
export const thaw = (rpc: Rpc, domain: DomainRef, options?: Options): Promise<number> =>
  rpc.call({
    procedure: procedure.domainFsThaw,
    doing: `thaw the file systems of domain "${domain.name}"`,
    args: (w) => writeDomain(w, domain).u32(0).u32(0),
    reply: (r) => r.i32(),
    lane: "agent",
    timeoutMs: FREEZE_TIMEOUT_MS,
  }, options);
