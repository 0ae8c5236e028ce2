/** libvirt's error codes and what they mean in the contract's taxonomy. @module */
import { type ErrorClass, ProviderError, type ProviderErrorOptions } from "@virtrigaud/contract";
import type { XdrReader } from "./xdr.ts";
import { readDomain, readNetwork } from "./objects.ts";

/** The codes that this provider tells apart (`virErrorNumber` in libvirt's `virterror.h`). */
export const errorCode = {
  internal: 1,
  noMemory: 2,
  noSupport: 3,
  invalidArg: 8,
  operationFailed: 9,
  xml: 27,
  domainExists: 28,
  operationDenied: 29,
  xmlDetail: 35,
  system: 38,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVol: 50,
  operationInvalid: 55,
  noFilter: 62,
  configUnsupported: 67,
  operationTimeout: 68,
  noSnapshot: 72,
  argumentUnsupported: 74,
  operationAborted: 78,
  authCancelled: 79,
  operationUnsupported: 84,
  agentUnresponsive: 86,
  resourceBusy: 87,
  accessDenied: 88,
  storageVolExists: 90,
  xmlInvalidSchema: 92,
  authUnavailable: 94,
  agentUnsynced: 97,
  deviceMissing: 99,
  noDomainBackup: 104,
} as const;

/** An error that libvirt itself answered with, as a {@linkcode ProviderError} of the class that its code means. */
export class LibvirtError extends ProviderError {
  /** libvirt's own number; see {@linkcode errorCode}. */
  readonly code: number;

  constructor(code: number, message: string, options: ProviderErrorOptions = {}) {
    const { errorClass, reason } = classify(code, message);
    super(errorClass, advised(message), {
      ...(reason === undefined ? {} : { reason }),
      ...options,
    });
    this.code = code;
  }

  /** Whether `error` is libvirt's, with one of `codes`. */
  static hasCode(error: unknown, ...codes: readonly number[]): error is LibvirtError {
    return error instanceof LibvirtError && codes.includes(error.code);
  }
}

/** Reads the body of a reply with status `error` (`virNetMessageError`). `doing` says what was asked for. */
export function readError(reader: XdrReader, doing: string): LibvirtError {
  const code = reader.i32();
  reader.i32(); // which part of libvirt
  const message = reader.optional((r) => r.string());
  reader.i32(); // level
  reader.optional(readDomain);
  for (let text = 0; text < 3; text++) reader.optional((r) => r.string());
  reader.i32();
  reader.i32();
  reader.optional(readNetwork);
  return new LibvirtError(code, `${doing}: ${message ?? `libvirt error ${code}`}`);
}

const NO_ROOM =
  /no space left|cannot allocate memory|disk quota exceeded|not enough free space|insufficient free space/i;

/** A volume or pool that another job of libvirt's holds, under codes that otherwise mean something else. */
const HELD = /is still being allocated|is still in use|has asynchronous jobs running/i;

/** A device that a call whose connection broke has plugged in since the machine was looked at. */
const OVERTAKEN = /non unique alias detected/i;

/** The thread with which libvirtd takes over the domains that run when it starts. It holds a domain for moments only. */
const HELD_SINCE_START = /held by (agent=|monitor=)?init-/;

/** What to do about a job that libvirt holds to be going on and that nobody does: QEMU's end does not end it. */
export const LOST_JOB = "libvirtd died in the middle of a job of this VM, and waits for its end ever since; " +
  "power the VM off, restart libvirtd on the host, then power the VM on";

function advised(message: string): string {
  if (NO_ROOM.test(message)) return `${message.trimEnd()}; make room on the host`;
  return HELD_SINCE_START.test(message) ? `${message.trimEnd()}: ${LOST_JOB}` : message;
}

function classify(code: number, message: string): { errorClass: ErrorClass; reason?: string } {
  if (HELD.test(message) || OVERTAKEN.test(message)) return { errorClass: "Conflict", reason: "Locked" };
  switch (code) {
    case errorCode.noDomain:
      return { errorClass: "NotFound" };
    case errorCode.noNetwork:
    case errorCode.noStoragePool:
    case errorCode.noStorageVol:
    case errorCode.noFilter:
      return { errorClass: "NotFound", reason: "DependencyMissing" };
    case errorCode.noSnapshot:
      return { errorClass: "NotFound", reason: "SnapshotMissing" };
    case errorCode.deviceMissing:
      return { errorClass: "NotFound", reason: "DeviceMissing" };
    case errorCode.invalidArg:
    case errorCode.xml:
    case errorCode.xmlDetail:
    case errorCode.xmlInvalidSchema:
    case errorCode.configUnsupported:
      return { errorClass: "InvalidSpec" };
    case errorCode.noSupport:
    case errorCode.argumentUnsupported:
    case errorCode.operationUnsupported:
      return { errorClass: "NotSupported" };
    case errorCode.operationDenied:
    case errorCode.authFailed:
    case errorCode.authCancelled:
    case errorCode.authUnavailable:
    case errorCode.accessDenied:
      return { errorClass: "Unauthorized" };
    case errorCode.domainExists:
    case errorCode.storageVolExists:
      return { errorClass: "Conflict", reason: "NameConflict" };
    case errorCode.operationInvalid:
      return { errorClass: "Conflict", reason: "PowerState" };
    case errorCode.resourceBusy:
      return { errorClass: "Conflict", reason: "Locked" };
    // libvirt waits 30 s for a domain's job lock and then gives up with this code.
    case errorCode.operationTimeout:
      if (HELD_SINCE_START.test(message)) return { errorClass: "Conflict", reason: "JobLost" };
      return { errorClass: "Retryable", reason: "Locked" };
    case errorCode.agentUnresponsive:
    case errorCode.agentUnsynced:
      return { errorClass: "Retryable", reason: "AgentUnresponsive" };
    case errorCode.noMemory:
      return { errorClass: "QuotaExceeded" };
    default:
      return { errorClass: NO_ROOM.test(message) ? "QuotaExceeded" : "Retryable" };
  }
}
