/** The import rules of the house, as a pure function over edges. @module */
import type { Edge } from "./import_graph.ts";

/** Floors of `src`, lowest first: a file imports only from its own floor or from one below. */
const FLOORS: readonly (readonly string[])[] = [
  ["api", "pki", "resilience", "telemetry"],
  ["contract", "kube"],
  ["runtime"],
  ["controllers", "conformance", "standalone"],
  ["cmd"],
];

const FORBIDDEN_IN_PROVIDERS = ["kube", "runtime", "controllers", "standalone", "cmd"];
/** Modules with effects, which a `decide.ts` must not reach for. */
const EFFECTS = /^(node:|@virtrigaud\/deps\/)/;

const floorOf = (path: string): number => {
  const folder = path.split("/")[1] ?? "";
  return FLOORS.findIndex((names) => names.includes(folder));
};
const isTest = (path: string): boolean => /_test\.ts$|_bench\.ts$|(^|\/)testing(\/|\.ts$)/.test(path);

/** What `edge` breaks, or `undefined`. */
export function violation(edge: Edge): string | undefined {
  const { from, to, external, typeOnly } = edge;
  const top = from.split("/")[0] ?? "";
  if (external) {
    if (top !== "deps" && top !== "deps.ts" && !to.startsWith("node:")) {
      return "packages enter through deps.ts and deps/";
    }
    if (from.endsWith("/decide.ts") && EFFECTS.test(to)) return "decide.ts does no I/O";
    return undefined;
  }
  const target = to.split("/")[0] ?? "";
  if (isTest(to) && !isTest(from) && (top === "src" || top === "providers")) {
    if (/_test\.ts$/.test(to)) return "product code does not import tests";
  }
  if (top === "src" && target === "providers") return "src never imports providers";
  if ((top === "src" || top === "providers") && target === "tests" && !isTest(from)) {
    return "product code does not import from tests/";
  }
  if (top === "providers") {
    if (target === "src" && FORBIDDEN_IN_PROVIDERS.includes(to.split("/")[1] ?? "")) {
      return "a provider imports neither kube, runtime, controllers, standalone nor cmd";
    }
    const own = from.split("/")[1];
    if (target === "providers" && to.split("/")[1] !== own && !to.startsWith("providers/shared/")) {
      return "providers do not import one another";
    }
  }
  if (top === "src" && target === "src" && floorOf(from) >= 0 && floorOf(to) > floorOf(from)) {
    return "a file imports only from its own floor or below";
  }
  if (
    !typeOnly && from.endsWith("/decide.ts") && target === "src" &&
    /\/(act|observe|controller)\.ts$|^src\/kube\//.test(to)
  ) {
    return "decide.ts does no I/O";
  }
  return undefined;
}

/** Words that must not appear in layers which know nothing about virtual machines. */
export const VM_WORDS = /\b(VirtualMachine|VMClass|VMImage|hypervisor|libvirt|vsphere|proxmox)\b/i;
/** Folders that {@linkcode VM_WORDS} is about. */
export const VM_FREE = ["src/kube/", "src/runtime/"];
