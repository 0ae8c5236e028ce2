/** Whether a real API server can be started on this machine. @module */
import { chosenRelease } from "../config.ts";
import type { Need } from "../skip.ts";
import { findKubectl, findTool, type Tool, tools } from "./tools.ts";

const CONTROLLERS = "kube-controller-manager";

/** The Kubernetes rig as a need of a test suite. */
export const kubernetesRig: Need = {
  unavailable: () => Promise.resolve(whyNot(tools().filter(({ name }) => name !== CONTROLLERS))),
};

/** Its controllers, which the programs of envtest do not have. */
export const controllersRig: Need = {
  unavailable: () => Promise.resolve(whyNot(tools().filter(({ name }) => name === CONTROLLERS))),
};

function whyNot(needed: readonly Tool[]): string | undefined {
  const missing = needed.filter((tool) => findTool(tool) === undefined).map(({ name, version }) =>
    `${name} ${version}`
  );
  if (missing.length === 0) return undefined;
  return `missing on this machine: ${missing.join(", ")} (deno task setup builds them where there is Go)`;
}

/** The newest release as a need: for suites that compare with what it says, or use what an older one does not have. */
export const newestKubernetes: Need = {
  unavailable: () =>
    chosenRelease() === "newest"
      ? kubernetesRig.unavailable()
      : Promise.resolve("it goes by the newest Kubernetes, and VIRTRIGAUD_KUBERNETES asks for another"),
};

/** `kubectl` alone as a need: for suites that bring their own API server. */
export const kubectlRig: Need = {
  unavailable(): Promise<string | undefined> {
    return Promise.resolve(findKubectl() ? undefined : "kubectl is missing on this machine (deno task setup)");
  },
};
