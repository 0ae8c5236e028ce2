/** The provider contract: interface, vocabulary and errors. Client, server and codec have entry points of their own. @module */
export * from "./errors.ts";
export * from "./machine.ts";
export * from "./provider.ts";
export * from "./turn.ts";
