import { assertEquals, assertMatch } from "@virtrigaud/deps";
import { decide } from "./decide.ts";
import type { VmInput } from "./input.ts";
import {
  absent,
  at,
  ended,
  failure,
  inFlight,
  input,
  made,
  NOW,
  operation,
  present,
  readyOf,
  running,
  unreachable,
  vm,
  wish,
} from "./testing/inputs.ts";

/** One row: what is, which step follows, and (for some) phase, status and reason of Ready. */
type Row = readonly [
  name: string,
  change: Partial<VmInput>,
  step: VmInput["vm"]["kind"] | string,
  ready?: string,
  message?: RegExp,
];

const life: readonly Row[] = [
  ["a VM that is as asked waits", {}, "Wait", "Running True ReconcileSuccess"],
  ["a VM without finalizer gets one before anything", { vm: vm({ finalizers: [] }) }, "AddFinalizer"],
  ["one that is to be made gets its finalizer first", { ...absent, vm: vm({ finalizers: [] }) }, "AddFinalizer"],
  ["one that is nowhere is created", absent, "Create", "Provisioning False Creating"],
  [
    "absence that only the cache says is enough to create one that never was",
    { machine: { type: "Absent", proven: false } },
    "Create",
  ],
  [
    "absence of one that was is to be proven",
    { machine: { type: "Absent", proven: false }, vm: vm({ status: made }) },
    "Describe",
  ],
  ["one that is gone is held", { ...absent, vm: vm({ status: made }) }, "Wait", "Missing False Missing", /onMissing/],
  ["one that is gone is made anew on request", {
    ...absent,
    vm: vm({ status: made, spec: { onMissing: "Recreate" } }),
  }, "Create"],
  [
    "one made elsewhere is never made anew here",
    {
      ...absent,
      vm: vm({ status: { ...made, providerUID: "provider-0" }, spec: { onMissing: "Recreate" } }),
    },
    "Wait",
    "Missing False ProviderChanged",
  ],
  ["an adopted VM is never created", { ...absent, vm: vm({ labels: { "virtrigaud.io/adopted": "true" } }) }, "Wait"],
  ["a state that a change overtook is asked for", { machine: { type: "Unsettled" } }, "Describe"],
  ["an unreachable provider says nothing about a new VM", unreachable, "Wait", "Pending False ProviderUnavailable"],
  [
    "what is missing is named",
    {
      ...absent,
      wish: { type: "Missing", missing: [{ field: "spec.classRef", message: `VMClass "c" does not exist` }] },
    },
    "Wait",
    "Pending False WaitingForDependencies",
    /spec\.classRef: VMClass "c" does not exist/,
  ],
  [
    "what cannot be honoured is named",
    {
      ...absent,
      wish: { type: "Invalid", reason: "UnsupportedField", problems: [{ field: "spec.tags", message: "no" }] },
    },
    "Wait",
    "Failed False UnsupportedField",
    /spec\.tags/,
  ],
  [
    "a VM that runs goes on while something it refers to is missing",
    { wish: { type: "Missing", missing: [{ field: "spec.classRef", message: "gone" }] } },
    "Wait",
    "Running False WaitingForDependencies",
  ],
  [
    "a create that failed waits for its time",
    {
      ...absent,
      vm: vm({
        status: { failures: [{ ...failure, verb: "Create", wish: "whole-shape-1", retryAfter: at(60_000) }] },
      }),
    },
    "Wait",
    "Failed False QuotaExceeded",
    /creating the VM failed: no room/,
  ],
  ["and is tried again then", {
    ...absent,
    vm: vm({ status: { failures: [{ ...failure, verb: "Create", wish: "whole-shape-1", retryAfter: at(0) }] } }),
  }, "Create"],
  ["or at once for another wish", {
    ...absent,
    vm: vm({ status: { failures: [{ ...failure, verb: "Create", wish: "whole-shape-0" }] } }),
  }, "Create"],
  [
    "a final refusal is not tried again",
    {
      ...absent,
      vm: vm({
        status: { failures: [{ ...failure, class: "InvalidSpec", verb: "Create", wish: "whole-shape-1" }] },
      }),
    },
    "Wait",
    "Failed False InvalidSpec",
  ],
  [
    "a taken name is waited for",
    {
      ...absent,
      nameHolder: "vm-9",
      vm: vm({
        status: {
          failures: [{ ...failure, class: "Conflict", reason: "NameConflict", verb: "Create", wish: "whole-shape-1" }],
        },
      }),
    },
    "Wait",
    "Failed False NameConflict",
  ],
  ["a name that is free again is taken", {
    ...absent,
    vm: vm({
      status: {
        failures: [{ ...failure, class: "Conflict", reason: "NameConflict", verb: "Create", wish: "whole-shape-1" }],
      },
    }),
  }, "Create"],
  ["off on request", { vm: vm({ spec: { powerState: "Off" } }) }, "Power Off"],
  ["off politely on request", { vm: vm({ spec: { powerState: "OffGraceful" } }) }, "Power ShutdownGraceful"],
  ["on on request", present({ power: "Off" }), "Power On"],
  [
    "off and wanted off is fine",
    { ...present({ power: "Off" }), vm: vm({ spec: { powerState: "OffGraceful" } }) },
    "Wait",
    "Stopped True ReconcileSuccess",
  ],
  ["a suspended VM is woken", present({ power: "Suspended" }), "Power On"],
  ["a suspended VM that is to be off is", {
    ...present({ power: "Suspended" }),
    vm: vm({ spec: { powerState: "Off" } }),
  }, "Power Off"],
  ["a VM between two states is left alone", present({ power: "Transitional", cpus: 1 }), "Wait"],
  [
    "a reboot that was asked for",
    { vm: vm({ annotations: { "virtrigaud.io/reboot-requested-at": "x" } }) },
    "Power Reboot",
  ],
  [
    "and was answered is not done again",
    {
      vm: vm({
        annotations: { "virtrigaud.io/reboot-requested-at": "x" },
        status: { ...made, lastReboot: { request: "x" } },
      }),
    },
    "Wait",
    "Running True ReconcileSuccess",
  ],
  [
    "a VM that is off has answered it",
    {
      ...present({ power: "Off" }),
      vm: vm({ annotations: { "virtrigaud.io/reboot-requested-at": "x" }, spec: { powerState: "Off" } }),
    },
    "Wait",
    "Stopped True ReconcileSuccess",
  ],
  ["another size is put right", present({ cpus: 1 }), "Reconfigure", "Reconfiguring False Updating"],
  [
    "another size, first off if it is to be off",
    { ...present({ cpus: 1 }), vm: vm({ spec: { powerState: "Off" } }) },
    "Power Off",
  ],
  ["a wish that changed where it does not show is sent once", {
    vm: vm({ status: { ...made, appliedWish: "shape-0" } }),
  }, "Reconfigure"],
  ["a disk that is missing is added", { wish: wish({ disks: [{ name: "data", sizeGib: 5 }] }) }, "Reconfigure"],
  [
    "a disk that would shrink is refused",
    {
      wish: wish({ disks: [{ name: "data", sizeGib: 5 }] }),
      ...present({ disks: [{ name: "root", id: "a", sizeGib: 10 }, { name: "data", id: "b", sizeGib: 8 }] }),
    },
    "Wait",
    "Running False InvalidSpec",
    /disks\[data\]\.sizeGiB: is 5, but the disk has 8 GiB/,
  ],
  [
    "a disk that left the list is kept",
    present({ disks: [{ name: "root", id: "a", sizeGib: 10 }, { name: "old", id: "b", sizeGib: 8 }] }),
    "Wait",
    "Running False InvalidSpec",
    /remove-disks/,
  ],
  ["unless its removal is allowed", {
    ...present({ disks: [{ name: "root", id: "a", sizeGib: 10 }, { name: "old", id: "b", sizeGib: 8 }] }),
    vm: vm({ annotations: { "virtrigaud.io/remove-disks": "x, old" } }),
  }, "Reconfigure"],
  ["a card too many is removed", { wish: wish({ nics: [] }) }, "Reconfigure"],
  [
    "but not from an adopted VM",
    {
      wish: wish({ nics: [] }),
      ...present({ ownerUid: undefined }),
      vm: vm({ labels: { "virtrigaud.io/adopted": "true" } }),
    },
    "Wait",
    "Running True ReconcileSuccess",
  ],
  [
    "a change that needs an outage gets it",
    {
      ...present({ cpus: 1 }),
      vm: vm({
        status: { ...made, appliedWish: "shape-0", pendingPowerCycle: { wish: "shape-1", fields: ["hardware.cpus"] } },
      }),
    },
    "Power ShutdownGraceful",
    "Reconfiguring False ReconfigurePendingPowerCycle",
  ],
  ["and is made while the VM is off", {
    ...present({ cpus: 1, power: "Off" }),
    vm: vm({
      status: { ...made, appliedWish: "shape-0", pendingPowerCycle: { wish: "shape-1", fields: ["hardware.cpus"] } },
    }),
    history: { digest: "shape-1", count: 3, lastAt: NOW },
  }, "Reconfigure"],
  [
    "or waits for it where outages are not allowed",
    {
      ...present({ cpus: 1 }),
      vm: vm({
        spec: { updatePolicy: "OnlineOnly" },
        status: { ...made, appliedWish: "shape-0", pendingPowerCycle: { wish: "shape-1", fields: ["hardware.cpus"] } },
      }),
    },
    "Wait",
    "Running False ReconfigurePendingPowerCycle",
    /OnlineOnly: hardware\.cpus/,
  ],
  [
    "drift is no reason for an outage",
    {
      ...present({ cpus: 1 }),
      vm: vm({ status: { ...made, pendingPowerCycle: { wish: "shape-1", fields: ["hardware.cpus"] } } }),
    },
    "Wait",
    "Running False ReconfigurePendingPowerCycle",
    /nobody asked for an outage/,
  ],
  ["a change that failed does not keep the VM off", {
    ...present({ cpus: 1, power: "Off" }),
    vm: vm({ status: { ...made, failures: [{ ...failure, verb: "Reconfigure", wish: "shape-1" }] } }),
  }, "Power On"],
  [
    "a change that did not help waits before it is made again",
    {
      ...present({ cpus: 1 }),
      history: { digest: "shape-1", count: 1, lastAt: NOW },
    },
    "Wait",
    "Running False Updating",
    /hardware\.cpus/,
  ],
  [
    "a power change that was refused says so",
    {
      ...present({ power: "Off" }),
      vm: vm({ status: { ...made, failures: [{ ...failure, verb: "PowerOn", wish: "On/1/" }] } }),
    },
    "Wait",
    "Stopped False QuotaExceeded",
    /powering the VM on failed: no room/,
  ],
  [
    "a VM that needs a person says so",
    present({ attention: "a question is open" }),
    "Wait",
    "Running False AttentionRequired",
  ],
  [
    "also one that was being made when it came to that",
    { ...present({ attention: "a start that nobody ends", power: "Transitional" }), vm: vm({ status: {} }) },
    "Wait",
    "Unknown False AttentionRequired",
  ],
];

