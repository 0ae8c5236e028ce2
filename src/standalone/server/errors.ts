/** Errors in the shape that Kubernetes clients read: `kind: Status`. @module */
import type { Json, JsonObject } from "../storage/mod.ts";

/** One finding below `details.causes`. */
export interface StatusCause {
  readonly reason?: string;
  readonly message: string;
  readonly field?: string;
}

/** `details` of a Status. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** A refusal that becomes the answer of the request it was thrown in. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(readonly code: number, readonly reason: string, message: string, readonly details?: StatusDetails) {
    super(message);
  }

  /** The Status object of this error. */
  toStatus(): JsonObject {
    const status: JsonObject = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      code: this.code,
    };
    if (this.details !== undefined) status.details = toJson(this.details);
    return status;
  }
}

/** How errors name a resource. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** `virtualmachines.infra.virtrigaud.io`, or just `pods` in the core group. */
export function qualified({ group, plural }: Pick<ResourceName, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function about(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError(404, "NotFound", `${qualified(resource)} "${name}" not found`, about(resource, name));
}

/** The path names nothing this server has. */
export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${qualified(resource)} "${name}" already exists`, about(resource, name));
}

export function conflict(resource: ResourceName, name: string, why: string, causes?: readonly StatusCause[]): ApiError {
  return new ApiError(
    409,
    "Conflict",
    causes === undefined ? `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}` : why,
    causes === undefined ? about(resource, name) : { causes },
  );
}

/** The base of a write is no longer the newest state. */
export function staleWrite(resource: ResourceName, name: string): ApiError {
  return conflict(
    resource,
    name,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

export function invalid(resource: ResourceName, name: string, causes: readonly StatusCause[]): ApiError {
  const lines = causes.map((c) => c.field === undefined || c.field === "" ? c.message : `${c.field}: ${c.message}`);
  const list = lines.length === 1 ? lines[0] : `[${lines.join(", ")}]`;
  return new ApiError(
    422,
    "Invalid",
    `${resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`} "${name}" is invalid: ${list}`,
    {
      ...(name === "" ? {} : { name }),
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.kind,
      causes,
    },
  );
}

/** What a patch makes of the object cannot be; it is the patch that is wrong, and not an object of some kind. */
export function invalidPatch(message: string): ApiError {
  const causes = [{ reason: "FieldValueInvalid", message, field: "patch" }];
  return new ApiError(422, "Invalid", ` "" is invalid: patch: ${message}`, { causes });
}

/** What an admission policy refuses: in words forbidden, in code and reason invalid, as on a cluster. */
export function forbiddenByPolicy(resource: ResourceName, name: string, why: string): ApiError {
  return new ApiError(422, "Invalid", `${qualified(resource)} "${name}" is forbidden: ${why}`, {
    ...about(resource, name),
    causes: [{ message: why }],
  });
}

/** A parameter or option with a value that it cannot have; `kind` is that of the options (`DeleteOptions`). */
export function invalidOption(
  kind: string,
  field: string,
  value: string | readonly string[],
  supported: readonly string[],
): ApiError {
  const list = supported.map((name) => JSON.stringify(name)).join(", ");
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`;
  return invalid({ group: "meta.k8s.io", plural: "", kind }, "", [{
    reason: "FieldValueNotSupported",
    field,
    message,
  }]);
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function forbidden(
  resource: ResourceName,
  name: string,
  why: string,
  causes?: readonly StatusCause[],
): ApiError {
  const what = name === "" ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new ApiError(403, "Forbidden", `${what} is forbidden: ${why}`, {
    ...about(resource, name),
    ...(causes === undefined ? {} : { causes }),
  });
}

export function unauthorized(): ApiError {
  return new ApiError(401, "Unauthorized", "Unauthorized");
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

/** The body is in none of the `allowed` forms; `got` is told where its name alone does not say why. */
export function unsupportedMediaType(allowed: readonly string[], got?: string): ApiError {
  return new ApiError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${allowed.join(", ")}${
      got === undefined ? "" : ` (got ${got})`
    }`,
  );
}

export function notAcceptable(allowed: readonly string[]): ApiError {
  return new ApiError(
    406,
    "NotAcceptable",
    `only the following media types are accepted: ${allowed.join(", ")}`,
  );
}

export function tooLarge(limit: number): ApiError {
  return new ApiError(
    413,
    "RequestEntityTooLarge",
    `Request entity too large: limit is ${limit} bytes`,
  );
}

/** History no longer reaches back to what was asked. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

/** A revision that this server has not reached, which clients cannot have from it. */
export function futureRevision(asked: number, current: number): ApiError {
  return new ApiError(504, "Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}

export function internal(message: string): ApiError {
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ reason: "InternalError", message }],
  });
}

function toJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
