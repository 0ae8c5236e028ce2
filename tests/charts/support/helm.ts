/** Runs Helm on the charts of this repository. @module */
import { parseAllYaml } from "@virtrigaud/deps";
import { run } from "../../rigs/command.ts";
import { chosenRelease } from "../../rigs/config.ts";
import { findChartTool } from "../../rigs/helm/mod.ts";

/** Root of the repository. */
export const ROOT = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");

/** Chart of the product. */
export const CHART = `${ROOT}/charts/virtrigaud`;
/** Chart of one Provider. */
export const PROVIDER_CHART = `${ROOT}/charts/virtrigaud-provider-runtime`;

/** An object of a manifest, as far as tests look at it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Whether the rig has its kind: there are no operators, and policies are GA in Kubernetes 1.30. */
export function isServed({ apiVersion, kind }: Manifest): boolean {
  if (/^(monitoring\.coreos\.com|cert-manager\.io)\//.test(apiVersion)) return false;
  return chosenRelease() === "newest" || !kind.startsWith("ValidatingAdmissionPolicy");
}

/** Values for a chart, as the tree that `values.yaml` is. */
export type Values = Readonly<Record<string, unknown>>;

/** Runs `helm`; with `kubeconfig` on that cluster. */
export async function helm(
  args: readonly string[],
  options: { readonly kubeconfig?: string; readonly input?: string; readonly signal?: AbortSignal } = {},
): Promise<string> {
  const { kubeconfig, input, signal = AbortSignal.timeout(180_000) } = options;
  const home = await Deno.makeTempDir({ prefix: "virtrigaud-helm-" });
  try {
    return await run([findChartTool("helm") ?? "helm", ...args], {
      env: { HOME: home, ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }) },
      signal,
      ...(input === undefined ? {} : { input }),
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** What `helm template` makes of `values`, hooks among it. Rejects what values.schema.json rejects. */
export async function render(
  values: Values = {},
  options: {
    readonly chart?: string;
    readonly release?: string;
    readonly namespace?: string;
    /** Version of the cluster. Default 1.36.3. */
    readonly kubeVersion?: string;
  } = {},
): Promise<Manifest[]> {
  const { chart = CHART, release = "virtrigaud", namespace = "virtrigaud-system", kubeVersion = "1.36.3" } = options;
  const text = await helm(
    ["template", release, chart, `--namespace=${namespace}`, `--kube-version=${kubeVersion}`, "--values=-"],
    { input: JSON.stringify(values) },
  );
  return manifests(text);
}

/** Parses a stream of YAML documents. */
export function manifests(text: string): Manifest[] {
  const documents: unknown = parseAllYaml(text);
  return (documents as (Manifest | null)[]).filter((object) => object !== null);
}

/** A part of an object by its path, such as `spec.template.spec.containers.0.args`; `undefined` where there is none. */
export function at(object: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, key) => typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    object,
  );
}

/** The only object of a kind and, if given, a name. */
export function one(objects: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = objects.filter((object) =>
    object.kind === kind && (name === undefined || object.metadata.name === name)
  );
  const [first] = found;
  if (first === undefined || found.length > 1) {
    const there = objects.map((object) => `${object.kind} ${object.metadata.name}`).join(", ");
    throw new Error(`expected one ${kind} ${name ?? ""}, found ${found.length} among: ${there}`);
  }
  return first;
}
