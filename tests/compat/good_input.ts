/** Manifests that earlier implementations refused or could not work with, and that are valid here. @module */
import { type Manifest, validManifest } from "./examples.ts";

/** A manifest that an API server must accept. */
export interface GoodInput {
  readonly kind: string;
  readonly name: string;
  readonly manifest: Manifest;
}

function good(kind: string, name: string, spec: Record<string, unknown>): GoodInput {
  const manifest = validManifest(kind);
  Object.assign(manifest.spec, spec);
  return { kind, name, manifest };
}

const IMAGES = [
  "registry.example.com:5000/virtrigaud/provider:v1",
  `registry.example.com:5000/provider:v1@sha256:${"ab".repeat(32)}`,
  `provider@sha512:${"ab".repeat(64)}`,
  "[2001:db8::5]:5000/provider",
  "provider",
];

const ENDPOINTS: readonly [type: string, endpoint: string][] = [
  ["vsphere", "https://[2001:db8::1]/sdk"],
  ["vsphere", "https://vcenter.example.com:8443/sdk?x=1"],
  ["proxmox", "https://[2001:db8::2]:8006"],
  ["libvirt", "qemu+ssh://root@[2001:db8::3]:2222/system?keyfile=id_ed25519"],
  ["libvirt", "qemu+unix:///system?socket=/run/libvirt.sock"],
  ["libvirt", "qemu:///system"],
  ["mock", "mock://local?latency=10ms"],
];

const ADDRESSES: readonly [ipAddress: string, prefix: number][] = [
  ["2001:db8::10", 64],
  ["::", 128],
  ["fe80::1", 127],
  ["2001:DB8:0:1:2:3:4:5", 64],
  ["::ffff:192.0.2.1", 96],
  ["192.0.2.1", 32],
];

/** All cases. */
export function goodInputs(): GoodInput[] {
  return [
    ...IMAGES.map((image) => good("Provider", `image ${image}`, { runtime: { image } })),
    ...ENDPOINTS.map(([type, endpoint]) =>
      good("Provider", `endpoint ${endpoint}`, { type, endpoint, credentialSecretRef: { name: "credentials" } })
    ),
    good("Provider", "local libvirt without credentials", { type: "libvirt", endpoint: "qemu:///system" }),
    good("Provider", "plain text on request", { runtime: { image: "p", service: { tls: { enabled: false } } } }),
    ...["1.2", "2", "2.0"].map((tpmVersion) =>
      good("VMClass", `TPM ${tpmVersion}`, { securityProfile: { tpmEnabled: true, tpmVersion } })
    ),
    ...ADDRESSES.map(([ipAddress, prefix]) =>
      good("VirtualMachine", `address ${ipAddress}/${prefix}`, {
        networks: [{ name: "lan", ipAddress, prefix, gateway: "fe80::1" }],
      })
    ),
    good("VirtualMachine", "references to objects with dots in their names", { imageRef: { name: "ubuntu-24.04" } }),
    good("VirtualMachine", "both imageRef and importedDisk, which the controller answers", {
      importedDisk: { diskID: "root" },
    }),
    good("VMNetworkAttachment", "static IPv6 network", {
      ipAllocation: {
        type: "Static",
        staticConfig: {
          address: "2001:db8::10/64",
          gateway: "fe80::1",
          routes: [{ destination: "::/0", gateway: "fe80::1" }],
        },
      },
    }),
    good("VMImage", "image in a registry with a port and a digest", {
      source: { registry: { image: `registry.example.com:5000/disk:v1@sha256:${"ab".repeat(32)}` } },
    }),
    good("VMClone", "a clone of nothing, of which a policy warns", { source: {} }),
    good("VMMigration", "storage of a type without its block, of which a policy warns", { storage: { type: "s3" } }),
    good("VMSnapshot", "text that is no schedule, of which a policy warns", { schedule: { cronSpec: "@dailyXX" } }),
    good("VMSnapshot", "schedule with names of days and steps", { schedule: { cronSpec: "*/5 8-18 * * MON-FRI" } }),
    { kind: "VMPlacementPolicy", name: "empty policy", manifest: { ...validManifest("VMPlacementPolicy"), spec: {} } },
  ];
}
