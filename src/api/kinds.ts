/** All kinds of the API group, in the order in which a reader meets them. @module */
import { type KindDefinition } from "./definition.ts";
import { provider } from "./provider.ts";
import { virtualMachine } from "./virtual_machine.ts";
import { vmClass } from "./vm_class.ts";
import { vmClone } from "./vm_clone.ts";
import { vmImage } from "./vm_image.ts";
import { vmMigration } from "./vm_migration.ts";
import { vmNetworkAttachment } from "./vm_network_attachment.ts";
import { vmPlacementPolicy } from "./vm_placement_policy.ts";
import { vmSet } from "./vm_set.ts";
import { vmSnapshot } from "./vm_snapshot.ts";

/** The ten kinds. */
export const kinds: readonly KindDefinition[] = [
  virtualMachine,
  provider,
  vmClass,
  vmImage,
  vmNetworkAttachment,
  vmSnapshot,
  vmClone,
  vmMigration,
  vmSet,
  vmPlacementPolicy,
];

/** The definition of `kind`. @throws {RangeError} when there is no such kind. */
export function kindNamed(kind: string): KindDefinition {
  const found = kinds.find((definition) => definition.kind === kind);
  if (found === undefined) {
    throw new RangeError(`no kind "${kind}"; there are ${kinds.map((definition) => definition.kind).join(", ")}`);
  }
  return found;
}
