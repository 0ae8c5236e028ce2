/** Which field each provider honours: what field honesty, the reference pages and admission are made from. @module */
import { type KindDefinition } from "./definition.ts";
import { isWithin } from "./fields.ts";
import { type ProviderType } from "./provider_spec.ts";

/**
 * How a field is met: `honoured`; `descriptive` (for people, nothing is to be done); `foreign` (a block for another
 * kind of hypervisor); `planned` and `refused` (set, it is answered by a condition that names provider and field).
 */
export type Support = "honoured" | "descriptive" | "foreign" | "planned" | "refused";

/** What one provider does with the fields that are left to it. Each path covers everything below it. */
export interface ProviderSupport {
  readonly honoured: readonly string[];
  /** Not yet, but meant to come; everything else is refused for good. */
  readonly planned: readonly string[];
}

/** The support table of a kind. Of several paths that cover a field, the longest decides. */
export interface SupportTable {
  /** Fields that the manager honours itself, whatever the provider. */
  readonly manager: readonly string[];
  /** Fields that the manager is to honour itself one day. */
  readonly managerPlanned: readonly string[];
  /** Fields that are for people. */
  readonly descriptive: readonly string[];
  /** Fields for one kind of hypervisor only. */
  readonly blocks: { readonly [type in ProviderType]?: readonly string[] };
  /** What is left to the providers; a type that is not named refuses all of it. */
  readonly providers: { readonly [type in ProviderType]?: ProviderSupport };
}

/** The honest table of a kind that no controller works on yet. */
export const NOTHING_YET: SupportTable = {
  manager: [],
  managerPlanned: ["spec"],
  descriptive: [],
  blocks: {},
  providers: {},
};

/** Every path that a table names, for the test that they all exist. */
export function pathsOf(table: SupportTable): string[] {
  return [
    ...table.manager,
    ...table.managerPlanned,
    ...table.descriptive,
    ...Object.values(table.blocks).flat(),
    ...Object.values(table.providers).flatMap(({ honoured, planned }) => [...honoured, ...planned]),
  ];
}

/** How `path` (as in {@linkcode fieldsOf}) of `kind` is met on a provider of `type`. */
export function supportOf(kind: KindDefinition, type: ProviderType, path: string): Support {
  const { manager, managerPlanned, descriptive, blocks, providers } = kind.support;
  for (const [owner, paths] of Object.entries(blocks)) {
    if (owner !== type && paths.some((prefix) => isWithin(path, prefix))) return "foreign";
  }
  const own = providers[type] ?? { honoured: [], planned: [] };
  const claims: [readonly string[], Support][] = [
    [manager, "honoured"],
    [descriptive, "descriptive"],
    [managerPlanned, "planned"],
    [own.honoured, "honoured"],
    [own.planned, "planned"],
  ];
  let best: { length: number; support: Support } = { length: -1, support: "refused" };
  for (const [paths, support] of claims) {
    for (const prefix of paths) {
      if (isWithin(path, prefix) && prefix.length > best.length) best = { length: prefix.length, support };
    }
  }
  return best.support;
}
