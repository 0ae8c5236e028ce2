import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ApiError } from "./errors.ts";
import { decodeProtobuf } from "./protobuf.ts";

/** A length-delimited field. */
const field = (number: number, content: Uint8Array | string): number[] => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return [number << 3 | 2, ...varint(bytes.length), ...bytes];
};
const varint = (value: number): number[] => value < 128 ? [value] : [value & 127 | 128, ...varint(value >>> 7)];
const bytes = (...parts: number[][]): Uint8Array => Uint8Array.from(parts.flat());
const enveloped = (apiVersion: string, kind: string, raw: Uint8Array): Uint8Array =>
  bytes([0x6b, 0x38, 0x73, 0], field(1, bytes(field(1, apiVersion), field(2, kind))), field(2, raw));

Deno.test("a Secret as kubectl sends it: bytes, maps, and Go's zero values left out", () => {
  const meta = bytes(
    field(1, "s"),
    field(2, ""),
    field(8, new Uint8Array()),
    field(11, bytes(field(1, "k"), field(2, "v"))),
  );
  const entry = bytes(field(1, "password"), field(2, "secret"));
  const secret = bytes(field(1, meta), field(2, entry), field(3, "Opaque"));
  assertEquals(decodeProtobuf(enveloped("v1", "Secret", secret)), {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", labels: { k: "v" } },
    data: { password: btoa("secret") },
    type: "Opaque",
  });
});

Deno.test("a pointer keeps its zero, quantities and ports keep their form", () => {
  const resources = bytes(field(2, bytes(field(1, "cpu"), field(2, bytes(field(1, "500m"))))));
  const container = bytes(field(1, "c"), field(8, resources));
  const template = bytes(field(2, bytes(field(2, container))));
  const rolling = bytes(field(1, bytes([8, 1], field(3, "25%"))), field(2, bytes([16, 2])));
  const spec = bytes([8, 0], field(3, template), field(4, bytes(field(2, rolling))));
  const { spec: decoded } = decodeProtobuf(
    enveloped("apps/v1", "Deployment", bytes(field(2, spec), field(3, bytes([8, 0])))),
  );
  assertEquals(decoded, {
    replicas: 0,
    template: { spec: { containers: [{ name: "c", resources: { requests: { cpu: "500m" } } }] } },
    strategy: { rollingUpdate: { maxUnavailable: "25%", maxSurge: 2 } },
  });
});

const status = (decode: () => unknown): number => assertThrows(decode, ApiError).code;

Deno.test("what cannot be carried over is refused, not dropped", () => {
  const volumes = bytes(field(1, bytes(field(1, "v"))));
  assertEquals(status(() => decodeProtobuf(enveloped("v1", "Pod", bytes(field(2, volumes))))), 415);
  assertEquals(status(() => decodeProtobuf(enveloped("batch/v1", "Job", new Uint8Array()))), 415);
});

Deno.test("damaged bytes are a bad request", () => {
  const good = enveloped("v1", "ConfigMap", bytes(field(1, bytes(field(1, "c")))));
  assertEquals(status(() => decodeProtobuf(good.subarray(0, good.length - 2))), 400);
  assertEquals(status(() => decodeProtobuf(new TextEncoder().encode("{}"))), 400);
  assertEquals(
    status(() =>
      decodeProtobuf(bytes([0x6b, 0x38, 0x73, 0], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))
    ),
    400,
  );
});
