/** What a kind is to the API server: names, schema, columns, subresources. @module */
import { type TSchema } from "@virtrigaud/deps";
import { type JsonSchema, structural } from "./schema.ts";
import { type SupportTable } from "./support.ts";

/** API group of all kinds. */
export const GROUP = "infra.virtrigaud.io";
/** The one version that is served and stored. */
export const VERSION = "v1beta1";
/** `apiVersion` of every object. */
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** A column of `kubectl get`. Priority 0 (default) shows always, 1 only with `-o wide`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** Leads to one value: of `[*]` the API server shows the first result only. */
  readonly jsonPath: string;
  readonly description?: string;
  readonly format?: string;
  readonly priority?: number;
}

/** Where the scale subresource reads and writes. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath: string;
}

/** One kind: the single source of its type, its CustomResourceDefinition and its page in the field reference. */
export interface KindDefinition {
  readonly group: typeof GROUP;
  readonly version: typeof VERSION;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly ["virtrigaud"];
  readonly namespaced: true;
  readonly description: string;
  /** Structural OpenAPI v3 schema of the whole object. */
  readonly schema: JsonSchema;
  readonly printerColumns: readonly PrinterColumn[];
  readonly subresources: { readonly status: true; readonly scale?: ScalePaths };
  /** Which field is honoured where. */
  readonly support: SupportTable;
}

/** What {@linkcode defineKind} needs to be told; the rest is the same for all kinds. */
export interface KindSource {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** What the kind is for, for `kubectl explain`. */
  readonly description: string;
  readonly spec: TSchema;
  readonly status: TSchema;
  readonly printerColumns: readonly PrinterColumn[];
  readonly scale?: ScalePaths;
  readonly support: SupportTable;
}

/** Completes a kind with what all ten share. */
export function defineKind(source: KindSource): KindDefinition {
  return {
    group: GROUP,
    version: VERSION,
    kind: source.kind,
    plural: source.plural,
    singular: source.kind.toLowerCase(),
    listKind: `${source.kind}List`,
    shortNames: source.shortNames,
    categories: ["virtrigaud"],
    namespaced: true,
    description: source.description,
    schema: {
      type: "object",
      description: source.description,
      required: ["spec"],
      properties: {
        apiVersion: {
          type: "string",
          description: `Version of the schema that the object is written in: ${API_VERSION}.`,
        },
        kind: { type: "string", description: `Kind of the object: ${source.kind}.` },
        metadata: { type: "object" },
        spec: structural(source.spec),
        status: structural(source.status),
      },
    },
    printerColumns: source.printerColumns,
    subresources: { status: true, ...(source.scale === undefined ? {} : { scale: source.scale }) },
    support: source.support,
  };
}
