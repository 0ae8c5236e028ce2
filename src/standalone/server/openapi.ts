/** OpenAPI documents: for `kubectl explain`, for client-side validation, and for whoever generates clients. @module */
import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../storage/mod.ts";
import { clone, objectOf } from "./json.ts";
import { patchTypes } from "./patch.ts";
import { apiVersionOf, type Registry, type Resource } from "./resource.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const METADATA_FIELDS: Readonly<Record<string, Json>> = {
  name: { type: "string", description: "Unique within a namespace and kind; cannot be changed." },
  generateName: { type: "string", description: "Prefix of a name that the server completes when name is not set." },
  namespace: { type: "string", description: "Space in which the name is unique; cannot be changed." },
  uid: { type: "string", description: "Identity of this object in time and space. Set by the server." },
  resourceVersion: {
    type: "string",
    description: "Opaque version of the stored state, for optimistic concurrency. Set by the server.",
  },
  generation: {
    type: "integer",
    format: "int64",
    description: "Counts changes of the desired state. Set by the server.",
  },
  creationTimestamp: {
    type: "string",
    format: "date-time",
    description: "When the object was created. Set by the server.",
  },
  deletionTimestamp: {
    type: "string",
    format: "date-time",
    description: "When the object was asked to go. Set by the server.",
  },
  deletionGracePeriodSeconds: {
    type: "integer",
    format: "int64",
    description: "Seconds given for an orderly end. Set by the server.",
  },
  labels: {
    type: "object",
    additionalProperties: { type: "string" },
    description: "Identifying attributes; selectors choose by them.",
  },
  annotations: {
    type: "object",
    additionalProperties: { type: "string" },
    description: "Attributes for tools, not used to select.",
  },
  finalizers: {
    type: "array",
    items: { type: "string" },
    description: "Who must do something before the object may go.",
  },
  ownerReferences: {
    type: "array",
    description: "Objects this one belongs to; it goes when all of them are gone.",
    items: {
      type: "object",
      required: ["apiVersion", "kind", "name", "uid"],
      properties: {
        apiVersion: { type: "string", description: "API version of the owner." },
        kind: { type: "string", description: "Kind of the owner." },
        name: { type: "string", description: "Name of the owner." },
        uid: { type: "string", description: "UID of the owner." },
        controller: { type: "boolean", description: "The owner manages this object; at most one does." },
        blockOwnerDeletion: { type: "boolean", description: "In foreground deletion the owner waits for this object." },
      },
    },
  },
  managedFields: { type: "array", items: { type: "object" }, description: "Who set which field. Set by the server." },
};

