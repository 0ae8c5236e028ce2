/** The schema of `metadata`, which every kind shares. @module */
import type { StructuralSchema } from "./types.ts";

const string: StructuralSchema = { type: "string" };
const time: StructuralSchema = { type: "string", format: "date-time" };
const strings: StructuralSchema = { type: "object", additionalProperties: string };

/** `ObjectMeta` v1: structure and merge keys. */
export const OBJECT_META: StructuralSchema = {
  type: "object",
  properties: {
    name: string,
    generateName: string,
    namespace: string,
    selfLink: string,
    uid: string,
    resourceVersion: string,
    generation: { type: "integer", format: "int64" },
    creationTimestamp: { ...time, nullable: true },
    deletionTimestamp: time,
    deletionGracePeriodSeconds: { type: "integer", format: "int64" },
    labels: strings,
    annotations: strings,
    ownerReferences: {
      type: "array",
      items: {
        type: "object",
        required: ["apiVersion", "kind", "name", "uid"],
        properties: {
          apiVersion: string,
          kind: string,
          name: string,
          uid: string,
          controller: { type: "boolean" },
          blockOwnerDeletion: { type: "boolean" },
        },
        "x-kubernetes-map-type": "atomic",
      },
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["uid"],
      "x-kubernetes-patch-strategy": "merge",
      "x-kubernetes-patch-merge-key": "uid",
    },
    finalizers: {
      type: "array",
      items: string,
      "x-kubernetes-list-type": "set",
      "x-kubernetes-patch-strategy": "merge",
    },
    managedFields: {
      type: "array",
      items: {
        type: "object",
        properties: {
          manager: string,
          operation: string,
          apiVersion: string,
          time,
          fieldsType: string,
          fieldsV1: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          subresource: string,
        },
      },
      "x-kubernetes-list-type": "atomic",
    },
  },
};

/** `schema` as that of a whole object: with `apiVersion`, `kind` and `metadata` as every object has them. */
export const asObject = (schema: StructuralSchema): StructuralSchema => ({
  ...schema,
  type: "object",
  properties: { ...schema.properties, apiVersion: string, kind: string, metadata: OBJECT_META },
});
