/**
 * `grpc.reflection.v1.ServerReflection`, from descriptors made by `deno task generate`. Own code, because the npm package
 * reads its .proto from disk, which a bundle does not have, and derives descriptors that tools cannot resolve.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { grpc } from "@virtrigaud/deps/grpc.ts";
import described from "../gen/reflection.json" with { type: "json" };
import { serviceDefinitionOf } from "../service.ts";

interface ReflectionRequest {
  readonly fileByFilename?: string;
  readonly fileContainingSymbol?: string;
  readonly listServices?: string;
}

/** Serves the descriptors of everything that is served here. */
export function addReflection(server: grpc.Server): void {
  server.addService(serviceDefinitionOf("grpc.reflection.v1.ServerReflection"), {
    ServerReflectionInfo(call: grpc.ServerDuplexStream<ReflectionRequest, object>) {
      call.on("data", (request: ReflectionRequest) => call.write({ originalRequest: request, ...answer(request) }));
      call.on("end", () => call.end());
      call.on("error", () => {});
    },
  });
}

/** No file imports another: one file is always the whole answer. */
function answer(request: ReflectionRequest): object {
  if (request.listServices !== undefined) {
    return {
      listServicesResponse: { service: described.flatMap(({ services }) => services.map((name) => ({ name }))) },
    };
  }
  const { fileByFilename: filename, fileContainingSymbol: symbol } = request;
  const file = described.find(({ name, symbols }) => filename === name || (symbol && symbols.includes(symbol)));
  if (file === undefined) {
    return { errorResponse: { errorCode: grpc.status.NOT_FOUND, errorMessage: "nothing of that name is served here" } };
  }
  return { fileDescriptorResponse: { fileDescriptorProto: [Buffer.from(file.bytes, "base64")] } };
}
