/** Door for protobuf descriptors; loaded by generators only. */
import protobuf from "protobufjs";
import descriptorProto from "protobufjs/google/protobuf/descriptor.json" with { type: "json" };

export { descriptorProto, protobuf };
