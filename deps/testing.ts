/** Door for packages that only tests load. */
export { default as fc } from "fast-check";
