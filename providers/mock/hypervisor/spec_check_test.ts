import { assertEquals, assertNotEquals, assertRejects } from "@virtrigaud/deps";
import { type ErrorClass, type MachineSpec, ProviderError } from "@virtrigaud/contract";
import { Secret } from "@virtrigaud/telemetry";
import { Harness, tinySpec } from "../testing/harness.ts";

const nic = (change: Partial<MachineSpec["nics"][number]>): Partial<MachineSpec> => ({
  nics: [{ name: "eth0", addresses: [], ...change }],
});
const hardware = (change: Partial<MachineSpec["hardware"]>): Partial<MachineSpec> => ({
  hardware: { ...tinySpec.hardware, ...change },
});

/** What the conformance suite leaves to each provider: fields that this one refuses in its own way. */
const refused: readonly [spec: Partial<MachineSpec>, errorClass: ErrorClass, field: string][] = [
  [hardware({ gpu: { count: 17 } }), "InvalidSpec", "hardware.gpu.count"],
  [hardware({ security: { secureBoot: true } }), "InvalidSpec", "hardware.security.secureBoot"],
  [hardware({ security: { tpm: true, tpmVersion: "3" } }), "InvalidSpec", "hardware.security.tpmVersion"],
  [hardware({ limits: { cpuShares: -1 } }), "InvalidSpec", "hardware.limits.cpuShares"],
  [{ image: { type: "Registry", image: "x", format: "ova" } }, "InvalidSpec", "image.format"],
  [{ image: { type: "Template", template: "none" } }, "NotFound", "image.template"],
  [{ image: { type: "Volume", path: "/none" } }, "NotFound", "image.path"],
  [{ image: { type: "ImportedDisk", diskId: "vol-x", format: "raw" } }, "NotFound", "image.diskId"],
  [{ image: { type: "Url", url: "file:///etc/passwd" } }, "InvalidSpec", "image.url"],
  [{ image: { type: "Url", url: "https://x.example/a", format: "iso" } }, "InvalidSpec", "image.format"],
  [
    { image: { type: "Url", url: "https://x.example/a", checksum: { algorithm: "sha256", value: "ab" } } },
    "InvalidSpec",
    "image.checksum",
  ],
  [{ rootDisk: { storageClass: "gold" } }, "NotFound", "rootDisk.storageClass"],
  [{ disks: [{ name: "d", sizeGib: 1, scsi: { sharedBus: "some" } }] }, "InvalidSpec", "disks[d].scsi.sharedBus"],
  [{ disks: [{ name: "d", sizeGib: 1, scsi: { controller: 4 } }] }, "InvalidSpec", "disks[d].scsi.controller"],
  [nic({ model: "ne2000" }), "InvalidSpec", "nics[eth0].model"],
  [nic({ mtu: 100 }), "InvalidSpec", "nics[eth0].mtu"],
  [nic({ vlan: 4095 }), "InvalidSpec", "nics[eth0].vlan"],
  [nic({ backing: { type: "Network", network: "none" } }), "NotFound", "nics[eth0].backing"],
  [nic({ extra: { speed: "10" } }), "InvalidSpec", "nics[eth0].extra[speed]"],
  [nic({ dns: { servers: ["dns"], searchDomains: [] } }), "InvalidSpec", "nics[eth0].dns.servers[0]"],
  [nic({ routes: [{ destination: "10/8", gateway: "10.0.0.1" }] }), "InvalidSpec", "nics[eth0].routes[0].destination"],
  [
    nic({ unmanaged: true, addresses: [{ address: "10.0.0.1", prefix: 8 }] }),
    "InvalidSpec",
    "nics[eth0].unmanaged",
  ],
  [{ placement: { host: "none" } }, "NotFound", "placement.host"],
  [{ placement: { cluster: "none" } }, "NotFound", "placement.cluster"],
  [{ placement: { datastore: "none" } }, "NotFound", "placement.datastore"],
  [{ placement: { storagePod: "pod" } }, "NotFound", "placement.storagePod"],
  [{ guestInit: { type: "Ignition", config: new Secret("{") } }, "InvalidSpec", "guestInit.config"],
  [{ tags: [""] }, "InvalidSpec", "tags[0]"],
];

