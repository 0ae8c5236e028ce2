/** `VMPlacementPolicy.spec`. @module */
import { type Static } from "@virtrigaud/deps";
import { HostToleration } from "./core/container.ts";
import { labelSelector } from "./core/selectors.ts";
import { boolean, int32, list, object, oneOf, quantity, string, stringMap } from "./schema.ts";

const names = (description: string, maxItems: number) => list(description, string("One name."), { maxItems });
const percent = (description: string) => int32(description, { minimum: 0, maximum: 100 });

const constraints = (description: string) =>
  object(description, {}, {
    clusters: names("Clusters to be on.", 50),
    hosts: names("Hosts to be on.", 200),
    datastores: names("Datastores to be on.", 100),
    resourcePools: names("Resource pools to be in.", 100),
    folders: names("Folders to be in.", 50),
    networks: names("Networks that must be in reach.", 50),
    zones: names("Zones to be in.", 20),
    regions: names("Regions to be in.", 20),
    excludedClusters: names("Clusters to stay off.", 50),
    excludedHosts: names("Hosts to stay off.", 200),
    excludedDatastores: names("Datastores to stay off.", 100),
    nodeSelector: stringMap("Labels that the host must have.", { maxProperties: 20 }),
    tolerations: list("Taints of hosts that are put up with.", HostToleration, { maxItems: 20 }),
  });

const vmAffinityTerm = (description: string) =>
  object(description, {
    topologyKey: string("Property of a place whose value says which places count as one.", { maxLength: 253 }),
  }, {
    labelSelector: labelSelector("VirtualMachines that the term is about."),
    namespaces: names("Namespaces to look in, by name; the policy's own when neither is given.", 20),
    namespaceSelector: labelSelector("Namespaces to look in, by their labels."),
    matchExpressions: list(
      "Further requirements on labels of the VirtualMachines.",
      object("One requirement.", {
        key: string("Label that the requirement is about.", { maxLength: 253 }),
        operator: oneOf("How key and values relate.", ["In", "NotIn", "Exists", "DoesNotExist"]),
      }, { values: names("Values to compare with; none for Exists and DoesNotExist.", 50) }),
      { maxItems: 20 },
    ),
  });

const vmAffinity = (description: string) =>
  object(description, {}, {
    requiredDuringScheduling: list("Terms that must all hold.", vmAffinityTerm("One term."), { maxItems: 20 }),
    preferredDuringScheduling: list(
      "Terms to prefer.",
      object("One weighted term.", {
        weight: int32("Share of this term in the score of a place.", { minimum: 1, maximum: 100 }),
        vmAffinityTerm: vmAffinityTerm("The term."),
      }, {}),
      { maxItems: 20 },
    ),
  });

const rule = <O extends Parameters<typeof object>[2]>(description: string, optional: O) =>
  object(description, { enabled: boolean("Whether the rule is in force.") }, {
    scope: oneOf("Whether the rule must hold or is only preferred.", ["strict", "preferred"]),
    ...optional,
  });

const applicationLabel = string("Label whose value says which VMs belong together.", { default: "app" });
const most = (place: string, maximum = 10000) => int32(`Most VMs on one ${place}.`, { minimum: 1, maximum });

const affinity = object("What the VM is to be near.", {}, {
  hostAffinity: rule("Keep VMs on the same hosts.", { preferredHosts: names("Hosts to prefer.", 50) }),
  clusterAffinity: rule("Keep VMs on the same clusters.", { preferredClusters: names("Clusters to prefer.", 20) }),
  datastoreAffinity: rule("Keep VMs on the same datastores.", {
    preferredDatastores: names("Datastores to prefer.", 50),
  }),
  zoneAffinity: rule("Keep VMs in the same zones.", { preferredZones: names("Zones to prefer.", 10) }),
  applicationAffinity: rule("Keep VMs of an application together.", { applicationLabel }),
  vmAffinity: vmAffinity("Keep near other VMs."),
});

const antiAffinity = object("What the VM is to stay away from.", {}, {
  hostAntiAffinity: rule("Spread VMs over hosts.", { maxVMsPerHost: most("host", 1000) }),
  clusterAntiAffinity: rule("Spread VMs over clusters.", { maxVMsPerCluster: most("cluster") }),
  datastoreAntiAffinity: rule("Spread VMs over datastores.", { maxVMsPerDatastore: most("datastore") }),
  zoneAntiAffinity: rule("Spread VMs over zones.", { maxVMsPerZone: most("zone") }),
  applicationAntiAffinity: rule("Spread VMs of an application.", { applicationLabel }),
  vmAntiAffinity: vmAffinity("Stay away from other VMs."),
});

/** Schema of `VMPlacementPolicy.spec`. */
export const VMPlacementPolicySpec = object("Where VMs may and should be.", {}, {
  hard: constraints("What must hold; without such a place the VM is not made."),
  soft: constraints("What is preferred."),
  affinity,
  antiAffinity,
  resourceConstraints: object("How much room a place must have.", {}, {
    maxCPUUtilization: percent("Most compute capacity in use, in percent."),
    maxMemoryUtilization: percent("Most memory in use, in percent."),
    maxDiskUtilization: percent("Most storage in use, in percent."),
    minCPUPerHost: int32("Fewest CPUs that are free on the host.", { minimum: 1 }),
    minMemoryPerHost: quantity("Least memory that is free on the host."),
    minDiskSpacePerHost: quantity("Least storage that is free on the host."),
    requiredFeatures: names("Features that the host must have.", 20),
    preferredFeatures: names("Features to prefer.", 20),
  }),
  securityConstraints: object("How safe a place must be.", {}, {
    requireSecureBoot: boolean("Whether the host must have started by secure boot."),
    requireTPM: boolean("Whether the host must have a TPM."),
    requireEncryptedStorage: boolean("Whether the storage must be encrypted."),
    requireNUMATopology: boolean("Whether the host must expose its NUMA topology."),
    isolationLevel: oneOf("How far the VM is kept from others.", ["none", "basic", "strict", "maximum"]),
    trustLevel: oneOf("How far the host is trusted.", ["untrusted", "basic", "trusted", "highly-trusted"]),
    allowedSecurityGroups: names("Security groups that the VM may be in.", 20),
    deniedSecurityGroups: names("Security groups that the VM may not be in.", 20),
  }),
  priority: int32("Which policy wins when two disagree: the higher.", { minimum: 0, maximum: 1000 }),
  weight: int32("Share of this policy in the score of a place.", { minimum: 1, maximum: 100 }),
});
/** Where VMs may and should be. */
export type VMPlacementPolicySpec = Static<typeof VMPlacementPolicySpec>;
