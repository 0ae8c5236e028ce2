/** Whether a real API server can be started on this machine. @module */
import { chosenRelease } from "../config.ts";
import type { Need } from "../skip.ts";
import { findKubectl, findTool, tools } from "./tools.ts";

/** The Kubernetes rig as a need of a test suite. */
export const kubernetesRig: Need = {
  unavailable(): Promise<string | undefined> {
    const missing = tools().filter((tool) => findTool(tool) === undefined).map((tool) =>
      `${tool.name} ${tool.version}`
    );
    if (missing.length === 0) return Promise.resolve(undefined);
    return Promise.resolve(
      `missing on this machine: ${missing.join(", ")} (deno task setup builds them where there is Go)`,
    );
  },
};

/** The newest release as a need: for suites that compare with what it says. */
export const newestKubernetes: Need = {
  unavailable: () =>
    chosenRelease() === "newest"
      ? kubernetesRig.unavailable()
      : Promise.resolve("it compares with the newest Kubernetes, and VIRTRIGAUD_KUBERNETES asks for another"),
};

/** `kubectl` alone as a need: for suites that bring their own API server. */
export const kubectlRig: Need = {
  unavailable(): Promise<string | undefined> {
    return Promise.resolve(findKubectl() ? undefined : "kubectl is missing on this machine (deno task setup)");
  },
};
