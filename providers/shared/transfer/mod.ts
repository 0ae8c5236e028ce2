/** Disk content on its way between providers: the same stores for every provider. @module */
export { BACKENDS, transferStore } from "./store.ts";
export type { TransferOptions, TransferStore } from "./store.ts";