const deletion: readonly Row[] = [
  ["without our finalizer it is none of our business", { vm: vm({ deleting: true, finalizers: ["other"] }) }, "Wait"],
  ["a machine that is there is deleted", { vm: vm({ deleting: true }) }, "Delete", "Deleting False Deleting"],
  ["one that is provably gone lets go", { ...absent, vm: vm({ deleting: true }) }, "RemoveFinalizer"],
  ["not in the cache is no proof", {
    machine: { type: "Absent", proven: false },
    vm: vm({ deleting: true, status: made }),
  }, "Describe"],
  [
    "gone from another provider is no proof",
    {
      ...absent,
      vm: vm({ deleting: true, status: { ...made, providerUID: "provider-0" } }),
    },
    "Wait",
    "Deleting False ProviderChanged",
  ],
  ["Retain lets go at once, even while a task runs", {
    vm: vm({ deleting: true, spec: { deletionPolicy: "Retain" }, status: { operation: operation("Delete") } }),
  }, "RemoveFinalizer"],
  [
    "an adopted VM stays",
    { vm: vm({ deleting: true, labels: { "virtrigaud.io/adopted": "true" } }) },
    "RemoveFinalizer",
  ],
  ["unless asked", {
    vm: vm({
      deleting: true,
      labels: { "virtrigaud.io/adopted": "true" },
      annotations: { "virtrigaud.io/delete-adopted": "true" },
    }),
  }, "Delete"],
  [
    "an unreachable provider holds",
    { ...unreachable, vm: vm({ deleting: true }) },
    "Wait",
    "Deleting False ProviderUnavailable",
    /force-delete/,
  ],
  [
    "a missing provider holds and is named",
    {
      ...unreachable,
      provider: { type: "NotFound", name: "default/p" },
      vm: vm({ deleting: true, status: { ...made, operation: operation("Create") } }),
    },
    "Wait",
    "Deleting False ProviderNotFound",
  ],
  ["force lets go of what cannot be asked about, even while a task runs", {
    ...unreachable,
    vm: vm({
      deleting: true,
      annotations: { "virtrigaud.io/force-delete": "true" },
      status: { operation: operation("Delete") },
    }),
  }, "RemoveFinalizer"],
  [
    "force tries to delete first",
    { vm: vm({ deleting: true, annotations: { "virtrigaud.io/force-delete": "true" } }) },
    "Delete",
  ],
  ["and gives up when that fails", {
    vm: vm({
      deleting: true,
      annotations: { "virtrigaud.io/force-delete": "true" },
      status: { ...made, failures: [{ ...failure, verb: "Delete", wish: "", retryAfter: at(1_000) }] },
    }),
  }, "RemoveFinalizer"],
];

