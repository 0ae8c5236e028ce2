/**
 * Public API of VirtRigaud, one namespace per part, since kinds and contract share words such as `Provider`.
 *
 * - `api`: the ten kinds: types, schemas, support tables
 * - `contract`: what a provider implements and a manager calls; `sdk` serves it, `client` calls it
 * - `conformance`: the suite that every provider passes
 * - `kube`, `runtime`: Kubernetes access and controller runtime, which know nothing about virtual machines
 * - `pki`, `resilience`, `telemetry`: what the others stand on
 *
 * @module
 */
export * as api from "@virtrigaud/api";
export * as client from "@virtrigaud/contract/client/mod.ts";
export * as conformance from "@virtrigaud/conformance";
export * as contract from "@virtrigaud/contract";
export * as kube from "@virtrigaud/kube";
export * as pki from "@virtrigaud/pki";
export * as resilience from "@virtrigaud/resilience";
export * as runtime from "@virtrigaud/runtime";
export * as sdk from "@virtrigaud/contract/server/mod.ts";
export * as telemetry from "@virtrigaud/telemetry";
