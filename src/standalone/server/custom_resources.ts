/** Custom kinds, made of their definitions. @module */
import { compileSchema, type StructuralSchema } from "../schema/mod.ts";
import type { JsonObject } from "../storage/mod.ts";
import { qualified } from "./errors.ts";
import { ALL_VERBS, type Column, type Resource, type ScalePaths } from "./resource.ts";

/** What the server needs to know of a custom kind; `KindDefinition` of `@virtrigaud/api` is one. */
export interface CustomKind extends
  Pick<
    Resource,
    "group" | "version" | "kind" | "listKind" | "plural" | "singular" | "shortNames" | "categories" | "namespaced"
  > {
  /** Structural schema of the whole object; compiling it refuses what is none. */
  readonly schema: object;
  readonly printerColumns: readonly Column[];
  readonly subresources: { readonly status?: boolean; readonly scale?: ScalePaths };
}

/** The resource that serves `kind`. Its schema is compiled when it is first used: that is most of the cost of a kind. */
export function customResource(kind: CustomKind): Resource {
  let compiled: Resource["schema"] | undefined;
  const openapi = kind.schema as StructuralSchema;
  return {
    ...kind,
    verbs: ALL_VERBS,
    openapi,
    get schema() {
      return compiled ??= compileSchema(openapi, { name: `${qualified(kind)}/${kind.version}` });
    },
    columns: kind.printerColumns,
    status: kind.subresources.status === true,
    ...(kind.subresources.scale === undefined ? {} : { scale: kind.subresources.scale }),
    custom: true,
    unconditionalUpdate: false,
    immutable: [],
    generation: true,
    selectableFields: [],
    storage: qualified(kind),
  };
}

/** The CustomResourceDefinition object that clients read to learn about `kind`. */
export function definitionOf(kind: CustomKind): JsonObject {
  const names = {
    plural: kind.plural,
    singular: kind.singular,
    kind: kind.kind,
    listKind: kind.listKind,
    shortNames: [...kind.shortNames],
    categories: [...kind.categories],
  };
  const { status, scale } = kind.subresources;
  return JSON.parse(JSON.stringify({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: qualified(kind) },
    spec: {
      group: kind.group,
      names,
      scope: kind.namespaced ? "Namespaced" : "Cluster",
      conversion: { strategy: "None" },
      versions: [{
        name: kind.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: kind.schema },
        subresources: { ...(status === true ? { status: {} } : {}), ...(scale === undefined ? {} : { scale }) },
        additionalPrinterColumns: kind.printerColumns,
      }],
    },
    status: {
      acceptedNames: names,
      storedVersions: [kind.version],
      conditions: [
        { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" },
        {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "built into this control plane",
        },
      ],
    },
  }));
}
