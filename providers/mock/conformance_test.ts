import { testConformance } from "@virtrigaud/conformance";
import type { Capabilities } from "@virtrigaud/contract";
import { guarded, OperationGuard } from "@virtrigaud/contract/server/mod.ts";
import { loopback } from "@virtrigaud/contract/testing/fixture.ts";
import { MockHypervisor, MockProvider } from "./mod.ts";
import { Harness } from "./testing/harness.ts";
import { mockProfile } from "./testing/profile.ts";

/** An in-process endpoint under fake time, behind the guard behind which it is served. */
function endpoint(capabilities: Partial<Capabilities>) {
  const harness = new Harness({ capabilities });
  return Promise.resolve({
    provider: guarded(harness.provider, new OperationGuard()),
    profile: mockProfile(harness.hypervisor),
    clock: harness.clock,
    drive: harness.drive,
    [Symbol.asyncDispose]: () => Promise.resolve(harness[Symbol.dispose]()),
  });
}

testConformance("the mock passes the conformance suite in-process", () => endpoint({}));

testConformance("a mock that lacks everything optional passes it too", () =>
  endpoint({
    reconfigureOnline: false,
    diskExpansionOnline: false,
    snapshots: false,
    memorySnapshots: false,
    quiescedSnapshots: false,
    clones: false,
    linkedClones: false,
    imageImport: false,
    diskExport: false,
    diskImport: false,
    exportCompression: false,
    guestExec: false,
    hardwareUpgrade: false,
    guestInitReplace: false,
  }));

testConformance("the mock passes the suite over gRPC", async () => {
  const hypervisor = new MockHypervisor({ taskLatencyMs: 4, bootMs: 4, shutdownMs: 2 });
  const loop = await loopback({}, {
    serve: { provider: new MockProvider(hypervisor) },
    connect: { rateLimit: { qps: 10_000, burst: 10_000 } },
  });
  return {
    provider: loop.provider,
    profile: { ...mockProfile(hypervisor), name: "mock over gRPC", timeouts: { pollMs: 4 } },
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]();
      hypervisor.close();
    },
  };
});
