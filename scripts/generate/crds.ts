/** CustomResourceDefinitions and admission policies for the Helm chart. @module */
import { stringifyYaml } from "@virtrigaud/deps";
import { admissionPolicies, type AdmissionPolicy, customResourceDefinition, GROUP, kinds } from "@virtrigaud/api";
import { type Generator } from "./generator.ts";

const FOLDER = "charts/virtrigaud/crds";

const NOTICE = "# Made by `deno task generate` from src/api; do not edit.\n";
const yaml = (value: unknown): string => stringifyYaml(value, { lineWidth: -1, useAnchors: false, sortKeys: false });

/** The admission policies: for a template of the chart, which names and binds them, and as manifests for kustomize. */
export const policies: Generator = {
  name: "admission policies",
  owns: ["charts/virtrigaud/files/admission"],
  files: () => [
    {
      path: "charts/virtrigaud/files/admission/policies.yaml",
      text: NOTICE + yaml({ policies: admissionPolicies(kinds) }),
    },
    {
      path: "deploy/kustomize/overlays/admission/policies.yaml",
      text: NOTICE + admissionPolicies(kinds).flatMap(policyManifests).map((object) => `---\n${yaml(object)}`).join(""),
    },
  ],
};

/** A policy and its binding as the chart makes them by default. */
function policyManifests({ name, spec }: AdmissionPolicy): unknown[] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: `virtrigaud-${name}`, labels: { "app.kubernetes.io/part-of": "virtrigaud" } };
  return [
    { apiVersion, kind: "ValidatingAdmissionPolicy", metadata, spec },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: metadata.name, validationActions: ["Warn"] },
    },
  ];
}

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
