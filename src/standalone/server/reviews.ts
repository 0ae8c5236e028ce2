/** Questions that are asked by creating an object: may I, who am I, whose token is this. @module */
import type { JsonObject } from "../storage/mod.ts";
import type { Attributes, Authenticator, Authorizer } from "./auth.ts";
import { coreResource } from "./core_resources.ts";
import { child, text } from "./json.ts";
import type { User } from "./request.ts";
import { apiVersionOf, type Resource } from "./resource.ts";

/** What answering needs. */
export interface ReviewContext {
  readonly user: User;
  readonly authorize: Authorizer;
  readonly authenticator: Authenticator;
}

const AUTHORIZATION = "authorization.k8s.io";
const AUTHENTICATION = "authentication.k8s.io";

/** The review kinds as resources: they can be created and are never stored. */
export function reviewResources(): Resource[] {
  const kind = (group: string, kind: string, namespaced = false): Resource =>
    coreResource({ group, kind, plural: `${kind.toLowerCase()}s`, namespaced, verbs: ["create"] });
  return [
    kind(AUTHORIZATION, "SelfSubjectAccessReview"),
    kind(AUTHORIZATION, "SelfSubjectRulesReview"),
    kind(AUTHORIZATION, "SubjectAccessReview"),
    kind(AUTHENTICATION, "SelfSubjectReview"),
    kind(AUTHENTICATION, "TokenReview"),
  ];
}

/** Answers a review; `undefined` when `resource` is none. */
export function review(resource: Resource, body: JsonObject, context: ReviewContext): JsonObject | undefined {
  if (resource.group !== AUTHORIZATION && resource.group !== AUTHENTICATION) return undefined;
  const spec = child(body, "spec");
  const answer = (status: JsonObject): JsonObject => ({
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    ...body,
    metadata: {},
    status,
  });
  switch (resource.kind) {
    case "SelfSubjectAccessReview":
      return answer(access(context.authorize, context.user, spec));
    case "SubjectAccessReview": {
      const groups = Array.isArray(spec.groups) ? spec.groups.map(String) : [];
      return answer(access(context.authorize, { name: text(spec, "user"), groups }, spec));
    }
    case "SelfSubjectRulesReview":
      return answer(rules(context, text(spec, "namespace")));
    case "SelfSubjectReview":
      return answer({ userInfo: userInfo(context.user) });
    case "TokenReview": {
      const user = context.authenticator.userOf(text(spec, "token"));
      return answer(user === undefined ? { authenticated: false } : { authenticated: true, user: userInfo(user) });
    }
    default:
      return undefined;
  }
}

function userInfo(user: User): JsonObject {
  return { username: user.name, groups: [...user.groups] };
}

function access(authorize: Authorizer, user: User, spec: JsonObject): JsonObject {
  const asked = child(spec, "resourceAttributes");
  const path = child(spec, "nonResourceAttributes");
  const attributes: Attributes = {
    verb: text(asked, "verb") || text(path, "verb"),
    group: text(asked, "group"),
    resource: text(asked, "resource") || text(path, "path"),
    subresource: text(asked, "subresource"),
    namespace: text(asked, "namespace"),
    name: text(asked, "name"),
  };
  return authorize(user, attributes)
    ? { allowed: true }
    : { allowed: false, reason: `user ${user.name} is not allowed to` };
}

/** The authorizer is a function, so that only "everything" can be told; anything less is told as incomplete. */
function rules({ authorize, user }: ReviewContext, namespace: string): JsonObject {
  const everything: Attributes = { verb: "*", group: "*", resource: "*", subresource: "*", namespace, name: "*" };
  if (!authorize(user, everything)) {
    return {
      resourceRules: [],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: "rules cannot be listed, ask for single actions",
    };
  }
  return {
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false,
  };
}
