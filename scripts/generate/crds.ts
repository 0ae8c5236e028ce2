/** CustomResourceDefinitions and admission policies for the Helm chart. @module */
import { stringifyYaml } from "@virtrigaud/deps";
import { admissionPolicies, customResourceDefinition, GROUP, kinds } from "@virtrigaud/api";
import { type Generator } from "./generator.ts";

const FOLDER = "charts/virtrigaud/crds";

const NOTICE = "# Made by `deno task generate` from src/api; do not edit.\n";
const yaml = (value: unknown): string => stringifyYaml(value, { lineWidth: -1, useAnchors: false, sortKeys: false });

/** The admission policies, which a template of the chart names and binds. */
export const policies: Generator = {
  name: "admission policies",
  owns: ["charts/virtrigaud/files/admission"],
  files: () => [{
    path: "charts/virtrigaud/files/admission/policies.yaml",
    text: NOTICE + yaml({ policies: admissionPolicies(kinds) }),
  }],
};

/** One CustomResourceDefinition per kind. */
export const crds: Generator = {
  name: "CustomResourceDefinitions",
  owns: [FOLDER],
  files: () =>
    kinds.map((kind) => ({
      path: `${FOLDER}/${GROUP}_${kind.plural}.yaml`,
      text: NOTICE + yaml(customResourceDefinition(kind)),
    })),
};
