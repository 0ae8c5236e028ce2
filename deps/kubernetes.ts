/** Door for `@kubernetes/client-node`: kubeconfig loading and authentication. List, watch and writes go over fetch. */
import "./polyfill_stream.ts";

export { KubeConfig } from "@kubernetes/client-node";
