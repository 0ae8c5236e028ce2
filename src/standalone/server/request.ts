/** What a request asks for, read off its path and method. @module */
import { badRequest, methodNotAllowed, noSuchPath, notFound } from "./errors.ts";
import type { Registry, Resource, Verb } from "./resource.ts";

/** Who asks. */
export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** A request for objects of one resource. */
export interface ResourceRequest {
  readonly resource: Resource;
  /** Empty for cluster-scoped resources and for requests over all namespaces. */
  readonly namespace: string;
  /** Empty for requests about a collection. */
  readonly name: string;
  /** `status`, `scale`, ... or empty. */
  readonly subresource: string;
  readonly verb: Verb;
  readonly params: URLSearchParams;
}

/** Where a resource path points, before the registry is asked. */
export interface ResourcePath {
  readonly apiVersion: string;
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
}

/** Splits `/api/v1/...` and `/apis/<group>/<version>/...`; `undefined` for any other path. */
export function resourcePath(pathname: string): ResourcePath | undefined {
  const parts = pathname.split("/").filter((part) => part !== "").map(decodeURIComponent);
  const root = parts.shift();
  const version = root === "api" ? parts.shift() : root === "apis" ? parts.splice(0, 2).join("/") : undefined;
  if (version === undefined || parts.length === 0) return undefined;
  // `/namespaces/x` and `/namespaces/x/status` are about the namespace itself, longer paths are inside it.
  const inside = parts[0] === "namespaces" && parts.length > 2 && !["status", "finalize"].includes(parts[2] ?? "");
  const namespace = inside ? parts[1] ?? "" : "";
  const [plural = "", name = "", subresource = "", ...rest] = inside ? parts.slice(2) : parts;
  if (rest.length > 0) return undefined;
  return { apiVersion: version, namespace, plural, name, subresource };
}

const WATCH_ON = new Set(["1", "t", "T", "true", "True", "TRUE"]);

/** A boolean parameter as Go's strconv reads it. */
export function flag(params: URLSearchParams, name: string): boolean {
  return WATCH_ON.has(params.get(name) ?? "");
}

/**
 * Resolves a path against the registry.
 *
 * @throws {ApiError} 404 for what is not served, 405 for a method that makes no sense there.
 */
export function resourceRequest(
  path: ResourcePath,
  method: string,
  params: URLSearchParams,
  registry: Registry,
): ResourceRequest {
  const resource = registry.find(path.apiVersion, path.plural);
  if (resource === undefined) throw noSuchPath();
  if (!resource.namespaced && path.namespace !== "") throw noSuchPath();
  if (resource.namespaced && path.namespace === "" && path.name !== "") throw noSuchPath();
  const { subresource } = path;
  const known = subresource === "" || (subresource === "status" && resource.status) ||
    (subresource === "scale" && resource.scale !== undefined) ||
    (subresource === "finalize" && resource.storage === "namespaces");
  if (!known) throw subresource === "scale" ? notFound(resource, path.name) : noSuchPath();
  const verb = verbOf(method, path.name === "", flag(params, "watch"));
  if (path.name === "" && (method === "PUT" || method === "PATCH")) throw badRequest("name must be provided");
  if (verb === "create" && resource.namespaced && path.namespace === "") throw noSuchPath();
  if (verb === undefined || (subresource !== "" && !["get", "patch", "update"].includes(verb))) {
    throw methodNotAllowed();
  }
  return { resource, namespace: path.namespace, name: path.name, subresource, verb, params };
}

function verbOf(method: string, collection: boolean, watch: boolean): Verb | undefined {
  switch (method) {
    case "GET":
    case "HEAD":
      return watch ? "watch" : collection ? "list" : "get";
    case "POST":
      return collection ? "create" : undefined;
    case "PUT":
      return collection ? undefined : "update";
    case "PATCH":
      return collection ? undefined : "patch";
    case "DELETE":
      return collection ? "deletecollection" : "delete";
    default:
      return undefined;
  }
}
