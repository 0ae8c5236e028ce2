import { assertEquals } from "@virtrigaud/deps";
import { progressOf, type Watched } from "./progress.ts";

function vm(status: Watched["status"]): Watched {
  return { metadata: { name: "vm" }, ...(status === undefined ? {} : { status }) };
}
const ready = (status: "True" | "False", reason: string) => ({
  type: "Ready",
  status,
  reason,
  message: "because",
  lastTransitionTime: "2026-01-01T00:00:00Z",
});

Deno.test("a VM is ready with its address, and waits for it before", () => {
  const conditions = [ready("True", "ReconcileSuccess")];
  const without = progressOf(vm({ conditions, powerState: "On" }), { needsAddress: true });
  assertEquals(without, { type: "Waiting", line: "runs, its address is awaited  On" });
  const withIp = progressOf(vm({ conditions, powerState: "On", ips: ["10.0.0.5"] }), { needsAddress: true });
  assertEquals(withIp, { type: "Ready", line: "Ready  On  10.0.0.5" });
});

Deno.test("what stalls is told with its reason, what is under way as well", () => {
  const failed = ready("False", "InvalidSpec");
  const stalled = { ...failed, type: "Stalled", status: "True" as const };
  assertEquals(progressOf(vm({ conditions: [failed, stalled] }), { needsAddress: true }).type, "Stalled");
  assertEquals(progressOf(vm({ conditions: [failed] }), { needsAddress: true }), {
    type: "Waiting",
    line: "InvalidSpec: because",
  });
  assertEquals(progressOf(vm(undefined), { needsAddress: true }).type, "Waiting");
});
