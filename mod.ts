/** Public API of VirtRigaud: kinds, provider contract and SDK, client, conformance suite. @module */
export * from "@virtrigaud/api";
export * from "@virtrigaud/contract";