const tasks: readonly Row[] = [
  ["a task that nobody asked about is asked about", { vm: inFlight("Create") }, "PollTask"],
  [
    "a task that runs is waited for",
    { vm: inFlight("Reconfigure"), task: running },
    "Wait",
    "Reconfiguring False Updating",
  ],
  ["a task that was not heard of for long is asked about", {
    vm: inFlight("Create"),
    task: { ...running, ageMs: 30_000 },
  }, "PollTask"],
  [
    "but not while nobody can be asked",
    { vm: inFlight("Create"), ...unreachable },
    "Wait",
    "Unknown False ProviderUnavailable",
  ],
  ["a create whose end nobody knows is made anew when nothing came of it", {
    vm: inFlight("Create"),
    task: { type: "Forgotten" },
    ...absent,
  }, "Create"],
  [
    "a VM that was there before is not",
    { vm: inFlight("PowerOn"), task: { type: "Forgotten" }, ...absent },
    "Wait",
    "Missing False Missing",
  ],
  [
    "a reboot whose end nobody knows is not done again",
    {
      vm: vm({
        annotations: { "virtrigaud.io/reboot-requested-at": "shape-1" },
        status: { ...made, operation: operation("Reboot") },
      }),
      task: { type: "Forgotten" },
    },
    "Wait",
    "Running True ReconcileSuccess",
  ],
  [
    "a failed task is told and waits",
    { vm: inFlight("Reconfigure"), task: ended("Failed"), ...present({ cpus: 1 }) },
    "Wait",
    "Running False ProviderError",
  ],
  [
    "a task that outlives its deadline has failed",
    {
      vm: vm({ status: { ...made, operation: { ...operation("Reconfigure"), deadline: at(0) } } }),
      task: running,
      ...present({ cpus: 1 }),
    },
    "Wait",
    "Running False ProviderError",
    /did not end by/,
  ],
];

for (const [group, rows] of Object.entries({ life, deletion, tasks })) {
  for (const [name, change, expected, ready, message] of rows) {
    Deno.test(`${group}: ${name}`, () => {
      const { step, status } = decide(input(change));
      assertEquals(step.type === "Power" ? `Power ${step.op}` : step.type, expected);
      if (ready !== undefined) assertEquals(readyOf(status), ready);
      if (message !== undefined) assertMatch(status?.message ?? "", message);
      if (status !== undefined) assertEquals(status.observedGeneration, 1);
    });
  }
}
