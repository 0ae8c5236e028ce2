/** Label and field selectors. @module */
import type { JsonObject } from "../storage/mod.ts";
import { badRequest } from "./errors.ts";
import { at, child } from "./json.ts";
import type { Resource } from "./resource.ts";

/** Tells whether an object is selected. */
export type Selector = (object: JsonObject) => boolean;

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const REQUIREMENT =
  /^\s*(?:(!)\s*([^\s!=,()]+)|([^\s!=,()]+)\s+(in|notin)\s*\(([^()]*)\)|([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)|([^\s!=,()<>]+)\s*([<>])\s*(-?\d+)|([^\s!=,()]+))\s*$/;

/** Splits at commas that are not inside parentheses. */
function split(selector: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < selector.length; i++) {
    const c = selector[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === "," && depth === 0) {
      parts.push(selector.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(selector.slice(start));
  return parts;
}

/**
 * Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>3`. An empty selector selects everything.
 *
 * @throws {ApiError} 400 naming the part that cannot be read.
 */
export function labelSelector(selector: string): Selector | undefined {
  if (selector.trim() === "") return undefined;
  const checks = split(selector).map((part) => {
    const m = REQUIREMENT.exec(part);
    if (m === null) throw badRequest(`unable to parse requirement: label selector "${part.trim()}"`);
    const [, not, absent, setKey, setOp, setValues, eqKey, eqOp, eqValue, cmpKey, cmpOp, bound, present] = m;
    const key = absent ?? setKey ?? eqKey ?? cmpKey ?? present ?? "";
    if (!KEY.test(key)) throw badRequest(`unable to parse requirement: label key "${key}" is not a qualified name`);
    return (labels: JsonObject): boolean => {
      const value = labels[key];
      if (not !== undefined) return value === undefined;
      if (setOp !== undefined) {
        const among = (setValues ?? "").split(",").map((v) => v.trim()).includes(String(value));
        return setOp === "in" ? value !== undefined && among : value === undefined || !among;
      }
      if (eqOp !== undefined) return eqOp === "!=" ? value !== eqValue : value === eqValue;
      if (cmpOp !== undefined) {
        const number = Number.parseInt(String(value), 10);
        return cmpOp === ">" ? number > Number(bound) : number < Number(bound);
      }
      return value !== undefined;
    };
  });
  return (object) => {
    const labels = child(child(object, "metadata"), "labels");
    return checks.every((check) => check(labels));
  };
}

/** The `matchLabels` / `matchExpressions` object of a spec, as a selector string. */
export function selectorText(selector: JsonObject): string {
  return Object.entries(child(selector, "matchLabels")).map(([key, value]) => `${key}=${value}`).join(",");
}

/**
 * Parses `metadata.name=a,status.phase!=Running`.
 *
 * @throws {ApiError} 400 for a field that the kind does not offer.
 */
export function fieldSelector(selector: string, resource: Resource): Selector | undefined {
  if (selector.trim() === "") return undefined;
  const checks = split(selector).map((part) => {
    const m = /^\s*([^\s!=]+)\s*(==|=|!=)\s*(.*?)\s*$/.exec(part);
    if (m === null) throw badRequest(`invalid selector: '${part}'; can't understand '${part.trim()}'`);
    const [, field = "", op, value = ""] = m;
    const known = field === "metadata.name" || (field === "metadata.namespace" && resource.namespaced);
    if (!known && !resource.selectableFields.includes(field)) {
      throw badRequest(`field label not supported: ${field}`);
    }
    return (object: JsonObject): boolean => (String(at(object, field) ?? "") === value) === (op !== "!=");
  });
  return (object) => checks.every((check) => check(object));
}

/** Both selectors of a request as one; `undefined` when everything is selected. */
export function requestSelector(params: URLSearchParams, resource: Resource): Selector | undefined {
  const labels = labelSelector(params.get("labelSelector") ?? "");
  const fields = fieldSelector(params.get("fieldSelector") ?? "", resource);
  if (labels === undefined) return fields;
  if (fields === undefined) return labels;
  return (object) => labels(object) && fields(object);
}
