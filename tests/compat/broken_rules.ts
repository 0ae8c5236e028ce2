/** One manifest per CEL rule that breaks it; a rule has no shape from which one could be made. @module */
import { type BadInput } from "./bad_input.ts";
import { validManifest } from "./examples.ts";

function broken(kind: string, name: string, field: string, message: string, spec: Record<string, unknown>): BadInput {
  const manifest = validManifest(kind);
  Object.assign(manifest.spec, spec);
  return { kind, name, manifest, field, message };
}

const IPV4_WITH_LONG_PREFIX = [{ name: "lan", ipAddress: "192.0.2.1", prefix: 64 }];
const TARGET = { name: "web", providerRef: { name: "other" }, networks: IPV4_WITH_LONG_PREFIX };
const PREFIX = "a prefix longer than 32 needs an IPv6 address in ipAddress";

/** The cases. */
export function brokenRules(): BadInput[] {
  const set = validManifest("VMSet").spec["template"] as { spec: Record<string, unknown> };
  return [
    broken("VirtualMachine", "IPv4 address with an IPv6 prefix", "spec.networks[0].prefix", PREFIX, {
      networks: IPV4_WITH_LONG_PREFIX,
    }),
    broken("VMSet", "IPv4 address with an IPv6 prefix", "spec.template.spec.networks[0].prefix", PREFIX, {
      template: { ...set, spec: { ...set.spec, networks: IPV4_WITH_LONG_PREFIX } },
    }),
    broken("VMClone", "IPv4 address with an IPv6 prefix", "spec.target.networks[0].prefix", PREFIX, {
      target: { name: "web-2", networks: IPV4_WITH_LONG_PREFIX },
    }),
    broken("VMMigration", "IPv4 address with an IPv6 prefix", "spec.target.networks[0].prefix", PREFIX, {
      target: TARGET,
    }),
    broken("Provider", "vSphere without credentials", "spec.credentialSecretRef", "credentialSecretRef is required", {
      type: "vsphere",
      endpoint: "https://vcenter.example.com/sdk",
    }),
    broken("Provider", "libvirt over SSH without credentials", "spec.credentialSecretRef", "credentialSecretRef is", {
      type: "libvirt",
      endpoint: "qemu+ssh://root@kvm.example.com/system",
    }),
  ];
}
