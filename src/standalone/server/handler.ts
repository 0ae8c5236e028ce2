/** From an HTTP request to its answer. @module */
import type { Admit } from "./admission.ts";
import { StorageError, type Store } from "../storage/mod.ts";
import type { JsonObject } from "../storage/mod.ts";
import { RequestError } from "../schema/mod.ts";
import { type Attributes, type Authenticator, type Authorizer, refused } from "./auth.ts";
import { readObject, readValue } from "./body.ts";
import type { Clock } from "@virtrigaud/resilience";
import { deleteObject } from "./delete.ts";
import { discover } from "./discovery.ts";
import {
  ApiError,
  badRequest,
  internal,
  invalidOption,
  methodNotAllowed,
  noSuchPath,
  notAcceptable,
  unauthorized,
  unsupportedMediaType,
} from "./errors.ts";
import { type Faults, truncated, watchTap } from "./faults.ts";
import { mediaType, representation } from "./media.ts";
import type { OpenApi } from "./openapi.ts";
import { emptyOpenApiV2, OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ANSWER } from "./openapi_v2_protobuf.ts";
import { isApply, patched, patchObject, patchTypes } from "./patch.ts";
import { getObject, listObjects, type ReadContext, renderList, renderObject, shown, shownJson } from "./read.ts";
import { resourcePath, type ResourceRequest, resourceRequest, type User } from "./request.ts";
import type { Registry } from "./resource.ts";
import { review } from "./reviews.ts";
import { applyScale, scaleOf } from "./scale.ts";
import { requestSelector } from "./selectors.ts";
import type { Watches } from "./watch.ts";
import { createObject, updateObject, type WriteOptions, type Written } from "./write.ts";

/** Everything a request may need. */
export interface ServerContext extends ReadContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly watches: Watches;
  readonly openapi: OpenApi;
  readonly authenticator: Authenticator;
  readonly authorize: Authorizer;
  readonly faults: Faults | undefined;
  readonly version: JsonObject;
  readonly admit: Admit | undefined;
}

/** Answers one request. Never throws. */
export async function handle(context: ServerContext, request: Request): Promise<Response> {
  try {
    return await route(context, request);
  } catch (error) {
    return failure(error);
  }
}

async function route(context: ServerContext, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/livez" || pathname === "/readyz" || pathname === "/healthz") return health(context);
  if (pathname === "/version") return json(context.version);
  const user = context.authenticator.user(request.headers.get("authorization"));
  if (user === undefined) throw unauthorized();
  const path = decodePath(pathname);
  if (path === undefined) return await document(context, request, user, pathname);
  const asked = resourceRequest(path, request.method, searchParams, context.registry);
  const attributes: Attributes = {
    verb: asked.verb,
    group: asked.resource.group,
    resource: asked.resource.plural,
    subresource: asked.subresource,
    namespace: asked.namespace,
    name: asked.name,
  };
  if (!context.authorize(user, attributes)) throw refused(user, attributes, asked.resource);
  const faults = context.faults?.take(attributes, user.name) ?? [];
  await context.faults?.before(faults, context.clock);
  if (context.store.failure !== undefined) throw context.store.failure;
  const response = await serve(context, request, asked, user, watchTap(faults));
  const broken = faults.find((fault) => fault.kind === "truncate");
  return broken === undefined ? response : truncated(response, broken.afterBytes ?? 0);
}

function decodePath(pathname: string): ReturnType<typeof resourcePath> {
  try {
    return resourcePath(pathname);
  } catch {
    throw badRequest(`the path ${pathname} is not valid percent-encoding`);
  }
}

function health({ store }: ServerContext): Response {
  if (store.failure === undefined) return new Response("ok");
  return new Response(`storage: ${store.failure.message}\n`, { status: 500 });
}

