import { assert, assertEquals } from "@virtrigaud/deps";
import { decide } from "./decide.ts";
import { absent, ended, inFlight, input, made, operation, present, unreachable, vm, wish } from "./testing/inputs.ts";

Deno.test("a VM that was Ready stays so while its provider cannot be asked", () => {
  const { status } = decide(input());
  const later = decide(input({ ...unreachable, vm: vm({ ...(status === undefined ? {} : { status }) }) }));
  assertEquals(later, { step: { type: "Wait" } });
});

Deno.test("an id that passed to somebody else's machine is asked for by our mark alone", () => {
  const taken = { machine: { type: "Absent", proven: false, taken: true } } as const;
  assertEquals(decide(input({ ...taken, vm: vm({ status: made }) })).step, { type: "Describe" });
  assertEquals(decide(input({ ...taken, vm: vm({ status: made, deleting: true }) })).step, { type: "Describe" });
});

Deno.test("a create that failed and left nothing behind forgets the id that it had", () => {
  const failed = decide(input({ ...absent, vm: inFlight("Create"), task: ended("Failed") }));
  assertEquals([failed.step.type, failed.status?.id], ["Create", undefined]);
  const wished = vm({ status: { ...made, operation: { ...operation("Create"), wish: "whole-shape-1" } } });
  const held = decide(input({ ...absent, vm: wished, task: ended("Failed") }));
  assertEquals([held.step.type, held.status?.id, held.status?.failures?.[0]?.attempt], ["Wait", undefined, 1]);
  assertEquals(held.requeueAfterMs, 5_000);
});

Deno.test("a refused size does not keep the rest from being asked for, and kept disks are named as they are", () => {
  const { step } = decide(input({
    wish: wish({ disks: [{ name: "data", sizeGib: 5 }] }),
    ...present({
      cpus: 1,
      disks: [{ name: "root", id: "a", sizeGib: 10 }, { name: "data", id: "b", sizeGib: 8 }, {
        name: "old",
        id: "c",
        sizeGib: 3,
      }],
    }),
  }));
  assert(step.type === "Reconfigure");
  assertEquals(step.spec.disks, [{ name: "data", sizeGib: 8 }, { name: "old", sizeGib: 3 }]);
});

Deno.test("a VM that is gone reports neither address nor power, one that is unreachable keeps them", () => {
  const before = decide(input(present({ placement: { host: "h1" } }))).status ?? {};
  const gone = decide(input({ ...absent, vm: vm({ status: before }) })).status;
  assertEquals([gone?.powerState, gone?.ips, gone?.host, gone?.id], ["Unknown", undefined, undefined, "vm-1"]);
  const moved = decide(input({ vm: vm({ status: before }) })).status;
  assertEquals(moved?.host, undefined);
});

Deno.test("a graceful shutdown carries its timeout, a bad one the default", () => {
  const timeout = (gracefulShutdownTimeout: string) => {
    const { step } = decide(
      input({ vm: vm({ spec: { powerState: "OffGraceful", lifecycle: { gracefulShutdownTimeout } } }) }),
    );
    return step.type === "Power" ? step.gracefulTimeoutMs : undefined;
  };
  assertEquals([timeout("5m"), timeout("soon")], [300_000, 60_000]);
});
