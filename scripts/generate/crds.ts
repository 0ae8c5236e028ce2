/** CustomResourceDefinitions for the Helm chart. @module */
import { stringifyYaml } from "@virtrigaud/deps";
import { customResourceDefinition, GROUP, kinds } from "@virtrigaud/api";
import { type Generator } from "./generator.ts";

const FOLDER = "charts/virtrigaud/crds";

/** One CustomResourceDefinition per kind. */
export const crds: Generator = {
  name: "CustomResourceDefinitions",
  owns: [FOLDER],
  files: () =>
    kinds.map((kind) => ({
      path: `${FOLDER}/${GROUP}_${kind.plural}.yaml`,
      text: "# Made by `deno task generate` from src/api; do not edit.\n" +
        stringifyYaml(customResourceDefinition(kind), { lineWidth: -1, useAnchors: false, sortKeys: false }),
    })),
};