/** Discovery and OpenAPI. */
async function document(context: ServerContext, request: Request, user: User, pathname: string): Promise<Response> {
  await request.body?.cancel();
  const attributes: Attributes = {
    verb: "get",
    group: "",
    resource: pathname,
    subresource: "",
    namespace: "",
    name: "",
  };
  if (!context.authorize(user, attributes)) throw refused(user, attributes);
  if (request.method !== "GET" && request.method !== "HEAD") throw noSuchPath();
  const accept = request.headers.get("accept");
  if (pathname === "/openapi/v3") return json(context.openapi.index());
  if (pathname.startsWith("/openapi/v3/")) {
    const text = context.openapi.v3(pathname.slice("/openapi/v3/".length));
    if (text === undefined) throw noSuchPath();
    return jsonText(text);
  }
  if (pathname === "/openapi/v2") {
    if (accept?.includes(OPENAPI_V2_PROTOBUF) === true) {
      return new Response(emptyOpenApiV2(), { headers: { "content-type": OPENAPI_V2_PROTOBUF_ANSWER } });
    }
    if (accept !== null && !/json|\*\/\*/.test(accept)) throw notAcceptable(["application/json"]);
    return jsonText(context.openapi.v2());
  }
  const found = /^\/apis?(\/|$)/.test(pathname) ? discover(context.registry, pathname, accept) : undefined;
  if (found === undefined) throw noSuchPath();
  return jsonText(JSON.stringify(found.body), { "content-type": found.contentType, vary: "Accept" });
}

async function serve(
  context: ServerContext,
  request: Request,
  asked: ResourceRequest,
  user: User,
  tap: ReturnType<typeof watchTap>,
): Promise<Response> {
  const { resource, params, subresource } = asked;
  if (!resource.verbs.includes(asked.verb)) {
    await request.body?.cancel();
    if (resource.plural === "customresourcedefinitions") {
      throw new ApiError(
        403,
        "Forbidden",
        "customresourcedefinitions.apiextensions.k8s.io is forbidden: the kinds of this control plane are built in; they cannot be added, changed or removed",
      );
    }
    throw methodNotAllowed();
  }
  const as = representation(request.headers.get("accept"));
  const write = (change: Change) => answerWrite(context, request, asked, as, change);
  switch (asked.verb) {
    case "get": {
      const entry = getObject(context, asked);
      if (subresource === "scale" && resource.scale !== undefined) return json(scaleOf(resource.scale, entry.object));
      return jsonText(
        as === "object" ? shownJson(resource, entry) : renderObject(context, asked, shown(resource, entry), as),
      );
    }
    case "list":
      return jsonText(listObjects(context, asked, as));
    case "watch":
      return new Response(context.watches.open(asked, as, tap), {
        headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
      });
    case "create": {
      const body = await requiredObject(request);
      const answer = review(resource, body, {
        user,
        authorize: context.authorize,
        authenticator: context.authenticator,
      });
      if (answer !== undefined) return json(answer, 201);
      return await write((options) => createObject(context, asked, body, options));
    }
    case "update": {
      const body = await requiredObject(request);
      const { scale } = resource;
      if (subresource === "scale" && scale !== undefined) {
        const change = (live: JsonObject) => applyScale(resource, scale, live, body);
        return await write((options) => asScale(updateObject(context, asked, change, options), scale));
      }
      return await write((options) => updateObject(context, asked, () => body, { ...options, revisionRequired: true }));
    }
    case "patch": {
      const type = mediaType(request.headers);
      const patch = await readValue(request);
      const allowed = patchTypes(resource);
      if (!allowed.includes(type)) throw unsupportedMediaType(allowed);
      const { scale } = resource;
      if (subresource === "scale" && scale !== undefined) {
        const change = (live: JsonObject) =>
          applyScale(resource, scale, live, patched(resource, scaleOf(scale, live), patch, type));
        return await write((options) => asScale(updateObject(context, asked, change, options), scale));
      }
      return await write((options) => patchObject(context, asked, patch, type, options));
    }
    case "delete": {
      const options = await deleteOptions(request);
      const dryRun = isDryRun(params, options);
      const left = deleteObject(context, asked, options, dryRun);
      await context.store.settled();
      return json(left);
    }
    case "deletecollection": {
      const options = await deleteOptions(request);
      const dryRun = isDryRun(params, options);
      const selector = requestSelector(params, resource);
      const chosen = context.store.list(resource.storage).filter((entry) =>
        (asked.namespace === "" || entry.namespace === asked.namespace) && (selector?.(shown(resource, entry)) ?? true)
      );
      for (const { namespace, name } of chosen) deleteObject(context, { ...asked, namespace, name }, options, dryRun);
      await context.store.settled();
      return jsonText(renderList(context, asked, { entries: chosen, revision: context.store.revision }, as));
    }
  }
}

