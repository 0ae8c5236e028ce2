/** What users type, about every kind. @module */
import { kinds } from "@virtrigaud/api";
import { badInputs } from "../../compat/bad_input.ts";
import { type Manifest, validManifest } from "../../compat/examples.ts";

/** One command: its words, and what goes to its standard input. */
export interface Command {
  readonly args: readonly string[];
  readonly input?: readonly unknown[];
}

/** A line as a user types it; no word here has a space in it. */
const line = (text: string, ...input: readonly unknown[]): Command => ({
  args: text.split(" "),
  ...(input.length === 0 ? {} : { input }),
});

function changed(kind: string, spec: Readonly<Record<string, unknown>>, labels?: Record<string, string>) {
  const manifest: Manifest = validManifest(kind, "one");
  Object.assign(manifest.spec, spec);
  return labels === undefined ? manifest : { ...manifest, metadata: { ...manifest.metadata, labels } };
}

const vm = (spec: Readonly<Record<string, unknown>> = {}, labels?: Record<string, string>) =>
  changed("VirtualMachine", spec, labels);

/** The commands, in an order that matters. */
export function commands(): Command[] {
  const manifests = kinds.map(({ kind }) => validManifest(kind, "one"));
  const bad = badInputs().filter((_, index) => index % 97 === 0);
  return [
    line("get vm"),
    line("get vm none"),
    line("get nothing"),
    line("get vm -n none"),
    line("api-resources --api-group=infra.virtrigaud.io --sort-by=name"),
    line("api-resources --categories=virtrigaud -o name --sort-by=name"),
    line("apply -f -", ...manifests),
    line("apply -f -", ...manifests),
    line("get virtrigaud"),
    ...kinds.flatMap(({ plural, shortNames }) => [
      line(`get ${shortNames[0] ?? plural}`),
      line(`get ${plural} -o wide`),
      line(`get ${plural} one -o yaml`),
      line(`describe ${plural} one`),
      line(`explain ${plural}`),
      line(`explain ${plural}.spec`),
      line(`explain ${plural}.status`),
    ]),
    line("explain vm.spec.networks.ipAddress"),
    line("explain vm.spec.nothing"),
    line("explain vm --recursive"),
    line("get vm -A"),
    line("get vm -o name"),
    line("get vm -o jsonpath={.items[*].spec.classRef.name}"),
    line("get vm -o custom-columns=N:.metadata.name,C:.spec.classRef.name"),
    line("get vm --sort-by=.metadata.name"),
    line("get vm --show-labels"),
    line("get vm one --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}"),
    line("get vm -l app=none"),
    line("get vm -l a=b=c"),
    line("get vm --field-selector=metadata.name=one -o name"),
    line("get vm --field-selector=spec.powerState=On"),
    line("get vm --chunk-size=1 -o name"),
    line("apply -f -", vm({ powerState: "Off" })),
    line("apply -f -", vm({ powerState: "Perhaps" })),
    line("apply -f -", vm({ noSuchField: 1 })),
    line("apply --validate=warn -f -", vm({ noSuchField: 1 })),
    line("apply --validate=ignore -f -", vm({ noSuchField: 1 })),
    line("apply --dry-run=server -f -", vm({ powerState: "On" })),
    line("diff -f -", vm({ powerState: "On" })),
    line("apply --server-side --field-manager=gitops -f -", vm({ powerState: "On" })),
    line("apply --server-side --field-manager=gitops --force-conflicts -f -", vm({ powerState: "On" })),
    line("apply --server-side --field-manager=gitops -f -", vm({ powerState: "On" })),
    line("apply --server-side --field-manager=other -f -", vm({ powerState: "Off" })),
    line("create -f -", vm()),
    line("create -f -", { ...vm(), metadata: { name: "Not_A_Name" } }),
    line("create -f -", { ...vm(), apiVersion: "infra.virtrigaud.io/v9" }),
    line("create -f -", { ...vm(), kind: "Nothing" }),
    ...bad.map(({ manifest }) => line("create --validate=false -f -", manifest)),
    line("label vm one tier=web"),
    line("label vm one tier=db"),
    line("label vm one tier=db --overwrite"),
    line("label vm one Bad!=x"),
    line("annotate vm one note=x"),
    line('patch vm one --type=merge -p {"spec":{"powerState":"Off"}}'),
    line('patch vm one --type=merge -p {"spec":{"powerState":"Off"}}'),
    line('patch vm one --type=merge -p {"spec":{"powerState":7}}'),
    line('patch vm one --type=json -p [{"op":"remove","path":"/spec/powerState"}]'),
    line('patch vm one -p {"spec":{"powerState":"Off"}}'),
    line('patch vm one --subresource=status --type=merge -p {"status":{"phase":"Running"}}'),
    line("scale vmset one --replicas=3"),
    line("scale vmset one --replicas=-1"),
    line("scale vm one --replicas=3"),
    line("get vmset one -o jsonpath={.spec.replicas}"),
    line("replace -f -", vm({ powerState: "On" })),
    line("replace -f -", { ...vm(), metadata: { name: "none" } }),
    line("wait vm/one --for=condition=Ready --timeout=1s"),
    line("wait vm/one --for=jsonpath={.status.phase}=Running --timeout=5s"),
    line("wait vm/none --for=condition=Ready --timeout=1s"),
    line("auth can-i create vm"),
    line("auth can-i create nothing"),
    line("delete vm one --dry-run=server"),
    line("delete vm one"),
    line("delete vm one"),
    line("delete vm one --ignore-not-found"),
    line("delete vmset,vmclass one"),
    line("delete virtrigaud --all"),
    line("get virtrigaud"),
    line("create namespace team"),
    line("create namespace team"),
    line("create secret generic s -n team --from-literal=a=b"),
    line("get secret -n team"),
    line("describe secret s -n team"),
    line("create configmap c -n team --from-literal=a=b"),
    line("get cm c -n team -o jsonpath={.data}"),
    line("create deployment d -n team --image=one --replicas=2"),
    line("get deploy -n team"),
    line("get deploy -n team -o wide"),
    line("set image deployment/d one=two:1 -n team"),
    line("scale deployment d -n team --replicas=3"),
    line("create serviceaccount a -n team"),
    line("create role r -n team --verb=get --resource=secrets"),
    line("get role r -n team -o jsonpath={.rules}"),
    line("delete deploy d -n team"),
  ];
}
