import { assertEquals } from "@virtrigaud/deps";
import type { Condition, VirtualMachineStatus } from "@virtrigaud/api";
import { eventsBetween } from "./events.ts";

const ready = (status: "True" | "False", reason: string): Condition => ({
  type: "Ready",
  status,
  reason,
  message: "",
  lastTransitionTime: "2030-01-01T00:00:00Z",
});
const reasons = (before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): string[] =>
  eventsBetween(before, after).map(({ reason }) => reason);

const creating: VirtualMachineStatus = {
  id: "vm-1",
  operation: { id: "o", verb: "Create", taskRef: "t", startedAt: "2030-01-01T00:00:00Z", wish: "w" },
  conditions: [ready("False", "Creating")],
};
const running: VirtualMachineStatus = {
  id: "vm-1",
  powerState: "On",
  conditions: [ready("True", "ReconcileSuccess")],
};

Deno.test("the birth of a VM is one event, told when the machine was seen", () => {
  assertEquals(reasons(undefined, creating), []);
  assertEquals(reasons(creating, running), ["Created"]);
  assertEquals(reasons(running, { ...running, ips: ["10.0.0.1"] }), []);
});

Deno.test("a VM that is born with a flaw has the flaw told too, and its end", () => {
  const flawed = { ...running, conditions: [ready("False", "InvalidSpec")] };
  assertEquals(reasons(creating, flawed), ["Created", "InvalidSpec"]);
  assertEquals(reasons(flawed, running), ["ReconcileSuccess"]);
});

Deno.test("a creation that failed has made nothing", () => {
  const failed: VirtualMachineStatus = { id: "vm-1", conditions: [ready("False", "QuotaExceeded")] };
  assertEquals(reasons(creating, failed), ["QuotaExceeded"]);
});
