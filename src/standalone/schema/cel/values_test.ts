import { assertEquals } from "@virtrigaud/deps";
import { Cidr, Ip } from "./network.ts";
import { Quantity } from "./quantity.ts";

Deno.test("quantities are exact, in every notation", () => {
  const nanos: [string, bigint | undefined][] = [
    ["1", 1_000_000_000n],
    ["+1.5", 1_500_000_000n],
    ["-.5", -500_000_000n],
    ["100m", 100_000_000n],
    ["1n", 1n],
    ["0.1n", 1n],
    ["1Ki", 1_024_000_000_000n],
    ["1.5Gi", 1_610_612_736_000_000_000n],
    ["2k", 2_000_000_000_000n],
    ["1e3", 1_000_000_000_000n],
    ["1E", 1_000_000_000_000_000_000_000_000_000n],
    ["1E-3", 1_000_000n],
    ["12345678901234567890", 12_345_678_901_234_567_890_000_000_000n],
    ["", undefined],
    ["Gi", undefined],
    ["1 Gi", undefined],
    ["1gi", undefined],
    ["1.2.3", undefined],
    ["0x10", undefined],
  ];
  for (const [text, expected] of nanos) assertEquals(Quantity.parse(text)?.nanos, expected, text);
  assertEquals(Quantity.parse("1500m")?.isInteger, false);
  assertEquals(Quantity.parse("9223372036854775807")?.isInteger, true);
  assertEquals(Quantity.parse("9223372036854775808")?.isInteger, false);
});

Deno.test("addresses are printed in their shortest form and compared by value", () => {
  const texts: [string, string | undefined][] = [
    ["10.0.0.1", "10.0.0.1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["fe80::1%eth0", undefined],
    ["::ffff:1.2.3.4", undefined],
    ["010.0.0.1", undefined],
    ["1.2.3", undefined],
  ];
  for (const [text, expected] of texts) assertEquals(Ip.parse(text)?.toString(), expected, text);
});

Deno.test("networks contain what their prefix covers, within one family", () => {
  const ten = Cidr.parse("10.1.2.3/8");
  assertEquals(ten?.masked().toString(), "10.0.0.0/8");
  const contains = (text: string) => {
    const ip = Ip.parse(text);
    return ip && ten?.contains(ip);
  };
  assertEquals([contains("10.255.0.1"), contains("11.0.0.1"), contains("::a00:1")], [true, false, false]);
  for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/8/8", "x/8", "::/129"]) {
    assertEquals(Cidr.parse(text), undefined, text);
  }
});
