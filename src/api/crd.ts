/** CustomResourceDefinitions from kind definitions. @module */
import { type KindDefinition, type PrinterColumn, type ScalePaths } from "./definition.ts";
import { fieldsOf } from "./fields.ts";
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
    readonly conversion?: { readonly strategy: "None" };
    readonly versions: readonly {
      readonly name: string;
      readonly served: true;
      readonly storage: boolean;
      readonly deprecated?: true;
      readonly deprecationWarning?: string;
      readonly schema: { readonly openAPIV3Schema: JsonSchema };
      readonly subresources: { readonly status: Record<never, never>; readonly scale?: ScalePaths };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
    }[];
  };
}

/** A kind in the version that is stored. */
export type StoredVersion = Omit<KindDefinition, "version"> & { readonly version: string };

/** A version that is served beside the one that is stored. */
export interface ServedVersion {
  readonly name: string;
  /** Schema of the whole object, with the same fields as the stored version's. */
  readonly schema: JsonSchema;
  readonly printerColumns: readonly PrinterColumn[];
  /** What clients of this version are warned with; absent: it is not deprecated. */
  readonly deprecationWarning?: string;
}

/**
 * The CustomResourceDefinition that teaches `def` to an API server.
 *
 * @param beside further versions, for the day when there is a second one. The API server converts between versions by
 *   changing `apiVersion` and dropping what the other does not know, and by nothing else.
 * @throws {Error} when a version lacks fields of another, as every write through it would lose them
 */
export function customResourceDefinition(
  def: StoredVersion,
  beside: readonly ServedVersion[] = [],
): CustomResourceDefinition {
  const { scale } = def.subresources;
  for (const version of beside) refuseLoss(def, version);
  const versionOf = (version: Omit<ServedVersion, "deprecationWarning">, storage: boolean) => ({
    name: version.name,
    served: true as const,
    storage,
    schema: { openAPIV3Schema: version.schema },
    subresources: { status: {}, ...(scale === undefined ? {} : { scale }) },
    additionalPrinterColumns: version.printerColumns,
  });
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
      ...(beside.length === 0 ? {} : { conversion: { strategy: "None" as const } }),
      versions: [
        versionOf({ ...def, name: def.version }, true),
        ...beside.map(({ deprecationWarning, ...version }) => ({
          ...versionOf(version, false),
          ...(deprecationWarning === undefined ? {} : { deprecated: true as const, deprecationWarning }),
        })),
      ],
    },
  };
}

function refuseLoss(def: StoredVersion, version: ServedVersion): void {
  const [stored, other] = [def.schema, version.schema].map((schema) =>
    new Set([...fieldsOf(schema)].map(({ path }) => path))
  );
  const lost = [...(stored?.symmetricDifference(other ?? new Set()) ?? [])];
  if (lost.length === 0) return;
  throw new Error(
    `${def.kind}: ${version.name} and ${def.version} do not both have ${
      lost.slice(0, 5).join(", ")
    }: writes through one ` +
      `would lose what only the other knows. Give both the same fields, or convert by a webhook`,
  );
}
