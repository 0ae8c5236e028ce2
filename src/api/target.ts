/** The VM that a clone or a migration makes. @module */
import { disks, networks } from "./disk_network.ts";
import { LABEL_PATTERN, localObjectRef, NAME_PATTERN } from "./refs.ts";
import { boolean, duration, int32, string, stringMap } from "./schema.ts";

/** Name of the VirtualMachine that is made. */
export const targetName = string("Name of the VirtualMachine to make.", { maxLength: 253, pattern: NAME_PATTERN });

/** What may be said of the VirtualMachine that is made, whatever makes it. */
export const targetFields = {
  namespace: string("Namespace of the VirtualMachine to make; that of this object when absent.", {
    maxLength: 63,
    pattern: LABEL_PATTERN,
  }),
  classRef: localObjectRef("VMClass of the VM; that of the source when absent."),
  placementRef: localObjectRef("VMPlacementPolicy that chooses the place."),
  networks: networks("Network interfaces; those of the source when absent."),
  disks: disks("Additional disks; those of the source when absent."),
  labels: stringMap("Labels of the VirtualMachine.", { maxProperties: 50 }),
  annotations: stringMap("Annotations of the VirtualMachine.", { maxProperties: 50 }),
};

/** How often and how soon a failed step is tried again. */
export const retryFields = {
  maxRetries: int32("How often to try again.", { default: 3, minimum: 0, maximum: 10 }),
  retryDelay: duration("Time before the first retry.", { default: "5m" }),
};

/** Whether the VM that is made is started. */
export const powerOn = boolean("Whether the VM is started when it is made.", { default: false });

/** Environments that objects can be said to belong to. */
export const ENVIRONMENTS = ["dev", "staging", "prod", "test", "qa", "uat"] as const;
