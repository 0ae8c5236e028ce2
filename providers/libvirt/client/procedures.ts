/** Numbers of the remote procedures in use (`remote_protocol.x`); they never change once libvirt has released them. @module */

/** Procedures of {@linkcode program.remote}. Events that the server pushes are procedures as well. */
export const procedure = {
  connectOpen: 1,
  connectGetVersion: 4,
  connectGetCapabilities: 7,
  domainCreate: 9,
  domainGetXml: 14,
  domainLookupByName: 23,
  domainLookupByUuid: 24,
  domainReboot: 27,
  domainResume: 28,
  domainSuspend: 34,
  networkLookupByName: 46,
  connectGetHostname: 59,
  connectSupportsFeature: 60,
  authList: 66,
  authSaslInit: 67,
  authSaslStart: 68,
  authSaslStep: 69,
  authPolkit: 70,
  poolRefresh: 83,
  poolLookupByName: 84,
  poolGetXml: 88,
  volumeCreate: 93,
  volumeDelete: 94,
  volumeLookupByName: 95,
  volumeLookupByPath: 97,
  volumeGetInfo: 98,
  volumeGetXml: 99,
  volumeGetPath: 100,
  volumeCreateFrom: 125,
  networkIsActive: 152,
  poolIsActive: 154,
  connectGetLibVersion: 157,
  domainAttachDevice: 160,
  domainDetachDevice: 161,
  domainAbortJob: 164,
  domainUpdateDevice: 174,
  snapshotCreate: 185,
  snapshotGetXml: 186,
  snapshotLookupByName: 189,
  snapshotCurrent: 191,
  snapshotRevert: 192,
  snapshotDelete: 193,
  domainSetVcpus: 199,
  domainSetMemory: 204,
  volumeUpload: 208,
  volumeDownload: 209,
  domainGetState: 212,
  domainUndefine: 231,
  domainDestroy: 234,
  domainReset: 245,
  domainBlockResize: 251,
  domainShutdown: 258,
  volumeResize: 260,
  domainSetMetadata: 264,
  listAllDomains: 273,
  listAllSnapshots: 274,
  listAllPools: 281,
  poolListAllVolumes: 282,
  domainGetJobStats: 298,
  domainEventRegister: 316,
  eventLifecycle: 318,
  eventReboot: 319,
  eventDeviceRemoved: 333,
  domainFsFreeze: 335,
  domainFsThaw: 336,
  getAllDomainStats: 344,
  eventAgentLifecycle: 348,
  domainDefine: 350,
  domainInterfaceAddresses: 353,
  eventDeviceAdded: 354,
  eventMetadataChange: 379,
  domainGetGuestInfo: 418,
  domainAgentSetResponseTimeout: 420,
  domainBackupBegin: 421,
  domainBackupGetXml: 422,
} as const;

/** Procedures of {@linkcode program.qemu} (`qemu_protocol.x`). */
export const qemuProcedure = { agentCommand: 3 } as const;

/** Number of a remote procedure. */
export type Procedure =
  | (typeof procedure)[keyof typeof procedure]
  | (typeof qemuProcedure)[keyof typeof qemuProcedure];

const names = new Map<number, string>(Object.entries(procedure).map(([name, number]) => [number, name]));

/** Name of a procedure for messages. */
export const procedureName = (number: number): string => names.get(number) ?? `procedure ${number}`;