/** Serves the documents; each is made when it is first asked for. */
export class OpenApi {
  readonly #registry: Registry;
  readonly #documents = new Map<string, { text: string; hash: string }>();

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** `/openapi/v3`: where the document of each group version is. */
  index(): JsonObject {
    const paths: JsonObject = {};
    for (const apiVersion of this.#registry.groupVersions().keys()) {
      const path = pathOf(apiVersion);
      paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${this.#document(path)?.hash ?? ""}` };
    }
    return { paths };
  }

  /** The document at `/openapi/v3/<path>`, or `undefined`. */
  v3(path: string): string | undefined {
    return this.#document(path)?.text;
  }

  /** `/openapi/v2`: everything in one document, in the older form. */
  v2(): string {
    const found = this.#documents.get("v2");
    if (found !== undefined) return found.text;
    const document = {
      swagger: "2.0",
      info: INFO,
      paths: {},
      definitions: schemas(this.#registry.resources, "#/definitions/"),
    };
    const text = JSON.stringify(document);
    this.#documents.set("v2", { text, hash: "" });
    return text;
  }

  #document(path: string): { text: string; hash: string } | undefined {
    const found = this.#documents.get(path);
    if (found !== undefined) return found;
    const entry = [...this.#registry.groupVersions()].find(([apiVersion]) => pathOf(apiVersion) === path);
    if (entry === undefined) return undefined;
    const text = JSON.stringify({
      openapi: "3.0.0",
      info: INFO,
      paths: Object.assign({}, ...entry[1].map(pathItems)),
      components: { schemas: schemas(entry[1], "#/components/schemas/") },
    });
    const document = { text, hash: createHash("sha256").update(text).digest("hex").slice(0, 32) };
    this.#documents.set(path, document);
    return document;
  }
}

const INFO = { title: "VirtRigaud", version: "v1beta1" };

function pathOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

/** Name of a schema: the group reversed, as clients have it from other servers. */
function schemaName({ group, version, kind }: Resource): string {
  const reversed = group === "" ? "io.k8s.api.core" : group.split(".").reverse().join(".");
  return `${reversed}.${version}.${kind}`;
}

function schemas(resources: readonly Resource[], prefix: string): JsonObject {
  const all: JsonObject = {
    [META]: { type: "object", description: "Metadata that every object has.", properties: { ...METADATA_FIELDS } },
  };
  for (const resource of resources) {
    const { group, version, kind } = resource;
    const schema = objectOf(JSON.parse(JSON.stringify(resource.openapi))) ?? {};
    const properties = objectOf(schema.properties) ?? {};
    schema.properties = {
      apiVersion: { type: "string", description: "Version of the schema of this object." },
      kind: { type: "string", description: "Kind of this object." },
      ...properties,
      metadata: { description: "Name, labels and other metadata.", allOf: [{ $ref: `${prefix}${META}` }] },
    };
    if (prefix === "#/definitions/") schema.properties.metadata = { $ref: `${prefix}${META}` };
    schema["x-kubernetes-group-version-kind"] = [{ group, version, kind }];
    all[schemaName(resource)] = schema;
  }
  return all;
}

const parameter = (name: string, type: string, description: string): Json => ({
  name,
  in: "query",
  description,
  schema: { type, uniqueItems: true },
});
const WRITE_PARAMETERS: readonly Json[] = [
  parameter("dryRun", "string", "All: everything is done but storing the result."),
  parameter("fieldManager", "string", "Name under which the fields of this write are owned."),
  parameter(
    "fieldValidation",
    "string",
    "Strict refuses unknown fields, Warn warns of them, Ignore drops them in silence.",
  ),
];

function pathItems(resource: Resource): JsonObject {
  const { group, version, kind, plural } = resource;
  const base = `/${pathOf(apiVersionOf(resource))}`;
  const schema = { $ref: `#/components/schemas/${schemaName(resource)}` };
  const operation = (action: string, verb: string, body?: readonly string[]): JsonObject => ({
    operationId: `${action}${group}${version}${kind}`,
    "x-kubernetes-action": verb,
    "x-kubernetes-group-version-kind": { group, version, kind },
    responses: { "200": { description: "OK", content: { "application/json": { schema } } } },
    ...(body === undefined ? {} : {
      parameters: [
        ...WRITE_PARAMETERS,
        ...(action === "patch" ? [parameter("force", "boolean", "Takes over fields of other managers.")] : []),
      ],
      requestBody: { content: Object.fromEntries(body.map((type) => [type, { schema }])) },
    }),
  });
  const path = resource.namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
  const can = (verb: Resource["verbs"][number]): boolean => resource.verbs.includes(verb);
  // Strategic merge is left out: clients know the merge keys of the core kinds better than these schemas tell.
  const patches = patchTypes(resource).filter((type) => !type.includes("strategic"));
  const scope: Json[] = resource.namespaced
    ? [{ name: "namespace", in: "path", required: true, schema: { type: "string" } }]
    : [];
  const items: JsonObject = {
    [path]: {
      parameters: clone(scope),
      ...(can("list") ? { get: operation("list", "list") } : {}),
      ...(can("create") ? { post: operation("create", "post", ["application/json"]) } : {}),
    },
  };
  if (can("get")) {
    items[`${path}/{name}`] = {
      parameters: [...scope, { name: "name", in: "path", required: true, schema: { type: "string" } }],
      get: operation("read", "get"),
      ...(can("update") ? { put: operation("replace", "put", ["application/json"]) } : {}),
      ...(can("patch") ? { patch: operation("patch", "patch", patches) } : {}),
      ...(can("delete") ? { delete: operation("delete", "delete") } : {}),
    };
  }
  return items;
}
