import { assert, assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { XdrError, XdrReader, XdrWriter } from "./xdr.ts";

const hex = (bytes: Uint8Array): string => bytes.toHex();

Deno.test("values have the bytes that RFC 4506 gives them", () => {
  const written = new XdrWriter().u32(1).i32(-2).u64(0x1_0000_0002n).bool(true).string("abcde")
    .uuid("00010203-0405-0607-0809-0a0b0c0d0e0f").optional(undefined, (w) => w.u32(9)).optional(
      "x",
      (w, v) => w.string(v),
    )
    .list([7, 8], (w, v) => w.u32(v)).bytes();
  assertEquals(
    hex(written),
    "00000001" + "fffffffe" + "0000000100000002" + "00000001" + "000000056162636465000000" +
      "000102030405060708090a0b0c0d0e0f" + "00000000" + "000000010000000178000000" + "000000020000000700000008",
  );
  const reader = new XdrReader(written);
  assertEquals([reader.u32(), reader.i32(), reader.u64(), reader.bool(), reader.string()], [
    1,
    -2,
    0x1_0000_0002n,
    true,
    "abcde",
  ]);
  assertEquals(reader.uuid(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
  assertEquals(reader.optional((r) => r.u32()), undefined);
  assertEquals(reader.optional((r) => r.string()), "x");
  assertEquals(reader.list((r) => r.u32()), [7, 8]);
  assertEquals(reader.remaining, 0);
});

Deno.test("what is written is read back, whatever its length", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary", maxLength: 600 }), { maxLength: 20 }),
      fc.uuid(),
      (texts, uuid) => {
        const reader = new XdrReader(new XdrWriter().list(texts, (w, text) => w.string(text)).uuid(uuid).bytes());
        assertEquals(reader.list((r) => r.string()), texts);
        assertEquals(reader.uuid(), uuid);
        assertEquals(reader.remaining, 0);
      },
    ),
  );
});

Deno.test("a length beyond the message or the limit is an error before anything is allocated", () => {
  const huge = new XdrWriter().u32(0xffff_fff0).bytes();
  assertStringIncludes(assertThrows(() => new XdrReader(huge).string(), XdrError).message, "limit");
  assertStringIncludes(assertThrows(() => new XdrReader(huge).list((r) => r.u32()), XdrError).message, "limit");
  const more = new XdrWriter().u32(100).u32(1).bytes();
  assertStringIncludes(assertThrows(() => new XdrReader(more).string(), XdrError).message, "ends early");
  assertStringIncludes(assertThrows(() => new XdrReader(more).list((r) => r.u32()), XdrError).message, "does not fit");
  assertThrows(() => new XdrReader(new XdrWriter().u32(2).bytes()).bool(), XdrError);
  assertThrows(() => new XdrWriter().uuid("not-a-uuid"), XdrError);
});

Deno.test("no bytes make the reader read past the end or fail with anything but XdrError", () => {
  const reads: ((r: XdrReader) => unknown)[] = [
    (r) => r.u32(),
    (r) => r.u64(),
    (r) => r.f64(),
    (r) => r.bool(),
    (r) => r.string(),
    (r) => r.uuid(),
    (r) => r.optional((x) => x.string()),
    (r) => r.list((x) => x.string()),
  ];
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(reads.length - 1)), (bytes, order) => {
    const reader = new XdrReader(bytes);
    try {
      for (const index of order) {
        const before = reader.remaining;
        reads[index]?.(reader);
        assert(reader.remaining <= before && reader.remaining >= 0);
      }
    } catch (error) {
      assert(error instanceof XdrError, String(error));
    }
  }));
});
