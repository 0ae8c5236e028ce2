/** Door for protobuf descriptors; loaded by generators only. */
import protobuf from "protobufjs";

export { protobuf };
