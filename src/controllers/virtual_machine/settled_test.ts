import { assertEquals } from "@virtrigaud/deps";
import type { VirtualMachineStatus } from "@virtrigaud/api";
import { decide } from "./decide.ts";
import type { VmInput } from "./input.ts";
import { absent, ended, inFlight, input, made, present, readyOf, vm, wish } from "./testing/inputs.ts";

const unreachable = { machine: { type: "Unreachable", message: "the first list is awaited" } } as const;

Deno.test("a VM whose machine is missing stays so while its provider cannot be asked, until its spec changes", () => {
  const made: VirtualMachineStatus = { id: "vm-1", appliedWish: "shape-1", providerUID: "provider-1" };
  const { status } = decide(input({ machine: { type: "Absent", proven: true }, vm: vm({ status: made }) }));
  assertEquals(status?.phase, "Missing");
  if (status === undefined) return;
  assertEquals(decide(input({ ...unreachable, vm: vm({ status }) })), { step: { type: "Wait" } });
  const changed = vm({ status: { ...status, observedGeneration: 0 } });
  const told = decide(input({ ...unreachable, vm: changed })).status;
  assertEquals(told?.conditions?.find(({ type }) => type === "Ready")?.reason, "ProviderUnavailable");
});

Deno.test("while its provider is being connected to, nothing is said of a VM that would be taken back at once", () => {
  const connecting = { machine: { type: "Connecting" } } as const;
  assertEquals(decide(input(connecting)), { step: { type: "Wait" } });
  const deleted = vm({ deleting: true });
  assertEquals(decide(input({ ...connecting, vm: deleted })), { step: { type: "Wait" } });
  const missing = { type: "Missing", missing: [{ field: "spec.classRef", message: "is not there" }] } as const;
  const told = decide(input({ ...connecting, wish: missing })).status;
  assertEquals(told?.conditions?.find(({ type }) => type === "Ready")?.reason, "WaitingForDependencies");
});

Deno.test("a create that failed is not over while nobody can say what it left behind", () => {
  for (const task of [ended("Failed"), { type: "Forgotten" }] as const) {
    for (const wished of [wish(), { type: "Missing", missing: ["VMClass small"] }] as VmInput["wish"][]) {
      const { status } = decide(input({ vm: inFlight("Create"), task, wish: wished, ...unreachable }));
      assertEquals([status?.id, status?.operation?.taskRef, status?.failures], ["vm-1", "t-1", undefined]);
    }
  }
});

Deno.test("a machine that is being made, and whose making was not written down, is waited for and not yet held on to", () => {
  for (const earlier of [undefined, { id: "vm-0" }]) {
    const before = earlier === undefined ? vm() : vm({ status: earlier });
    const born = decide(input({ vm: before, ...present({ power: "Transitional" }) }));
    assertEquals([born.step.type, born.status?.id, readyOf(born.status)], [
      "Wait",
      undefined,
      "Provisioning False Creating",
    ]);
    assertEquals(decide(input({ vm: vm({ status: born.status }), ...absent })).step.type, "Create");
    assertEquals(decide(input({ vm: vm({ status: born.status }), ...present() })).status?.id, "vm-1");
  }
});

Deno.test("what fails while the VM runs is tried again, though another part of it waits for the VM to be off", () => {
  const pendingPowerCycle = { wish: "shape-1", fields: ["hardware.cpus"] };
  const asked = inFlight("Reconfigure", { ...made, appliedWish: "shape-0", pendingPowerCycle });
  const told = (power: "On" | "Off") =>
    decide(input({ vm: asked, task: ended("Failed"), ...present({ cpus: 1, power }) })).status;
  const online = told("On");
  assertEquals([online?.pendingPowerCycle, online?.failures?.map(({ retryAfter }) => retryAfter !== undefined)], [
    undefined,
    [true],
  ]);
  assertEquals(told("Off")?.failures?.map(({ retryAfter }) => retryAfter), [undefined]);
});

Deno.test("a machine in the place of another one is given its user-data again: nobody knows what it was made with", () => {
  const wished = wish({}, "shape-1", { type: "Known", version: "init-1", read: true });
  const status = { ...made, appliedWish: "shape-1.init-1" };
  const step = (id: string) => decide(input({ vm: vm({ status }), wish: wished, ...present({ id }) })).step;
  assertEquals(step("vm-1").type, "Wait");
  const other = step("vm-2");
  assertEquals([other.type, other.type === "Reconfigure" && other.followGuestInit], ["Reconfigure", true]);
});
