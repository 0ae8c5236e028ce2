/**
 * `FileDescriptorProto`s for gRPC reflection. protobufjs can derive them too, but leaves out what tools need: full type
 * names, presence and original field names.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { descriptorProto, protobuf } from "@virtrigaud/deps/protobuf.ts";

const FileDescriptorProto = protobuf.Root.fromJSON(descriptorProto as protobuf.INamespace)
  .lookupType("google.protobuf.FileDescriptorProto");

/** A file as reflection serves it. */
export interface DescribedFile {
  readonly name: string;
  /** Serialized `FileDescriptorProto`. */
  readonly bytes: string;
  /** Full names of everything that is declared in it. */
  readonly symbols: readonly string[];
  readonly services: readonly string[];
}

/** Describes the file `name` with content `source`, which imports nothing. */
export function describeFile(name: string, source: string): DescribedFile {
  const { root, package: pkg = "" } = protobuf.parse(source, new protobuf.Root(), { keepCase: true });
  root.resolveAll();
  const declared = root.lookup(pkg);
  if (!(declared instanceof protobuf.Namespace)) throw new Error(`${name} declares no package`);
  const { nestedArray } = declared;
  const file = {
    name: name.replace(/^proto\//, ""),
    package: pkg,
    syntax: "proto3",
    messageType: nestedArray.filter((item) => item instanceof protobuf.Type).map(messageOf),
    enumType: nestedArray.filter((item) => item instanceof protobuf.Enum).map(enumOf),
    service: nestedArray.filter((item) => item instanceof protobuf.Service).map(serviceOf),
  };
  return {
    name: file.name,
    bytes: Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.fromObject(file)).finish()).toString("base64"),
    symbols: symbolsOf(nestedArray),
    services: nestedArray.filter((item) => item instanceof protobuf.Service).map((item) => item.fullName.slice(1)),
  };
}

function symbolsOf(items: readonly protobuf.ReflectionObject[]): string[] {
  return items.flatMap((item) => [
    item.fullName.slice(1),
    ...(item instanceof protobuf.Type ? symbolsOf(item.nestedArray) : []),
    ...(item instanceof protobuf.Service ? item.methodsArray.map((method) => method.fullName.slice(1)) : []),
  ]);
}

function messageOf(type: protobuf.Type): Record<string, unknown> {
  // Synthetic oneofs, which stand for presence, have to come after those of the source.
  const synthetic = (oneof: protobuf.OneOf) => oneof.name.startsWith("_");
  const oneofs = [...type.oneofsArray].sort((a, b) => Number(synthetic(a)) - Number(synthetic(b)));
  const ranges = (type.reserved ?? []).flatMap((entry) =>
    typeof entry === "string" ? [] : [{ start: entry[0], end: (entry[1] ?? 0) + 1 }]
  );
  return {
    name: type.name,
    field: type.fieldsArray.map((field) => ({
      ...fieldOf(field),
      ...(field.partOf === null ? {} : { oneofIndex: oneofs.indexOf(field.partOf) }),
      ...(field.partOf !== null && synthetic(field.partOf) ? { proto3Optional: true } : {}),
    })),
    oneofDecl: oneofs.map(({ name }) => ({ name })),
    nestedType: [
      ...type.fieldsArray.filter((field) => field instanceof protobuf.MapField).map(mapEntryOf),
      ...type.nestedArray.filter((item) => item instanceof protobuf.Type).map(messageOf),
    ],
    enumType: type.nestedArray.filter((item) => item instanceof protobuf.Enum).map(enumOf),
    reservedRange: ranges,
  };
}

const camel = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string): string => camel(`_${name}`);

function fieldOf(field: protobuf.Field) {
  const { resolvedType, repeated } = field;
  const base = { name: field.name, number: field.id, jsonName: camel(field.name) };
  if (field instanceof protobuf.MapField) {
    const typeName = `${field.parent?.fullName}.${pascal(field.name)}Entry`;
    return { ...base, label: "LABEL_REPEATED", type: "TYPE_MESSAGE", typeName };
  }
  const label = repeated ? "LABEL_REPEATED" : "LABEL_OPTIONAL";
  if (resolvedType === null) return { ...base, label, type: `TYPE_${field.type.toUpperCase()}` };
  const type = resolvedType instanceof protobuf.Enum ? "TYPE_ENUM" : "TYPE_MESSAGE";
  return { ...base, label, type, typeName: resolvedType.fullName };
}

/** The message behind a map. All maps of the contract are from strings to strings. */
function mapEntryOf(field: protobuf.Field) {
  const text = (name: string, number: number) => ({
    name,
    number,
    jsonName: name,
    label: "LABEL_OPTIONAL",
    type: "TYPE_STRING",
  });
  if (field.type !== "string") {
    throw new Error(`${field.fullName} is a map to ${field.type}; only strings are described`);
  }
  return { name: `${pascal(field.name)}Entry`, field: [text("key", 1), text("value", 2)], options: { mapEntry: true } };
}

const enumOf = (type: protobuf.Enum) => ({
  name: type.name,
  value: Object.entries(type.values).map(([name, number]) => ({ name, number })),
});

const serviceOf = (service: protobuf.Service) => ({
  name: service.name,
  method: service.methodsArray.map((method) => ({
    name: method.name,
    inputType: method.resolvedRequestType?.fullName,
    outputType: method.resolvedResponseType?.fullName,
    clientStreaming: method.requestStream ?? false,
    serverStreaming: method.responseStream ?? false,
  })),
});
