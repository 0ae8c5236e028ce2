import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@virtrigaud/deps";
import type { VirtualMachineStatus } from "@virtrigaud/api";
import { ProviderError } from "@virtrigaud/contract";
import { conclude } from "./conclude.ts";
import { decide } from "./decide.ts";
import type { Mutation, VmInput } from "./input.ts";
import { absent, at, ended, has, input, made, operation, present, readyOf, vm } from "./testing/inputs.ts";

function mutation(change: Partial<VmInput>): [VmInput, ReturnType<typeof decide>, Mutation] {
  const given = input(change);
  const decision = decide(given);
  const { step } = decision;
  assert("operationId" in step, `a mutation was expected, not ${step.type}`);
  return [given, decision, step];
}

Deno.test("a new VM answers every reboot request, and remembers what it was made by", () => {
  const request = { "virtrigaud.io/reboot-requested-at": "x" };
  const conclusion = conclude(...mutation({ ...absent, vm: vm({ annotations: request }) }), {
    type: "Done",
    vmId: "vm-7",
    task: { id: "t-1" },
  });
  assert(conclusion.type === "Wait");
  const { id, appliedWish, providerUID, lastReboot, operation } = conclusion.status;
  assertEquals([id, appliedWish, providerUID, lastReboot?.request], ["vm-7", "shape-1", "provider-1", "x"]);
  assertEquals([operation?.verb, operation?.taskRef, operation?.deadline], ["Create", "t-1", at(3_600_000)]);
});

Deno.test("a manager that was deposed writes nothing", () => {
  const error = new ProviderError("Conflict", "older fence", { reason: "StaleFence" });
  assertEquals(conclude(...mutation(absent), { type: "Failed", error }).type, "Deposed");
});

Deno.test("what may pass is tried again with backoff and not counted", () => {
  for (
    const error of [
      new ProviderError("Unavailable", "away"),
      new ProviderError("Conflict", "held", { reason: "Locked" }),
    ]
  ) {
    const conclusion = conclude(...mutation(absent), { type: "Failed", error });
    assert(conclusion.type === "Retry");
    assertEquals([conclusion.status.failures, conclusion.status.phase], [undefined, "Provisioning"]);
    assertStringIncludes(conclusion.status.message ?? "", "creating the VM failed");
  }
});

Deno.test("a name that somebody in sight holds is waited for by event, one out of sight by time", () => {
  const error = new ProviderError("Conflict", "taken", { reason: "NameConflict" });
  const retryAfter = (change: Partial<VmInput>) => {
    const conclusion = conclude(...mutation({ ...absent, ...change }), { type: "Failed", error });
    return conclusion.type === "LookAgain" ? conclusion.status.failures?.[0]?.retryAfter : "none";
  };
  assertEquals([retryAfter({ nameHolder: "vm-9" }), retryAfter({})], [undefined, at(60_000)]);
});

Deno.test("an offline change that fails is asked for twice, and not tried by a second outage", () => {
  const change = {
    ...present({ cpus: 1, power: "Off" as const }),
    vm: vm({
      status: { ...made, appliedWish: "shape-0", pendingPowerCycle: { wish: "shape-1", fields: ["hardware.cpus"] } },
    }),
  };
  const error = new ProviderError("QuotaExceeded", "no room");
  const first = conclude(...mutation(change), { type: "Failed", error });
  assert(first.type === "LookAgain");
  const again = { ...change, vm: vm({ status: first.status }) };
  assertEquals(decide(input(again)).step.type, "Reconfigure", "it may have been made all the same");
  const refused = conclude(...mutation(again), { type: "Failed", error });
  const liar = conclude(...mutation(change), { type: "Done", needsPowerCycle: ["hardware.cpus"] });
  for (const conclusion of [refused, liar]) {
    assert(conclusion.type === "LookAgain");
    assertEquals(conclusion.status.failures?.[0]?.retryAfter, undefined);
    const next = decide({ ...input(change), vm: vm({ status: conclusion.status }) });
    assertEquals(next.step.type === "Power" ? next.step.op : next.step.type, "On");
    const on = decide({ ...input(present({ cpus: 1 })), vm: vm({ status: conclusion.status }) });
    assertEquals([on.step.type, has(on.status, "Stalled")], ["Wait", true]);
  }
});

Deno.test("a forced deletion that hangs is given up at the first failure, another one is not", () => {
  const error = new ProviderError("Timeout", "no answer");
  const forced = vm({ deleting: true, annotations: { "virtrigaud.io/force-delete": "true" } });
  const given = conclude(...mutation({ vm: forced }), { type: "Failed", error });
  assert(given.type === "LookAgain");
  assertEquals(decide(input({ vm: { ...forced, status: given.status } })).step.type, "RemoveFinalizer");
  assertEquals(conclude(...mutation({ vm: vm({ deleting: true }) }), { type: "Failed", error }).type, "Retry");
});

Deno.test("a reboot keeps its id until its task has failed, and another request has another", () => {
  const idOf = (request: string, status: VirtualMachineStatus = made) =>
    mutation({ vm: vm({ annotations: { "virtrigaud.io/reboot-requested-at": request }, status }) })[2].operationId;
  const annotations = { "virtrigaud.io/reboot-requested-at": "shape-1" };
  const failed = decide(input({
    vm: vm({ annotations, status: { ...made, operation: operation("Reboot") } }),
    task: ended("Failed"),
  }));
  assertEquals([readyOf(failed.status), failed.status?.lastReboot], ["Running False ProviderError", undefined]);
  const later = (failed.status?.failures ?? []).map((each) => ({ ...each, retryAfter: at(0) }));
  const writtenAhead = { id: "op", verb: "Reboot", startedAt: at(0), wish: "shape-1" };
  assertEquals(idOf("shape-1"), idOf("shape-1", { ...made, operation: writtenAhead }));
  assertNotEquals(idOf("shape-1"), idOf("shape-2"));
  assertNotEquals(idOf("shape-1"), idOf("shape-1", { ...made, failures: later }));
});
