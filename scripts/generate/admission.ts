/** The page about what the API server refuses beyond types and limits, and how that relates to earlier schemas. @module */
import { admissionPolicies, fieldsOf, type KindDefinition, kinds, type ValidationRule } from "@virtrigaud/api";
import { type GeneratedFile } from "./generator.ts";
import { cell, code, head, NOTICE, row } from "./markdown.ts";

interface RuleAt {
  readonly kind: string;
  readonly path: string;
  readonly rule: ValidationRule;
}

/** Why no object that ever worked is lost by a rule; a rule without an entry here fails the generator. */
const WHY: Readonly<Record<string, string>> = {
  "a prefix longer than 32 needs an IPv6 address in ipAddress":
    "Prefixes beyond 32 were refused altogether; now they go with IPv6.",
  "credentialSecretRef is required, but for type mock and for libvirt without SSH":
    "It was required of every type; now it is where there are credentials.",
};

const NARROWED: readonly (readonly [what: string, why: string])[] = [
  [
    "An object without `spec` is refused, but for VMPlacementPolicy, where it reads as an empty one.",
    "Every other kind has required fields below `spec`; without them nothing could be done.",
  ],
  [
    "Two entries of one key are refused in the lists above.",
    "Only one of them was ever used. In return entries can be applied, patched and owned one by one, in any order.",
  ],
];

const WIDENED: readonly string[] = [
  "`VMSnapshot spec.schedule.cronSpec` takes any text, names of days among it; a policy says what is no schedule.",
  "Addresses, gateways, networks and routes are IPv4 or IPv6 everywhere; `prefix` goes up to 128.",
  "`Provider spec.endpoint` takes IPv6 literals, queries, `qemu+unix:` and `mock://`; `type` takes `mock`.",
  "`Provider spec.credentialSecretRef` and `spec.runtime.service.tls` may be absent; without the latter the manager issues certificates.",
  "Images take a registry with a port, an IPv6 registry, and a tag together with a digest.",
  "`VMClass spec.securityProfile.tpmVersion` takes `1.2`, `2` and `2.0`; no value was possible before.",
  "References take names with dots, as other objects have them.",
  "VirtualMachine has no scale subresource: it led to fields that do not exist. That of VMSet works, with its selector.",
  "`VMSet spec.template.metadata` keeps labels and annotations; they were dropped before.",
  "`status` takes what a hypervisor can report: suspended and unknown power states, sizes beyond the limits of a class.",
  "New on VirtualMachine: `updatePolicy`, `deletionPolicy`, `onMissing`; their defaults are the earlier behaviour made safe.",
];

function* rulesOf(kind: KindDefinition): Generator<RuleAt> {
  for (const { path, schema } of fieldsOf(kind.schema)) {
    for (const rule of schema["x-kubernetes-validations"] ?? []) yield { kind: kind.kind, path, rule };
    for (const rule of schema.items?.["x-kubernetes-validations"] ?? []) {
      yield { kind: kind.kind, path: `${path}[]`, rule };
    }
  }
}

function ruleTable(): string {
  const rows = kinds.flatMap((kind) => [...rulesOf(kind)]).map(({ kind, path, rule }) => {
    const why = WHY[rule.message];
    if (why === undefined) {
      throw new Error(`say in scripts/generate/admission.ts why ${kind} ${path} may refuse: ${rule.message}`);
    }
    return row(kind, code(path), cell(rule.message), why);
  });
  return head("Kind", "Where", "Refused with", "What it was before") + rows.join("");
}

function policyTable(): string {
  const rows = admissionPolicies(kinds).flatMap(({ level, spec }) => {
    const plural = spec.matchConstraints.resourceRules[0].resources[0];
    const { kind = plural } = kinds.find((each) => each.plural === plural) ?? {};
    return spec.validations.map(({ message }) => row(kind, cell(message), level === "Deprecated" ? "only warned" : ""));
  });
  return head("Kind", "Message", "") + rows.join("");
}

function keyTable(): string {
  const rows = kinds.flatMap((kind) =>
    [...fieldsOf(kind.schema)].flatMap(({ path, schema }) => {
      const key = schema["x-kubernetes-list-map-keys"]?.[0];
      return key === undefined ? [] : [row(kind.kind, code(path), code(key))];
    })
  );
  return head("Kind", "List", "Key") + rows.join("");
}

/** `admission.md`. */
export function admissionPage(folder: string): GeneratedFile {
  const text = `${NOTICE}# What the API server refuses

Types, enums, limits and required fields are on the page of each kind. This page holds the rest: rules over several
fields, lists with keys, and where these schemas differ from those of earlier implementations of the same kinds. An
object that worked there works here. What is possible by the schema and wrong all the same, such as \`imageRef\` beside
\`importedDisk\`, is accepted and answered by a condition that names the field, and told at once by the
[policies](#policies) below.

Quote \`On\` and \`Off\` in YAML: \`powerState: "On"\`. Without quotes they mean true and false, which is no power state.

## Rules over several fields

${ruleTable()}
## Policies

The chart and the embedded control plane bring a ValidatingAdmissionPolicy for each kind. By default they warn, as kubectl
shows; with \`admission.action=Deny\` they refuse (Kubernetes 1.30 or newer). Only changes of \`spec\` are looked at, so that
what was there before can be labelled and deleted. The manager evaluates the same expressions, and says by a condition what
one object cannot tell:

- whether what an object refers to is there and fits: provider, class, image, networks, Secrets;
- whether the provider that a VM, a class, an image or a network is used with honours its fields (the tables of each kind);
  policies name only fields that no provider honours, and those of a Provider for its own type;
- sizes that come to nothing, and whether first-boot data found in Secrets goes together.

${policyTable()}
## Lists with keys

The order of these lists means nothing, and no two entries share a key.

${keyTable()}
## Stricter than before

${head("What", "Why nothing is lost")}${NARROWED.map((entry) => row(...entry)).join("")}
## Wider than before

${WIDENED.map((line) => `- ${line}\n`).join("")}`;
  return { path: `${folder}/admission.md`, text };
}