for (const [spec, errorClass, field] of refused) {
  Deno.test(`${field} is refused as ${errorClass}, by name`, async () => {
    using harness = new Harness({ seedVms: 0 });
    const error = await assertRejects(
      () => harness.provider.create(harness.request(spec), harness.context),
      ProviderError,
    );
    assertEquals([error.class, error.field], [errorClass, field]);
    assertEquals([harness.hypervisor.vms, harness.hypervisor.volumes], [[], []]);
  });
}

Deno.test("a bad Ignition configuration is refused without quoting it", async () => {
  using harness = new Harness();
  const request = harness.request({ guestInit: { type: "Ignition", config: new Secret("canary-5531") } });
  const error = await assertRejects(() => harness.provider.create(request, harness.context), ProviderError);
  assertEquals(Deno.inspect(error).includes("canary-5531"), false);
});

Deno.test("every field that is not refused is kept as it was asked for", async () => {
  using harness = new Harness();
  const spec: Partial<MachineSpec> = {
    hardware: {
      cpus: 4,
      memoryMib: 1024,
      firmware: "UEFI",
      limits: { cpuShares: 100, memoryReservationMib: 512 },
      performance: { latencySensitivity: "high", cpuHotAdd: true, nestedVirtualization: true },
      security: { secureBoot: true, tpm: true, tpmVersion: "2.0", vtd: true, encryption: { required: true } },
      gpu: { count: 1, type: "mock" },
      guestTools: "install",
    },
    rootDisk: { sizeGib: 20, type: "thick", storageClass: "fast", iops: 500 },
    disks: [{
      name: "data",
      sizeGib: 5,
      storageClass: "fast",
      scsi: { controller: 1, controllerType: "pvscsi", sharedBus: "virtual" },
    }],
    nics: [{
      name: "eth0",
      mac: "52:54:00:00:00:07",
      model: "e1000",
      mtu: 9000,
      vlan: 12,
      backing: { type: "Bridge", bridge: "br0" },
      addresses: [{ address: "2001:db8::5", prefix: 64 }, { address: "192.0.2.5", prefix: 24, gateway: "192.0.2.1" }],
      filter: { name: "clean-traffic", parameters: {} },
      qos: { ingressKbps: 1000 },
    }],
    placement: { host: "mock-host-3", datastore: "fast", folder: "a/b", resourcePool: "gold" },
    tags: ["one", "two"],
  };
  const vmId = await harness.vm(spec, { powerOn: true });
  const kept = harness.hypervisor.world.store.get("vms", vmId);
  assertEquals(kept?.hardware, spec.hardware);
  assertEquals(kept?.nics.map((nic) => nic.spec), spec.nics);
  assertEquals(kept?.tags, spec.tags);
  const vm = await harness.describe(vmId);
  assertEquals(vm.ips, ["192.0.2.5", "2001:db8::5"]);
  assertEquals(vm.nics[0]?.network, "br0");
  assertEquals(vm.placement, { host: "mock-host-3", cluster: "mock-cluster", datastore: "fast" });
  assertEquals(vm.details, { hardwareVersion: "17", folder: "a/b", resourcePool: "gold" });
  const volumes = harness.hypervisor.volumes.filter((volume) => volume.vmId === vmId);
  assertEquals(volumes.map(({ pool, sizeGib, type }) => [pool, sizeGib, type]), [["fast", 20, "thick"], [
    "fast",
    5,
    "thin",
  ]]);
});

Deno.test("images come from libraries and registries too, and the same name is the same content", async () => {
  using harness = new Harness({ seedVms: 0 });
  const contents: string[] = [];
  for (
    const [name, image] of Object.entries(
      {
        a: { type: "Registry", image: "registry.example/vm:1" },
        b: { type: "Registry", image: "registry.example/vm:1" },
        c: { type: "ContentLibrary", library: "main", item: "vm" },
      } as const,
    )
  ) {
    const vmId = await harness.vm({ name, image }, { ownerUid: name });
    contents.push(harness.hypervisor.volumes.find((volume) => volume.vmId === vmId)?.content ?? "");
  }
  assertEquals(contents[0], contents[1]);
  assertNotEquals(contents[0], contents[2]);
});

Deno.test("a datastore cluster puts a VM where there is most room", async () => {
  using harness = new Harness({ seedVms: 0 });
  const placement = { storagePod: "mock-pod" };
  const first = await harness.describe(await harness.vm({ name: "a", placement }, { ownerUid: "a" }));
  const second = await harness.describe(await harness.vm({ name: "b", placement }, { ownerUid: "b" }));
  assertEquals([first.placement?.datastore, second.placement?.datastore], ["default", "fast"]);
});
