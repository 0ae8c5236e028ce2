/** VirtualMachine: one machine on one hypervisor. @module */
import { type Static } from "@virtrigaud/deps";
import { defineKind } from "./definition.ts";
import { conditions, type KubeResource, observedGeneration } from "./meta.ts";
import { boolean, dateTime, int32, int64, list, object, oneOf, string, stringMap } from "./schema.ts";
import { VirtualMachineSpec } from "./virtual_machine_spec.ts";

/** What a VM is seen to be. `OffGraceful` is never observed; it stays for objects written by older versions. */
export const OBSERVED_POWER_STATES = ["On", "Off", "OffGraceful", "Suspended", "Unknown"] as const;
/** One of {@linkcode OBSERVED_POWER_STATES}. */
export type ObservedPowerState = (typeof OBSERVED_POWER_STATES)[number];

/** One-word summary of a VM. */
export const VIRTUAL_MACHINE_PHASES = [
  "Pending",
  "Provisioning",
  "Running",
  "Stopped",
  "Suspended",
  "Reconfiguring",
  "Missing",
  "Deleting",
  "Failed",
  "Unknown",
] as const;
/** One of {@linkcode VIRTUAL_MACHINE_PHASES}. */
export type VirtualMachinePhase = (typeof VIRTUAL_MACHINE_PHASES)[number];

/**
 * The step on the hypervisor that is under way. Written before it is waited for, so that a manager that starts anew
 * goes on waiting for the same task.
 */
export const Operation = object("Step on the hypervisor that is under way.", {
  id: string("Identity of the step: a provider does the same id once, however often it is asked."),
  verb: string("What is being done: Create, Delete, Power, Reconfigure and so on."),
  startedAt: dateTime("When the step was first asked for."),
}, {
  taskRef: string("Provider's reference of the task, once it has answered."),
  deadline: dateTime("When the step counts as failed."),
  attempt: int32("How often the step was asked for, from 1.", { minimum: 0 }),
  generation: int64("Generation of `spec` that the step carries out."),
  wish: string("Digest of the wish that the step carries out."),
  message: string("What the last attempt ended with."),
  userData: oneOf("What the step makes of the user-data.", ["Replaced", "Removed"]),
});
/** Step on the hypervisor that is under way. */
export type Operation = Static<typeof Operation>;

/** Schema of `VirtualMachine.status`. */
export const VirtualMachineStatus = object("What the virtual machine is seen to be.", {}, {
  id: string("Identifier of the machine in the hypervisor: domain UUID, managed object reference or VMID."),
  instanceUUID: string("UUID that the machine itself carries."),
  providerUID: string("UID of the Provider object that the machine was created through."),
  phase: oneOf("One-word summary; the conditions are authoritative.", VIRTUAL_MACHINE_PHASES),
  message: string("What is going on or wrong, for a person."),
  powerState: oneOf("Power state that the hypervisor reports.", OBSERVED_POWER_STATES),
  host: string("Host or node that the machine is on."),
  ips: list("Addresses of the guest, the primary one first.", string("One address, IPv4 or IPv6.")),
  consoleURL: string("Where to open the console."),
  currentResources: object("Size that the hypervisor reports.", {}, {
    cpu: int32("Number of virtual CPUs."),
    memoryMiB: int64("Memory in MiB."),
    gpu: object("GPUs of the machine.", { count: int32("Number of GPUs.") }, {
      memory: int64("Memory of each GPU in MiB."),
      type: string("Model or vGPU profile."),
    }),
  }),
  disks: list(
    "Disks that the hypervisor reports.",
    object(
      "One disk.",
      { name: string("Name in `spec.disks`, or `root`; the hypervisor's own when it is not ours.") },
      {
        id: string("Identifier of the disk or volume in the hypervisor."),
        path: string("Where the disk lies: path, volume or datastore path."),
        sizeGiB: int32("Capacity in GiB, rounded up."),
        device: string("Device name or bus address on the machine."),
      },
    ),
  ),
  networks: list(
    "Network interfaces that the hypervisor reports.",
    object("One interface.", { name: string("Name in `spec.networks`; the hypervisor's own when it is not ours.") }, {
      mac: string("Ethernet address."),
      ips: list("Addresses on this interface.", string("One address, IPv4 or IPv6.")),
      network: string("Network, bridge or port group that it is plugged into."),
    }),
  ),
  guest: object("What the guest's agent reports.", {}, {
    hostname: string("Host name."),
    os: string("Operating system."),
    agent: oneOf("Whether the agent answers.", ["Connected", "NotConnected", "Unknown"]),
  }),
  conditions,
  observedGeneration,
  operation: Operation,
  failures: list(
    "Steps that failed, one entry per kind of step, and whether they are tried again.",
    object("One step that failed.", {
      verb: string("What was tried."),
      class: string("Class of the error, such as InvalidSpec or QuotaExceeded."),
      message: string("What went wrong and what to do about it."),
      wish: string("Digest of the wish that it failed for; another wish is tried afresh."),
      attempt: int32("How often it was tried.", { minimum: 1 }),
    }, {
      reason: string("Reason within the class."),
      retryAfter: dateTime("When it is tried again; absent: when the wish changes."),
    }),
  ),
  appliedWish: string(
    "Digest of the wish that the machine was last made or changed by; after a dot, of the user-data: of inline text and " +
      "of versions of Secrets, never of their content.",
  ),
  userData: object("Last change of user-data, meta-data or static addresses of the machine that exists.", {
    change: oneOf("What was done. The guest sees it when it boots next.", ["Replaced", "Removed"]),
    time: dateTime("When it was done."),
  }, {}),
  pendingPowerCycle: object("Change that waits for the machine to be off.", {
    wish: string("Digest of the wish that waits."),
    fields: list("What waits.", string("One field.")),
  }, {}),
  lastReboot: object("Last reboot that was asked for by annotation and done.", {
    request: string("Value of the annotation virtrigaud.io/reboot-requested-at that it answered."),
  }, { time: dateTime("When it was done.") }),
  lastTaskRef: string("Provider's reference of the last task."),
  reconfigureTaskRef: string("Provider's reference of the last task that changed the machine."),
  lastReconfigureTime: dateTime("When the machine was last changed."),
  snapshots: list(
    "Snapshots of the machine that the hypervisor reports.",
    object("One snapshot.", {
      id: string("Identifier in the hypervisor."),
      name: string("Name in the hypervisor."),
      creationTime: dateTime("When it was taken."),
    }, {
      description: string("Text kept with it."),
      hasMemory: boolean("Whether it holds the memory of the running machine."),
      sizeBytes: int64("Space that it takes, in bytes."),
    }),
  ),
  lastRevertedSnapshot: string("UID of the VMSnapshot that the machine last went back to."),
  provider: stringMap("Further facts, in the provider's terms."),
});
/** What the virtual machine is seen to be. */
export type VirtualMachineStatus = Static<typeof VirtualMachineStatus>;

