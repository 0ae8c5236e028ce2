/** Door for gRPC: `grpc-js` and descriptor loading. Health and reflection are own code (`src/contract/server`). */
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";

export { grpc, protoLoader };
