/** The manifests for kustomize: made from the chart as it is, and accepted by a real API server. @module */
import { assert, assertEquals } from "@virtrigaud/deps";
import { kustomizeFiles } from "../../scripts/kustomize.ts";
import { helmRig } from "../rigs/helm/mod.ts";
import { kubernetesRig, startKubernetes } from "../rigs/kubernetes/mod.ts";
import { skipWithout } from "../rigs/skip.ts";
import { isServed, type Manifest, manifests, render, ROOT } from "./support/helm.ts";

const FOLDER = `${ROOT}/deploy/kustomize`;
const ignore = await skipWithout("charts on a cluster", "kustomize", helmRig, kubernetesRig);

Deno.test({
  name: "what is under deploy/kustomize is what the chart renders now (deno task kustomize)",
  ignore,
  async fn() {
    for (const [path, text] of await kustomizeFiles()) {
      assertEquals(await Deno.readTextFile(`${FOLDER}/${path}`), text, path);
    }
  },
});

Deno.test({
  name: "the admission overlay is what the chart renders by default",
  ignore,
  async fn() {
    const isPolicy = ({ kind }: Manifest) => kind.startsWith("ValidatingAdmissionPolicy");
    const byId = (objects: readonly Manifest[]) =>
      new Map(objects.map(({ kind, metadata, spec }) => [`${kind} ${metadata.name}`, spec] as const).toSorted());
    const text = await Deno.readTextFile(`${FOLDER}/overlays/admission/policies.yaml`);
    assertEquals(byId(manifests(text)), byId((await render()).filter(isPolicy)));
  },
});

Deno.test({
  name: "every kustomization builds, and a real API server takes what it knows of it",
  ignore,
  async fn() {
    await using rig = await startKubernetes();
    await rig.kubectl("create", "namespace", "virtrigaud-system");
    for (const path of ["base", "namespaced", "overlays/restricted", "overlays/monitored", "overlays/admission"]) {
      const text = await rig.kubectl("kustomize", `${FOLDER}/${path}`);
      const objects = manifests(text);
      assert(objects.some(({ kind }) => kind === "Deployment"), path);
      const known = objects.filter(isServed);
      await rig.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: known }));
    }
  },
});
