/**
 * Public API of VirtRigaud, one namespace per floor, since kinds and contract share words such as `Provider`.
 *
 * @module
 */
export * as api from "@virtrigaud/api";
export * as contract from "@virtrigaud/contract";
export * as kube from "@virtrigaud/kube";
export * as runtime from "@virtrigaud/runtime";
