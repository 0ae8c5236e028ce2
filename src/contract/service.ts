/** The gRPC service, loaded from the generated descriptor: nothing is read from disk at run time. @module */
import { Buffer } from "node:buffer";
import { grpc, protoLoader } from "@virtrigaud/deps/grpc.ts";
import descriptor from "./gen/descriptor.json" with { type: "json" };

// What grpc-js prints goes past the log and its redaction; its failures reach us as errors of calls anyway.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

/** Full name of the service. */
export const SERVICE = "provider.v1.Provider";

/** Largest message either side takes, bytes. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Serializer pair of a message by its full name. */
export interface MessageType {
  readonly serialize: (message: object) => Uint8Array;
  readonly deserialize: (bytes: Uint8Array) => object;
}

// Presence is kept (`defaults`, `arrays`, `objects` false): the codec decides what absence means.
const definition = protoLoader.fromJSON(descriptor as Parameters<typeof protoLoader.fromJSON>[0], {
  longs: String,
  enums: String,
  defaults: false,
  arrays: false,
  objects: false,
  oneofs: false,
});

/** Methods of the service `name`. */
export function serviceDefinitionOf(name: string): grpc.ServiceDefinition {
  const service = definition[name];
  if (service === undefined || "format" in service) throw new Error(`descriptor has no service ${name}`);
  return service as grpc.ServiceDefinition;
}

/** Methods of the provider service, for client and server. */
export const serviceDefinition: grpc.ServiceDefinition = serviceDefinitionOf(SERVICE);

/** Serializers of a message that travels outside a call, such as the error detail in a trailer. */
export function messageType(fullName: string): MessageType {
  const type = definition[fullName];
  if (type === undefined || !("format" in type) || !("serialize" in type)) {
    throw new Error(`descriptor has no message ${fullName}`);
  }
  const { serialize, deserialize } = type as protoLoader.MessageTypeDefinition<object, object>;
  return { serialize, deserialize: (bytes) => deserialize(Buffer.from(bytes)) };
}