/** A virtual machine on one hypervisor: what it is wanted to be, and what it is seen to be. */
export type VirtualMachine = KubeResource<"VirtualMachine", VirtualMachineSpec, VirtualMachineStatus>;

/** Definition of the kind VirtualMachine. */
export const virtualMachine = defineKind({
  kind: "VirtualMachine",
  plural: "virtualmachines",
  shortNames: ["vm"],
  description: "A virtual machine on one hypervisor: what it is wanted to be, and what it is seen to be.",
  spec: VirtualMachineSpec,
  status: VirtualMachineStatus,
  support: {
    manager: [
      "spec.providerRef",
      "spec.classRef",
      "spec.imageRef",
      "spec.powerState",
      "spec.updatePolicy",
      "spec.deletionPolicy",
      "spec.onMissing",
      "spec.lifecycle.gracefulShutdownTimeout",
      "spec.networks[].networkRef",
    ],
    managerPlanned: ["spec.lifecycle.preStop", "spec.lifecycle.postStart", "spec.placementRef", "spec.snapshot"],
    descriptive: ["spec.importedDisk.source", "spec.importedDisk.migrationRef", "spec.importedDisk.sizeGiB"],
    blocks: {},
    providers: {
      mock: { honoured: ["spec"], planned: [] },
      libvirt: {
        honoured: [
          "spec.resources.cpu",
          "spec.resources.memoryMiB",
          "spec.importedDisk",
          "spec.disks[].name",
          "spec.disks[].sizeGiB",
          "spec.disks[].type",
          "spec.disks[].expandPolicy",
          "spec.disks[].storageClass",
          "spec.disks[].scsi.controller",
          "spec.disks[].scsi.controllerType",
          "spec.resources.gpu.count",
          "spec.resources.gpu.type",
          "spec.tags",
          "spec.placement.datastore",
          "spec.networks[].name",
          "spec.networks[].macAddress",
          "spec.networks[].ipAddress",
          "spec.networks[].prefix",
          "spec.networks[].gateway",
          "spec.networks[].dns",
          "spec.userData.cloudInit",
          "spec.metaData.cloudInit",
          "spec.userData.ignition",
        ],
        planned: [],
      },
      vsphere: { honoured: [], planned: ["spec"] },
      proxmox: { honoured: [], planned: ["spec"] },
    },
  },
  printerColumns: [
    { name: "Power", type: "string", jsonPath: ".status.powerState" },
    { name: "IP", type: "string", jsonPath: ".status.ips[0]" },
    { name: "Host", type: "string", jsonPath: ".status.host" },
    { name: "Provider", type: "string", jsonPath: ".spec.providerRef.name" },
    { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: "Reason", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].reason' },
    { name: "Phase", type: "string", jsonPath: ".status.phase", priority: 1 },
    { name: "Class", type: "string", jsonPath: ".spec.classRef.name", priority: 1 },
    { name: "Image", type: "string", jsonPath: ".spec.imageRef.name", priority: 1 },
    { name: "IPs", type: "string", jsonPath: ".status.ips", priority: 1 },
    { name: "Message", type: "string", jsonPath: ".status.message", priority: 1 },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});
