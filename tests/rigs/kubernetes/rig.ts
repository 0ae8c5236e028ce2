/** Whether a real API server can be started on this machine. @module */
import { findKubectl, findTool, TOOLS } from "./tools.ts";

/** The Kubernetes rig as a need of a test suite. */
export const kubernetesRig = {
  /** Why no API server can be started here, as the end of "because ..."; `undefined` when one can. */
  unavailable(): Promise<string | undefined> {
    const missing = TOOLS.filter((tool) => findTool(tool) === undefined).map((tool) => `${tool.name} ${tool.version}`);
    if (missing.length === 0) return Promise.resolve(undefined);
    return Promise.resolve(
      `missing on this machine: ${missing.join(", ")} (deno task setup builds them where there is Go)`,
    );
  },
};

/** `kubectl` alone as a need: for suites that bring their own API server. */
export const kubectlRig = {
  /** Why there is no `kubectl`, as the end of "because ..."; `undefined` when there is one. */
  unavailable(): Promise<string | undefined> {
    return Promise.resolve(findKubectl() ? undefined : "kubectl is missing on this machine (deno task setup)");
  },
};
