/** What roles give to an account, and what it made use of by the audit log. @module */
import type { AuditEvent } from "../../rigs/kubernetes/mod.ts";

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A right in words: `patch infra.virtrigaud.io/providers in team`; without a namespace it holds in all. */
export type Right = string;

/** Every right of rules that hold in `namespace`, or everywhere without one. */
export function rightsOf(rules: readonly Rule[], namespace?: string): Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => say(verb, group, resource, namespace)))
    )
  );
}

/** Rights that completed requests needed: for the namespace of the request, and for all. */
export function rightsUsed(events: readonly AuditEvent[]): Set<Right> {
  const used = new Set<Right>();
  for (const { verb, objectRef, responseStatus } of events) {
    if (objectRef?.resource === undefined || responseStatus?.code === 403) continue;
    const { apiGroup = "", resource, subresource, namespace } = objectRef;
    const what = subresource === undefined ? resource : `${resource}/${subresource}`;
    // An apply that makes the object needs both.
    const verbs = verb === "patch" && responseStatus?.code === 201 ? ["patch", "create"] : [verb];
    for (const each of verbs) {
      used.add(say(each, apiGroup, what, undefined));
      if (namespace !== undefined) used.add(say(each, apiGroup, what, namespace));
    }
  }
  return used;
}

/** Requests that were forbidden. */
export function forbidden(events: readonly AuditEvent[]): string[] {
  return events.filter(({ responseStatus }) => responseStatus?.code === 403).map(({ verb, requestURI }) =>
    `${verb} ${requestURI}`
  );
}

function say(verb: string, group: string, resource: string, namespace: string | undefined): Right {
  return `${verb} ${group === "" ? "core" : group}/${resource}${namespace === undefined ? "" : ` in ${namespace}`}`;
}
