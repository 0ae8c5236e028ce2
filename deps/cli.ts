/** Door for command-line parsing. */
export { Command, InvalidArgumentError, Option } from "commander";
