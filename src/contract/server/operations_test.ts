import { assertEquals, assertRejects, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "../errors.ts";
import { callContext, operation } from "../testing/fixture.ts";
import { OperationGuard } from "./operations.ts";

const { signal } = callContext();

Deno.test("the same operation is carried out once and answered the same again", async () => {
  const guard = new OperationGuard();
  let runs = 0;
  const create = () => guard.run("Create", operation("a"), () => Promise.resolve({ vmId: String(++runs) }), { signal });
  assertEquals([await create(), await create(), runs], [{ vmId: "1" }, { vmId: "1" }, 1]);
});

Deno.test("callers that come while it is under way join it", async () => {
  const guard = new OperationGuard();
  const gate = Promise.withResolvers<string>();
  let runs = 0;
  const call = () =>
    guard.run("Create", operation("a"), () => {
      runs++;
      return gate.promise;
    }, { signal });
  const calls = [call(), call(), call()];
  gate.resolve("done");
  assertEquals([await Promise.all(calls), runs], [["done", "done", "done"], 1]);
});

Deno.test("one operation id means different things for different methods", async () => {
  const guard = new OperationGuard();
  const run = (method: string) => guard.run(method, operation("a"), () => Promise.resolve(method), { signal });
  assertEquals([await run("Create"), await run("Power")], ["Create", "Power"]);
});

Deno.test("a failure that may pass is forgotten, one that never can is remembered", async () => {
  const guard = new OperationGuard();
  const runs: Record<string, number> = {};
  const fail = (errorClass: "Retryable" | "Conflict" | "NotFound" | "InvalidSpec" | "NotSupported") =>
    assertRejects(() =>
      guard.run("Create", operation(errorClass), () => {
        runs[errorClass] = (runs[errorClass] ?? 0) + 1;
        return Promise.reject(new ProviderError(errorClass, "no"));
      }, { signal }), ProviderError);
  for (let i = 0; i < 3; i++) {
    for (const errorClass of ["Retryable", "Conflict", "NotFound", "InvalidSpec", "NotSupported"] as const) {
      await fail(errorClass);
    }
  }
  assertEquals(runs, { Retryable: 3, Conflict: 3, NotFound: 3, InvalidSpec: 1, NotSupported: 1 });
});

Deno.test("a provider that throws before it returns a promise is a failure like any other", async () => {
  const guard = new OperationGuard();
  await assertRejects(
    () =>
      guard.run("Create", operation("a"), () => {
        throw new ProviderError("Retryable", "at once");
      }, { signal }),
    ProviderError,
    "at once",
  );
});

Deno.test("an older fence is refused, whatever the operation did before; a newer one shuts the older out", async () => {
  const guard = new OperationGuard();
  const run = (id: string, fence: number) =>
    guard.run("Create", operation(id, fence), () => Promise.resolve("done"), { signal });
  assertEquals(await run("a", 7), "done");
  assertEquals(await run("b", 8), "done");
  for (const id of ["a", "c"]) {
    const error = await assertRejects(() => run(id, 7), ProviderError);
    assertEquals([error.class, error.reason], ["Conflict", "StaleFence"]);
  }
  assertEquals(await run("a", 8), "done");
});

Deno.test("one caller that leaves does not take the work from the others; the last one does", async () => {
  const guard = new OperationGuard();
  const leave = [new AbortController(), new AbortController()] as const;
  let aborted = false;
  const call = (index: 0 | 1) =>
    guard.run("Create", operation("a"), (inner) =>
      new Promise((_, reject) => {
        inner.addEventListener("abort", () => {
          aborted = true;
          reject(inner.reason);
        });
      }), { signal: leave[index].signal });
  const first = assertRejects(() => call(0), Error, "first left");
  const second = assertRejects(() => call(1), Error, "second left");
  leave[0].abort(new Error("first left"));
  await first;
  assertEquals(aborted, false);
  leave[1].abort(new Error("second left"));
  await second;
  assertEquals(aborted, true);
});

Deno.test("an abandoned operation never runs beside itself: who comes back joins what still goes on", async () => {
  const guard = new OperationGuard();
  const gate = Promise.withResolvers<string>();
  let runs = 0;
  const stubborn = () => {
    runs++;
    return gate.promise;
  };
  const leave = new AbortController();
  const left = assertRejects(() => guard.run("Create", operation("a"), stubborn, { signal: leave.signal }));
  leave.abort(new Error("left"));
  await left;
  const back = guard.run("Create", operation("a"), stubborn, { signal });
  gate.resolve("done");
  assertEquals([await back, runs], ["done", 1]);
});

Deno.test("memory is bounded: the operation not used for longest is forgotten", async () => {
  const guard = new OperationGuard({ capacity: 2 });
  let runs = 0;
  const run = (id: string) => guard.run("Power", operation(id), () => Promise.resolve(++runs), { signal });
  await run("a");
  await run("b");
  await run("a");
  await run("c");
  assertEquals([await run("a"), await run("c"), await run("b"), runs], [1, 3, 4, 4]);
});

Deno.test("who leads is learned from any call, and an older leader proves nothing any more", async () => {
  const guard = new OperationGuard();
  guard.hear({ fence: 8, number: 1 });
  guard.hear({ fence: 6, number: 9 });
  const run = (fence: number) => guard.run("Power", operation("a", fence), () => Promise.resolve("done"), { signal });
  assertEquals((await assertRejects(() => run(7), ProviderError)).reason, "StaleFence");
  assertEquals(await run(8), "done");
  assertThrows(() => guard.ask("uid-1", { fence: 7, number: 2 }), ProviderError, "another manager leads now");
});

Deno.test("what was to be made before its absence was asked about is not made any more", async () => {
  const guard = new OperationGuard();
  const run = (method: string, number: number | undefined) => {
    const turn = number === undefined ? {} : { turn: { fence: 1, number } };
    return guard.run(method, operation(`${method}-${number}`), () => Promise.resolve("done"), { signal, ...turn });
  };
  assertEquals(guard.ask("uid-1", { fence: 1, number: 5 }), false);
  assertEquals(guard.ask("uid-1", { fence: 1, number: 3 }), false);
  for (const method of ["Create", "Clone"]) {
    const error = await assertRejects(() => run(method, 4), ProviderError);
    assertEquals([error.class, error.reason], ["Conflict", "StaleFence"]);
  }
  // What changes a machine that is there has other protection, and a caller without a turn is no manager.
  for (const [method, number] of [["Power", 4], ["Create", 6], ["Clone", undefined]] as const) {
    assertEquals(await run(method, number), "done");
  }
});

Deno.test("as long as a machine is being made, its absence proves nothing", async () => {
  const guard = new OperationGuard();
  const gate = Promise.withResolvers<string>();
  const leave = new AbortController();
  const call = assertRejects(() => guard.run("Create", operation("a"), () => gate.promise, { signal: leave.signal }));
  leave.abort(new Error("left"));
  await call;
  assertEquals([guard.ask("uid-1", undefined), guard.ask("uid-2", undefined)], [true, false]);
  gate.resolve("made after all");
  await gate.promise;
  await Promise.resolve();
  assertEquals(guard.ask("uid-1", undefined), false);
});
