/** CustomResourceDefinitions from kind definitions. @module */
import { type KindDefinition, type PrinterColumn, type ScalePaths } from "./definition.ts";
import { type JsonSchema } from "./schema.ts";

/** `apiextensions.k8s.io/v1` CustomResourceDefinition, as far as VirtRigaud uses it. */
export interface CustomResourceDefinition {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly scope: "Namespaced";
    readonly versions: readonly {
      readonly name: string;
      readonly served: true;
      readonly storage: true;
      readonly schema: { readonly openAPIV3Schema: JsonSchema };
      readonly subresources: { readonly status: Record<never, never>; readonly scale?: ScalePaths };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
    }[];
  };
}

/** The CustomResourceDefinition that teaches `def` to an API server. */
export function customResourceDefinition(def: KindDefinition): CustomResourceDefinition {
  const { scale } = def.subresources;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${def.plural}.${def.group}` },
    spec: {
      group: def.group,
      names: {
        kind: def.kind,
        listKind: def.listKind,
        plural: def.plural,
        singular: def.singular,
        shortNames: def.shortNames,
        categories: def.categories,
      },
      scope: "Namespaced",
      versions: [{
        name: def.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: def.schema },
        subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
        additionalPrinterColumns: def.printerColumns,
      }],
    },
  };
}
