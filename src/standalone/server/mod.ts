/** The Kubernetes-compatible API server. @module */
export type { AdmissionOptions, Policy } from "./admission.ts";
export { allowAll, type Attributes, type Authorizer, type Token } from "./auth.ts";
export { type ControlPlane, type ControlPlaneOptions, startControlPlane } from "./control_plane.ts";
export type { CustomKind } from "./custom_resources.ts";
export { type Fault, type FaultMatch, Faults, type PlannedFault } from "./faults.ts";
export type { ResourceRequest, User } from "./request.ts";
export type { Column, ScalePaths } from "./resource.ts";