function asScale(written: Written, scale: Parameters<typeof scaleOf>[0]): Written {
  return { ...written, object: scaleOf(scale, written.object) };
}

/** What a request does to the store. */
type Change = (options: WriteOptions) => Written;

async function requiredObject(request: Request): Promise<JsonObject> {
  const body = await readObject(request);
  if (body === undefined) throw badRequest("the request has no body; an object was expected");
  return body;
}

async function answerWrite(
  context: ServerContext,
  request: Request,
  asked: ResourceRequest,
  as: ReturnType<typeof representation>,
  change: Change,
): Promise<Response> {
  const options = writeOptions(request, asked.params);
  const written = change(options);
  await context.store.settled();
  const headers = new Headers();
  for (const warning of options.warnings) headers.append("warning", `299 - ${JSON.stringify(warning)}`);
  const text = asked.subresource === "scale"
    ? JSON.stringify(written.object)
    : renderObject(context, asked, written.object, as);
  return jsonText(text, headers, written.created ? 201 : 200);
}

function writeOptions(request: Request, params: URLSearchParams): WriteOptions {
  const validation = params.get("fieldValidation") ?? "";
  if (!["", "Strict", "Warn", "Ignore"].includes(validation)) {
    throw invalidOption("CreateOptions", "fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]);
  }
  const agent = (request.headers.get("user-agent") ?? "").split("/")[0]?.trim() || "unknown";
  const manager = params.get("fieldManager") || (isApply(mediaType(request.headers)) ? "" : agent);
  if (manager.length > 128) throw badRequest("fieldManager: may not be more than 128 characters long");
  return {
    manager,
    dryRun: isDryRun(params, {}),
    fieldValidation: validation === "Strict" || validation === "Ignore" ? validation : "Warn",
    warnings: [],
  };
}

async function deleteOptions(request: Request): Promise<JsonObject> {
  return await readObject(request) ?? {};
}

function isDryRun(params: URLSearchParams, options: JsonObject): boolean {
  const values = [...params.getAll("dryRun"), ...(Array.isArray(options.dryRun) ? options.dryRun.map(String) : [])]
    .filter((value) => value !== "");
  const unknown = values.find((value) => value !== "All");
  if (unknown !== undefined) throw invalidOption("CreateOptions", "dryRun", values, ["All"]);
  return values.length > 0;
}

function json(body: JsonObject, status = 200): Response {
  return jsonText(JSON.stringify(body), undefined, status);
}

function jsonText(text: string, headers?: HeadersInit, status = 200): Response {
  const all = new Headers(headers);
  if (!all.has("content-type")) all.set("content-type", "application/json");
  all.set("cache-control", "no-cache, private");
  return new Response(text, { status, headers: all });
}

function failure(error: unknown): Response {
  const known = asApiError(error);
  const headers: Record<string, string> = {};
  const retry = known.details?.retryAfterSeconds;
  if (retry !== undefined) headers["retry-after"] = String(retry);
  return jsonText(JSON.stringify(known.toStatus()), headers, known.code);
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof RequestError) return new ApiError(error.code, error.reason, error.message);
  if (error instanceof StorageError) {
    return new ApiError(503, "ServiceUnavailable", error.message, { retryAfterSeconds: 1 });
  }
  return internal(error instanceof Error ? error.message : String(error));
}
