/** `core/v1.PersistentVolumeClaim` as a template. @module */
import { list, map, object, quantity, string, stringMap } from "../schema.ts";
import { labelSelector } from "./selectors.ts";

/** The part of metadata that a template may set. */
export const templateMeta = (description: string) =>
  object(description, {}, {
    labels: stringMap("Labels of the objects that are made."),
    annotations: stringMap("Annotations of the objects that are made."),
    name: string("Name; what is made from a template adds its own ending."),
  });

/** A claim that is made once per member. */
export const VolumeClaimTemplate = object("Template of one claim.", {
  spec: object("The claim.", {}, {
    accessModes: list("How the volume may be mounted.", string("One access mode, such as ReadWriteOnce."), {
      "x-kubernetes-list-type": "atomic",
    }),
    dataSource: object(
      "Volume or snapshot to start from.",
      {
        kind: string("Kind of the source."),
        name: string("Name of the source."),
      },
      { apiGroup: string("Group of the source; core when absent.") },
      { "x-kubernetes-map-type": "atomic" },
    ),
    dataSourceRef: object("Object to start from.", {
      kind: string("Kind of the source."),
      name: string("Name of the source."),
    }, {
      apiGroup: string("Group of the source; core when absent."),
      namespace: string("Namespace of the source; the claim's own when absent."),
    }),
    resources: object("Size of the volume.", {}, {
      limits: map("Most that the volume may have.", quantity("Amount.")),
      requests: map("Least that the volume must have.", quantity("Amount.")),
    }),
    selector: labelSelector("Volumes to choose from."),
    storageClassName: string("Storage class."),
    volumeAttributesClassName: string("Class of volume attributes."),
    volumeMode: string("Filesystem or Block."),
    volumeName: string("Volume to bind to."),
  }),
}, { metadata: templateMeta("Metadata of the claim.") });
