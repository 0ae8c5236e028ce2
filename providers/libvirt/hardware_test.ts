import { assertEquals, assertThrows } from "@virtrigaud/deps";
import { ProviderError } from "@virtrigaud/contract";
import { cpuMode, settingsOf, sizeOf } from "./hardware.ts";
import { machine } from "./testing/spec.ts";

const platform = { arch: "x86_64", domainType: "kvm", machine: "q35", emulator: "/qemu" } as const;
const { hardware } = machine("x");
const wish = (change: Partial<typeof hardware>) => machine("x", { hardware: { ...hardware, ...change } });

Deno.test("a guest that runs machines itself sees the host's CPU", () => {
  assertEquals(cpuMode(wish({}), platform), "host-model");
  assertEquals(cpuMode(wish({ performance: { nestedVirtualization: true } }), platform), "host-passthrough");
  assertEquals(cpuMode(wish({ performance: { virtualizationBasedSecurity: true } }), platform), "host-passthrough");
  assertEquals(cpuMode(wish({}), { ...platform, domainType: "qemu" }), "maximum");
});

Deno.test("room to grow fills whole sockets and is what the class says, else what hot-add calls for", () => {
  const extra = (extraConfig: Record<string, string>, cpuHotAdd = false) =>
    sizeOf(wish({ cpus: 3, extraConfig, performance: { cpuHotAdd, memoryHotAdd: cpuHotAdd } }));
  assertEquals(extra({}).cpus, { current: 3, max: 3 });
  assertEquals(extra({}, true).cpus, { current: 3, max: 12 });
  assertEquals(extra({}, true).memoryMib, { current: 128, max: 256 });
  assertEquals(extra({ "libvirt.maxCpus": "5", "libvirt.maxMemoryMib": "300" }, true).cpus.max, 5);
  assertEquals(extra({ "libvirt.cpuCores": "4", "libvirt.cpuThreads": "2" }).cpus, { current: 3, max: 8 });
});

Deno.test("a CPU limit is a share of the host's frequency, for the machine as a whole", () => {
  const quota = (cpuLimitMhz: number, cpuMhz: number) =>
    settingsOf(wish({ limits: { cpuLimitMhz } }), { platform, cpuMhz }).get("hardware.limits.cpuLimitMhz");
  assertEquals(quota(1250, 2500), "50000");
  assertEquals(quota(7500, 2500), "300000");
  assertEquals(quota(1, 2500), "1000", "libvirt takes no less");
  assertEquals(assertThrows(() => quota(100, 0), ProviderError).field, "hardware.limits.cpuLimitMhz");
});

Deno.test("a password that VNC would cut is refused, not cut", () => {
  const password = (graphics: string, graphicsPassword: string) =>
    settingsOf(wish({ extraConfig: { "libvirt.graphics": graphics } }), { platform, cpuMhz: 0, graphicsPassword })
      .get("credentials.graphics-password");
  assertEquals(password("vnc", "12345678"), "12345678");
  assertEquals(password("spice", "123456789"), "123456789");
  const error = assertThrows(() => password("vnc", "12345678x"), ProviderError);
  assertEquals([error.class, error.message.includes("12345678")], ["InvalidSpec", false]);
});
