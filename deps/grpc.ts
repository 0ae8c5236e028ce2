/** Door for gRPC: `grpc-js`, descriptor loading, health and reflection services. */
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";

export { grpc, protoLoader };
export { HealthImplementation } from "grpc-health-check";
export { ReflectionService } from "@grpc/reflection";
