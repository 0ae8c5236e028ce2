/** A generator of requests and one of responses for every RPC. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import { Secret } from "@virtrigaud/telemetry";
import type { RequestOf, ResponseOf, UnaryMethod } from "../codec/rpcs.ts";
import type { Capabilities, Operation, TaskStatus, TransferTarget } from "../provider.ts";
import { imageSource, machineSpec, observedMachine } from "./arbitrary.ts";

const record = <T extends object>(fields: { [K in keyof T]-?: fc.Arbitrary<T[K]> }, required: (keyof T)[]) =>
  fc.record(fields, { requiredKeys: required as never[], noNullPrototype: true }) as unknown as fc.Arbitrary<T>;

const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const words = fc.array(word, { maxLength: 3 });
type Texts = Readonly<Record<string, string>>;
const texts = fc.constantFrom<Texts[]>({}, { bucket: "b" }, { server: "s", export: "/e" });
const bool = fc.boolean();
const big = fc.maxSafeNat();
const percent = fc.integer({ min: 0, max: 100 });

const operation: fc.Arbitrary<Operation> = fc.record({ id: word, ownerUid: fc.uuid(), owner: word, fence: big }, {
  noNullPrototype: true,
});
const task = fc.record({ id: word }, { noNullPrototype: true });
const vm = { operation, vmId: word };
const taskOnly = record<ResponseOf<"delete">>({ task }, []);
const created = record<ResponseOf<"create">>({ vmId: word, task }, ["vmId"]);
const snapshot = fc.record({ ...vm, snapshotId: word }, { noNullPrototype: true });
const transfer: fc.Arbitrary<TransferTarget> = fc.record({
  backend: fc.constantFrom("s3", "nfs", "pvc"),
  url: fc.webUrl(),
  credentials: texts.map((map) => new Secret(map)),
  options: texts,
}, { noNullPrototype: true });

const capabilities: fc.Arbitrary<Capabilities> = fc.record({
  reconfigureOnline: bool,
  diskExpansionOnline: bool,
  snapshots: bool,
  memorySnapshots: bool,
  quiescedSnapshots: bool,
  clones: bool,
  linkedClones: bool,
  imageImport: bool,
  diskExport: bool,
  diskImport: bool,
  exportCompression: bool,
  guestExec: bool,
  hardwareUpgrade: bool,
  pushEvents: bool,
  guestInitReplace: bool,
  diskTypes: words,
  networkTypes: words,
  exportFormats: words,
  importFormats: words,
  exportBackends: words,
  importBackends: words,
  transferModes: words,
}, { noNullPrototype: true });

type TaskError = NonNullable<TaskStatus["error"]>;

const taskStatus = record<TaskStatus>({
  task,
  vmId: word,
  state: fc.constantFrom("Running", "Succeeded", "Failed"),
  progressPercent: percent,
  error: record<TaskError>(
    { class: fc.constantFrom("Conflict", "Timeout"), reason: word, message: fc.string(), field: word },
    ["class", "message"],
  ),
  checksum: word,
}, ["task", "state"]);

interface Samples<Q, R> {
  readonly requests: fc.Arbitrary<Q>;
  readonly responses: fc.Arbitrary<R>;
}

/** By method of the provider. */
export const samples: { readonly [M in UnaryMethod]: Samples<RequestOf<M>, ResponseOf<M>> } = {
  validate: {
    requests: fc.constant(undefined),
    responses: fc.record({ hypervisor: word, version: word }, { noNullPrototype: true }),
  },
  getCapabilities: { requests: fc.constant(undefined), responses: capabilities },
  create: {
    requests: fc.record({ operation, spec: machineSpec, powerOn: bool }, { noNullPrototype: true }),
    responses: created,
  },
  delete: { requests: fc.record(vm, { noNullPrototype: true }), responses: taskOnly },
  power: {
    requests: record<RequestOf<"power">>({
      ...vm,
      op: fc.constantFrom("On", "Off", "ShutdownGraceful", "Reboot", "Reset", "Suspend"),
      gracefulTimeoutMs: big,
    }, ["operation", "vmId", "op"]),
    responses: taskOnly,
  },
  reconfigure: {
    requests: record<RequestOf<"reconfigure">>({ ...vm, spec: machineSpec, followGuestInit: bool }, [
      "operation",
      "vmId",
      "spec",
    ]),
    responses: record<ResponseOf<"reconfigure">>({
      needsPowerCycle: words,
      task,
      guestInit: fc.constantFrom("Unchanged", "Replaced", "Removed"),
    }, ["needsPowerCycle"]),
  },
  hardwareUpgrade: {
    requests: fc.record({ ...vm, targetVersion: fc.integer({ min: 1, max: 30 }) }, { noNullPrototype: true }),
    responses: taskOnly,
  },
  describe: {
    requests: fc.oneof(
      record<RequestOf<"describe">>({ vmId: word, ownerUid: word }, ["vmId"]),
      record<RequestOf<"describe">>({ vmId: word, ownerUid: word }, ["ownerUid"]),
    ),
    responses: fc.oneof(
      fc.constant({ exists: false as const }),
      observedMachine.map((found) => ({ exists: true as const, vm: found })),
    ),
  },
  taskStatus: { requests: task, responses: taskStatus },
  listVms: {
    requests: record<RequestOf<"listVms">>({ pageSize: fc.integer({ min: 1, max: 1000 }), pageToken: word }, []),
    responses: record<ResponseOf<"listVms">>(
      { vms: fc.array(observedMachine, { maxLength: 2 }), nextPageToken: word },
      ["vms"],
    ),
  },
  snapshotCreate: {
    requests: record<RequestOf<"snapshotCreate">>(
      { ...vm, name: word, description: fc.string(), includeMemory: bool, quiesce: bool },
      ["operation", "vmId", "name", "includeMemory", "quiesce"],
    ),
    responses: record<ResponseOf<"snapshotCreate">>({ snapshotId: word, task }, ["snapshotId"]),
  },
  snapshotDelete: { requests: snapshot, responses: taskOnly },
  snapshotRevert: { requests: snapshot, responses: taskOnly },
  snapshotList: {
    requests: fc.record({ vmId: word }, { noNullPrototype: true }),
    responses: fc.array(
      record<ResponseOf<"snapshotList">[number]>({
        id: word,
        name: word,
        description: fc.string(),
        parentId: word,
        createdAt: word,
        hasMemory: bool,
        sizeBytes: big,
        current: bool,
      }, ["id", "name", "createdAt", "hasMemory", "current"]),
      { maxLength: 3 },
    ),
  },
  clone: {
    requests: record<RequestOf<"clone">>(
      { operation, sourceVmId: word, snapshotId: word, linked: bool, spec: machineSpec, powerOn: bool },
      ["operation", "sourceVmId", "linked", "spec", "powerOn"],
    ),
    responses: created,
  },
  imagePrepare: {
    requests: record<RequestOf<"imagePrepare">>(
      { operation, source: imageSource, name: word, storage: word, force: bool },
      ["operation", "source", "name", "force"],
    ),
    responses: record<ResponseOf<"imagePrepare">>(
      { imageId: word, path: word, sizeBytes: big, format: word, task },
      ["imageId"],
    ),
  },
  exportDisk: {
    requests: record<RequestOf<"exportDisk">>(
      { ...vm, disk: word, snapshotId: word, format: word, compress: bool, target: transfer },
      ["operation", "vmId", "format", "compress", "target"],
    ),
    responses: record<ResponseOf<"exportDisk">>(
      { exportId: word, estimatedSizeBytes: big, checksum: word, task },
      ["exportId"],
    ),
  },
  importDisk: {
    requests: record<RequestOf<"importDisk">>(
      { operation, name: word, format: word, source: transfer, storage: word, expectedChecksum: word },
      ["operation", "name", "format", "source"],
    ),
    responses: record<ResponseOf<"importDisk">>(
      { diskId: word, path: word, sizeBytes: big, checksum: word, task },
      ["diskId"],
    ),
  },
  getDiskInfo: {
    requests: record<RequestOf<"getDiskInfo">>({ vmId: word, disk: word, snapshotId: word }, ["vmId"]),
    responses: record<ResponseOf<"getDiskInfo">>({
      id: word,
      format: word,
      virtualSizeBytes: big,
      actualSizeBytes: big,
      path: word,
      bootable: bool,
      snapshots: words,
      backingFile: word,
    }, ["id", "format", "virtualSizeBytes", "actualSizeBytes", "bootable", "snapshots"]),
  },
  guestExec: {
    requests: record<RequestOf<"guestExec">>(
      { ...vm, command: fc.array(fc.string(), { minLength: 1, maxLength: 3 }), timeoutMs: fc.integer({ min: 1 }) },
      ["operation", "vmId", "command"],
    ),
    responses: fc.record({ exitCode: fc.integer(), stdout: fc.string(), stderr: fc.string() }, {
      noNullPrototype: true,
    }),
  },
};
