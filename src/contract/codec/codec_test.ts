import { assertEquals, assertMatch, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { Secret } from "@virtrigaud/telemetry";
import { ProviderError } from "../errors.ts";
import { serviceDefinition } from "../service.ts";
import * as arbitrary from "../testing/arbitrary.ts";
import { samples } from "../testing/samples.ts";
import { type Rpc, rpcs, type UnaryMethod } from "./rpcs.ts";
import { watchEvent } from "./requests.ts";

/** Secrets compare by what they hold. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { secret: revealed(value.reveal()) };
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, revealed(element)]));
}

/** Through the codec and through real protobuf bytes, and back. */
function throughTheWire(
  name: string,
  way: "request" | "response",
  codec: Rpc<unknown, unknown>["request"],
  value: unknown,
) {
  const definition = serviceDefinition[name];
  if (definition === undefined) throw new Error(`no RPC ${name}`);
  const wire = codec.encode(value, "") as object;
  const bytes = way === "request" ? definition.requestSerialize(wire) : definition.responseSerialize(wire);
  return codec.decode(
    way === "request" ? definition.requestDeserialize(bytes) : definition.responseDeserialize(bytes),
    "",
  );
}

for (const [method, { requests, responses }] of Object.entries(samples)) {
  const rpc = rpcs[method as UnaryMethod] as Rpc<unknown, unknown>;
  Deno.test(`every request and response of ${rpc.rpc} comes out of the wire as it went in`, () => {
    fc.assert(
      fc.property(requests as fc.Arbitrary<unknown>, (request) => {
        assertEquals(revealed(throughTheWire(rpc.rpc, "request", rpc.request, request)), revealed(request));
      }),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(responses as fc.Arbitrary<unknown>, (response) => {
        assertEquals(revealed(throughTheWire(rpc.rpc, "response", rpc.response, response)), revealed(response));
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("every watch event comes out of the wire as it went in", () => {
  const codec = watchEvent as Rpc<unknown, unknown>["response"];
  const empty = fc.constantFrom("ListBegin", "ListEnd", "Heartbeat").map((type) => ({ type }));
  const present = arbitrary.observedMachine.map((vm) => ({ type: "Present", vm }));
  fc.assert(fc.property(fc.oneof(empty, present), (event) => {
    assertEquals(throughTheWire("Watch", "response", codec, event), event);
  }));
  for (
    const event of [
      { type: "Gone", vmId: "1" },
      { type: "Gone", vmId: "1", ownerUid: "u" },
      { type: "Task", status: { task: { id: "t" }, state: "Running", progressPercent: 0 } },
    ]
  ) assertEquals(throughTheWire("Watch", "response", codec, event), event);
});

const operation = { id: "op", ownerUid: "uid", owner: "ns/vm", fence: 0 };

Deno.test("what a peer may not send is refused with the field and what is allowed", () => {
  const { request: power } = rpcs.power;
  const wire = { vmId: "1", op: "POWER_OP_ON", operation: { ...operation, fence: "0" } };
  assertEquals(power.decode(wire, ""), { vmId: "1", op: "On", operation });
  const cases: [wire: object, field: string, message: RegExp][] = [
    [{ ...wire, op: undefined }, "op", /required and missing/],
    [{ ...wire, op: 77 }, "op", /77 is not known here; allowed: POWER_OP_ON/],
    [{ ...wire, op: "toString" }, "op", /not known here/],
    [{ ...wire, vmId: "" }, "vmId", /must not be empty/],
    [{ ...wire, vmId: "x".repeat(1025) }, "vmId", /at most 1024/],
    [{ ...wire, operation: undefined }, "operation", /required and missing/],
    [{ ...wire, operation: { ...wire.operation, id: "x".repeat(129) } }, "operation.id", /129 .* at most 128/],
    [
      { ...wire, operation: { ...wire.operation, fence: "9007199254740992" } },
      "operation.fence",
      /whole number from 0/,
    ],
    [{ ...wire, operation: { ...wire.operation, fence: "-1" } }, "operation.fence", /whole number/],
    [{ ...wire, operation: { ...wire.operation, fence: undefined } }, "operation.fence", /missing/],
    [{ ...wire, gracefulTimeoutMs: "soon" }, "gracefulTimeoutMs", /whole number/],
  ];
  for (const [message, field, expected] of cases) {
    const error = assertThrows(() => power.decode(message, ""), ProviderError);
    assertEquals([error.class, error.field], ["InvalidSpec", field]);
    assertMatch(error.message, expected);
  }
});

Deno.test("lists and maps are bounded, and elements are named in errors", () => {
  const [spec] = fc.sample(arbitrary.machineSpec, { numRuns: 1, seed: 1 });
  if (spec === undefined) throw new Error("no sample");
  const create = (change: object) => () =>
    rpcs.create.request.encode({ operation, powerOn: true, spec: { ...spec, ...change } }, "");
  const disk = (name: string, sizeGib = 1) => ({ name, sizeGib });
  const field = (change: object) => assertThrows(create(change), ProviderError).field;
  assertEquals(field({ disks: [disk("a"), disk("data", 0)] }), "spec.disks[data].sizeGib");
  assertEquals(field({ disks: Array.from({ length: 65 }, (_, i) => disk(`d${i}`)) }), "spec.disks");
  assertEquals(field({ name: "x".repeat(64) }), "spec.name");
  assertEquals(field({ tags: ["ok", ""] }), "spec.tags[1]");
  assertEquals(field({ image: { type: "Floppy" } }), "spec.image.type");
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, ""]));
  assertEquals(field({ hardware: { ...spec.hardware, extraConfig: many } }), "spec.hardware.extraConfig");
  const long = new Secret("x".repeat(1024 * 1024 + 1));
  assertEquals(field({ guestInit: { type: "Ignition", config: long } }), "spec.guestInit.config");
});

Deno.test("an error about a secret does not show it", () => {
  const secret = "hunter2".repeat(200_000);
  const [spec] = fc.sample(arbitrary.machineSpec, { numRuns: 1, seed: 1 });
  const guestInit = { type: "Ignition" as const, config: new Secret(secret) };
  const error = assertThrows(
    () =>
      rpcs.create.request.encode(
        { operation, powerOn: true, spec: { ...spec, guestInit } as typeof spec & object },
        "",
      ),
    ProviderError,
  );
  assertEquals(error.message.includes("hunter2"), false);
});

Deno.test("absence is never invented: a describe response without `exists` is an error", () => {
  assertEquals(rpcs.describe.response.decode({ exists: false }, ""), { exists: false });
  assertThrows(() => rpcs.describe.response.decode({}, ""), ProviderError, "exists");
  assertThrows(() => rpcs.describe.response.decode({ exists: true }, ""), ProviderError, "vm");
});

Deno.test("a capability that a peer does not name is not there", () => {
  assertEquals(rpcs.getCapabilities.response.decode({ snapshots: true }, "").snapshots, true);
  assertEquals(rpcs.getCapabilities.response.decode({}, "").snapshots, false);
});

Deno.test("first-boot bytes that are not UTF-8 are refused", () => {
  const [spec] = fc.sample(arbitrary.machineSpec, { numRuns: 1, seed: 1 });
  if (spec === undefined) throw new Error("no sample");
  const wire = rpcs.create.request.encode({ operation, powerOn: false, spec }, "") as { spec: object };
  const broken = { ...wire, spec: { ...wire.spec, guestInit: { ignition: { config: new Uint8Array([0xff]) } } } };
  assertThrows(() => rpcs.create.request.decode(broken, ""), ProviderError, "UTF-8");
});

Deno.test("bytes that were tampered with are read as something valid or refused with a field, and never break the codec", () => {
  const mutation = fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), to: fc.nat(255) });
  for (const [method, { requests }] of Object.entries(samples)) {
    const rpc = rpcs[method as UnaryMethod] as Rpc<unknown, unknown>;
    const definition = serviceDefinition[rpc.rpc];
    if (definition === undefined) throw new Error(`no RPC ${rpc.rpc}`);
    const tampered = fc.tuple(requests as fc.Arbitrary<unknown>, fc.array(mutation, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(tampered, ([request, mutations]) => {
        const bytes = definition.requestSerialize(rpc.request.encode(request, "") as object);
        for (const { at, to } of mutations) if (bytes.length > 0) bytes[Math.floor(at * bytes.length)] = to;
        let wire: unknown;
        try {
          wire = definition.requestDeserialize(bytes);
        } catch {
          return; // Not protobuf any more: refused by gRPC before it reaches the codec.
        }
        try {
          rpc.request.decode(wire, "");
        } catch (error) {
          assertEquals(ProviderError.is(error, "InvalidSpec") && error.field !== undefined, true, String(error));
        }
      }),
      { numRuns: 40 },
    );
  }
});
