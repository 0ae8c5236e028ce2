/** The mock as a subject of the conformance suite. @module */
import type { ConformanceProfile } from "@virtrigaud/conformance";
import { Secret } from "@virtrigaud/telemetry";
import type { MockHypervisor } from "../mod.ts";

/** Profile of the mock; `hypervisor` is where the controls look. */
export function mockProfile(hypervisor: MockHypervisor): ConformanceProfile {
  const external = (change: Parameters<MockHypervisor["external"]>[0]) => Promise.resolve(hypervisor.external(change));
  return {
    name: "mock",
    image: { type: "Template", template: "tiny" },
    rootGib: 2,
    hardware: { cpus: 1, memoryMib: 128, firmware: "BIOS" },
    guest: { address: true, agent: true, cloudInit: true, shutdown: true },
    timeouts: { pollMs: 20 },
    imageSource: { type: "Url", url: "https://images.example/tiny.qcow2" },
    damagedImageSource: {
      type: "Url",
      url: "https://images.example/tiny.qcow2",
      checksum: { algorithm: "sha256", value: "0".repeat(64) },
    },
    staticAddress: { address: "192.0.2.77", prefix: 24, gateway: "192.0.2.1" },
    transferTarget: (name) => ({
      backend: "nfs",
      url: `nfs://files.example/export/${name}`,
      credentials: new Secret({}),
      options: {},
    }),
    controls: {
      addForeignVm: (name) => external({ type: "AddForeignVm", name }),
      listVolumes: () => Promise.resolve(hypervisor.volumes.map(({ id }) => id)),
      powerOff: async (vmId) => void await external({ type: "PowerOff", vmId }),
      interruptEvents: () => Promise.resolve(hypervisor.cutWatches()),
      deleteVm: async (vmId) => void await external({ type: "Delete", vmId }),
    },
  };
}
