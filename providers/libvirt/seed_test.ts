import { assert, assertEquals, assertNotEquals, assertStringIncludes, assertThrows, parseYaml } from "@virtrigaud/deps";
import { type GuestInit, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { withAddresses } from "./identity.ts";
import { makeSeed } from "./seed.ts";
import { machine } from "./testing/spec.ts";

/** The part of the image in which a file's text stands. */
function textOf(image: Uint8Array | undefined, marker: string): string {
  const text = new TextDecoder().decode(image);
  const start = text.indexOf(marker);
  assert(start >= 0, `${marker} is not in the image`);
  return text.slice(start, text.indexOf("\0", start));
}

const seedOf = (change: Parameters<typeof machine>[1]) => {
  const spec = machine("web", change);
  return makeSeed(spec, withAddresses("uuid", spec.nics), "uid-1");
};
const cloudInit = (parts: Record<string, string>): GuestInit => ({
  type: "CloudInit",
  ...Object.fromEntries(Object.entries(parts).map(([key, value]) => [key, new Secret(value)])),
});

Deno.test("a VM without first-boot configuration and static addresses gets no seed", () => {
  const { guestInit: _, ...spec } = machine("web");
  assertEquals(makeSeed(spec, withAddresses("uuid", spec.nics), "uid-1"), undefined);
});

Deno.test("meta-data gets instance id and host name, unless it names them itself", () => {
  const plain = textOf(seedOf({ guestInit: cloudInit({ userData: "#cloud-config\n" }) })?.image, "instance-id");
  assertEquals(parseYaml(plain), { "instance-id": "uid-1", "local-hostname": "web" });
  const own = seedOf({ guestInit: cloudInit({ metaData: `{"local-hostname": "db", "role": "x"}` }) });
  assertEquals(parseYaml(textOf(own?.image, "instance-id")), {
    "instance-id": "uid-1",
    "local-hostname": "db",
    role: "x",
  });
});

Deno.test("static addresses become network configuration version 2, matched by MAC", () => {
  const seed = seedOf({
    nics: [
      {
        name: "lan",
        mac: "52:54:00:00:00:01",
        addresses: [
          { address: "10.0.0.5", prefix: 24, gateway: "10.0.0.1" },
          { address: "fd00::5", prefix: 64, gateway: "fd00::1" },
        ],
        dns: { servers: ["10.0.0.2"], searchDomains: ["example.org"] },
        routes: [{ destination: "10.9.0.0/16", gateway: "10.0.0.9", metric: 5 }],
      },
      { name: "dhcp", mac: "52:54:00:00:00:02", addresses: [] },
      { name: "left", mac: "52:54:00:00:00:03", addresses: [], unmanaged: true },
    ],
  });
  assertEquals(parseYaml(textOf(seed?.image, "version: 2")), {
    version: 2,
    ethernets: {
      lan: {
        match: { macaddress: "52:54:00:00:00:01" },
        addresses: ["10.0.0.5/24", "fd00::5/64"],
        gateway4: "10.0.0.1",
        gateway6: "fd00::1",
        nameservers: { addresses: ["10.0.0.2"], search: ["example.org"] },
        routes: [{ to: "10.9.0.0/16", via: "10.0.0.9", metric: 5 }],
      },
      dhcp: { match: { macaddress: "52:54:00:00:00:02" }, dhcp4: true },
    },
  });
});

Deno.test("the same wish gives the same bytes, another one others, and the instance id is the same in both", () => {
  const of = (parts: Record<string, string>) => seedOf({ guestInit: cloudInit(parts) })?.image;
  assertEquals(of({ userData: "a" }), of({ userData: "a" }));
  assertNotEquals(of({ userData: "a" }), of({ userData: "b" }));
  assertNotEquals(of({ userData: "a" }), of({ metaData: "role: a" }));
  for (const userData of ["a", "b"]) {
    assertStringIncludes(textOf(of({ userData }), "instance-id"), "instance-id: uid-1\n");
  }
});

Deno.test("addresses that the wish names are configured at every boot, by the weakest of the sources", () => {
  const addresses = [{ address: "10.0.0.5", prefix: 24 }];
  const wired = seedOf({ nics: [{ name: "lan", mac: "52:54:00:00:00:01", addresses }] });
  const vendor = textOf(wired?.image, "#cloud-config\nupdates");
  assertEquals(parseYaml(vendor), { updates: { network: { when: ["boot-new-instance", "boot"] } } });
  const plain = new TextDecoder().decode(seedOf({ guestInit: cloudInit({ userData: "a" }) })?.image);
  assertEquals(plain.includes("updates"), false);
});

Deno.test("bad meta-data is refused by its field, without quoting it", () => {
  for (const metaData of ["[1, 2]", "just text", "{hunter2: ["]) {
    const error = assertThrows(() => seedOf({ guestInit: cloudInit({ metaData }) }), ProviderError);
    assertEquals([error.class, error.field], ["InvalidSpec", "guestInit.metaData"]);
    assertEquals(`${error.message} ${error.cause}`.includes("hunter2"), false);
  }
  const large = assertThrows(
    () => seedOf({ guestInit: cloudInit({ userData: "#".repeat(1024 * 1024 + 1) }) }),
    ProviderError,
  );
  assertEquals(large.field, "guestInit.userData");
  assertStringIncludes(large.message, "1048576");
});
