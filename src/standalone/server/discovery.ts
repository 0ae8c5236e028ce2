/** Which kinds there are: the discovery documents. @module */
import type { Json, JsonObject } from "../storage/mod.ts";
import type { Registry, Resource } from "./resource.ts";

/** A discovery answer. */
export interface Discovery {
  readonly body: JsonObject;
  readonly contentType: string;
}

const JSON_TYPE = "application/json";

/** The answer to `/api`, `/apis` and below; `undefined` when the path names no group or version. */
export function discover(registry: Registry, pathname: string, accept: string | null): Discovery | undefined {
  const [root, group, version, ...rest] = pathname.split("/").filter((part) => part !== "");
  if (rest.length > 0) return undefined;
  const core = root === "api";
  if (group === undefined) {
    return aggregated(registry, core, accept) ?? plain(core ? coreVersions() : groupList(registry));
  }
  const apiVersion = core ? group : version === undefined ? undefined : `${group}/${version}`;
  if (core && version !== undefined) return undefined;
  if (apiVersion === undefined) {
    const found = groups(registry).get(group);
    return found === undefined ? undefined : plain({ kind: "APIGroup", apiVersion: "v1", ...groupEntry(group, found) });
  }
  const resources = registry.groupVersions().get(apiVersion);
  return resources === undefined ? undefined : plain(resourceList(apiVersion, resources));
}

function plain(body: JsonObject): Discovery {
  return { body, contentType: JSON_TYPE };
}

function coreVersions(): JsonObject {
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
}

/** Versions by group, without the core group. */
function groups(registry: Registry): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { group, version } of registry.resources) {
    if (group === "") continue;
    const versions = found.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    found.set(group, versions);
  }
  return found;
}

function groupEntry(group: string, versions: readonly string[]): JsonObject {
  const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] ?? {} };
}

function groupList(registry: Registry): JsonObject {
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: [...groups(registry)].map(([group, versions]) => groupEntry(group, versions)),
  };
}

/** Subresources of `resource`, with the kind that they speak. */
function subresources(resource: Resource): { name: string; group: string; version: string; kind: string }[] {
  const { group, version, kind } = resource;
  return [
    ...(resource.status ? [{ name: "status", group, version, kind }] : []),
    ...(resource.scale === undefined ? [] : [{ name: "scale", group: "autoscaling", version: "v1", kind: "Scale" }]),
  ];
}

const SUB_VERBS = ["get", "patch", "update"];

/** In the order in which `kubectl get <category>` then prints them, on every server alike. */
function sorted(resources: readonly Resource[]): Resource[] {
  return [...resources].sort((a, b) => a.plural < b.plural ? -1 : 1);
}

function resourceList(apiVersion: string, resources: readonly Resource[]): JsonObject {
  const entries = sorted(resources).flatMap((resource): Json[] => [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: [...resource.verbs],
      ...(resource.shortNames.length > 0 ? { shortNames: [...resource.shortNames] } : {}),
      ...(resource.categories.length > 0 ? { categories: [...resource.categories] } : {}),
    },
    ...subresources(resource).map(({ name, group, version, kind }): Json => ({
      name: `${resource.plural}/${name}`,
      singularName: "",
      namespaced: resource.namespaced,
      ...(group === resource.group ? {} : { group, version }),
      kind,
      verbs: SUB_VERBS,
    })),
  ]);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersion, resources: entries };
}

/** All groups in one document, which saves clients one request per group. */
function aggregated(registry: Registry, core: boolean, accept: string | null): Discovery | undefined {
  const version = (accept ?? "").split(",").flatMap((range) => {
    const parts = range.split(";").map((part) => part.trim());
    const fits = parts[0] === JSON_TYPE && parts.includes("g=apidiscovery.k8s.io") &&
      parts.includes("as=APIGroupDiscoveryList");
    return fits && (parts.includes("v=v2") || parts.includes("v=v2beta1"))
      ? [parts.includes("v=v2") ? "v2" : "v2beta1"]
      : [];
  })[0];
  if (version === undefined) return undefined;
  const byGroup = Map.groupBy(registry.resources.filter(({ group }) => (group === "") === core), ({ group }) => group);
  const body: JsonObject = {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: [...byGroup].map(([group, resources]): Json => ({
      metadata: group === "" ? {} : { name: group },
      versions: [...Map.groupBy(resources, (r) => r.version)].map(([version, members]): Json => ({
        version,
        freshness: "Current",
        resources: sorted(members).map(aggregatedEntry),
      })),
    })),
  };
  return { body, contentType: `${JSON_TYPE};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList` };
}

function aggregatedEntry(resource: Resource): Json {
  const { group, version, kind } = resource;
  const subs = subresources(resource);
  return {
    resource: resource.plural,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: [...resource.verbs],
    ...(resource.shortNames.length > 0 ? { shortNames: [...resource.shortNames] } : {}),
    ...(resource.categories.length > 0 ? { categories: [...resource.categories] } : {}),
    ...(subs.length === 0 ? {} : {
      subresources: subs.map(({ name, group, version, kind }): Json => ({
        subresource: name,
        responseKind: { group, version, kind },
        verbs: SUB_VERBS,
      })),
    }),
  };
}
