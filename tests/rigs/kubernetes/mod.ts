/** The Kubernetes rig: a real kube-apiserver and etcd on loopback. @module */
export {
  type AccountAccess,
  type AuditEvent,
  type ControlPlaneProcess,
  type Kubernetes,
  type KubernetesOptions,
  startKubernetes,
  type UserAccess,
} from "./apiserver.ts";
export { controllersRig, kubectlRig, kubernetesRig, newestKubernetes } from "./rig.ts";
export { type KeyPair } from "./pki.ts";
export { buildTool, buildUnavailable, findKubectl, findTool, type Tool, tools } from "./tools.ts";
