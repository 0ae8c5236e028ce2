/** Random objects of each kind, and what the manager has to say about each. @module */
import { fc } from "@virtrigaud/deps/testing.ts";
import {
  admissionPolicies,
  API_VERSION,
  kinds,
  PROVIDER_TYPES,
  type ProviderType,
  unsupportedFields,
} from "@virtrigaud/api";
import { brokenRules } from "../../src/controllers/shared/object_rules.ts";
import { arbitrary } from "../compat/arbitrary.ts";

/** An object as it is sent. */
export interface Sent {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Kinds that a controller works on; of the others a policy says that nothing does. */
export const RECONCILED: readonly string[] = kinds.filter((kind) =>
  !admissionPolicies([kind]).some(({ spec }) => spec.validations.some(({ expression }) => expression === "false"))
).map(({ kind }) => kind);

/** Where random values would hardly ever be worth something: sometimes these are taken instead. */
const DURATIONS = ["0", "90s", "1h30m", "1.5h", ".5s", "+1m", "-1m", "soon", "", "5", "1d", `${"1s".repeat(33)}`];
const TELLING: Readonly<Record<string, readonly unknown[]>> = {
  interval: DURATIONS,
  timeout: DURATIONS,
  connectionTimeout: ["30s", "1m"],
  maxConnections: [10, 11],
  prefix: [24],
  name: ["root", "a", "b"],
};

const DRAWN = 800;
const ANY = 20;
const PER_FIELD = 8;

/**
 * Objects of a kind that its schema accepts, the same ones in every run: some as they come, and of many more those that
 * are among the first to be blamed for a field.
 */
export function corpus(kind: string): Sent[] {
  const definition = kinds.find((each) => each.kind === kind);
  const schema = definition?.schema.properties?.["spec"];
  const drawn = schema === undefined ? undefined : arbitrary(schema, schema, "spec");
  if (drawn === undefined) throw new RangeError(`no objects of kind ${kind} can be drawn`);
  const chosen = fc.tuple(drawn, fc.infiniteStream(fc.nat()), fc.constantFrom("web", "x".repeat(63), "x".repeat(64)));
  const objects = fc.sample(chosen, { numRuns: DRAWN, seed: 7 }).map(([spec, numbers, name]): Sent => ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name, namespace: "default" },
    spec: telling(spec, numbers) as Readonly<Record<string, unknown>>,
  }));
  const seen = new Map<string, number>();
  return objects.filter((object, index) => {
    const rare = managerBlames(object).filter((field) => (seen.get(field) ?? 0) < PER_FIELD);
    for (const field of rare) seen.set(field, (seen.get(field) ?? 0) + 1);
    return index < ANY || rare.length > 0;
  });
}

function telling(value: unknown, numbers: Iterator<number>): unknown {
  if (Array.isArray(value)) return value.map((each) => telling(each, numbers));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const better = TELLING[key];
      const number = numbers.next().value as number;
      return [key, better === undefined ? telling(inner, numbers) : better[number % better.length]];
    }),
  );
}

const REAL: readonly ProviderType[] = PROVIDER_TYPES.filter((type) => type !== "qemu" && type !== "firecracker");

/** Fields that the manager blames: its rules, and what no provider that the object could be used with honours. */
export function managerBlames(object: Sent): string[] {
  const own = object.kind === "Provider" ? object.spec["type"] as ProviderType : undefined;
  const types = own === undefined ? REAL : REAL.filter((type) => type === own);
  const lost = types.map((type) => unsupportedFields(object, type));
  const everywhere = (lost[0] ?? []).filter((field) => lost.every((fields) => fields.includes(field)));
  return [...new Set([...brokenRules(object).map(({ field }) => field), ...everywhere.map(withoutNames)])].toSorted();
}

/** Fields that warnings of the API server blame. */
export function policiesBlame(warnings: readonly string[]): string[] {
  const fields = warnings.flatMap((warning) =>
    /^Validation failed for ValidatingAdmissionPolicy '[^']*(?<!-deprecated)' with binding '[^']*': (\S+): /.exec(
      warning,
    )?.[1] ?? []
  );
  return [...new Set(fields)].toSorted();
}

/** `spec.disks[data].scsi` as the support table says it; the one rule about a named entry stays. */
const withoutNames = (field: string): string => field.replaceAll(/\[[^\]]*\]/g, "[]");

/** The texts of `warning` headers. */
export function warningsOf(headers: Headers): string[] {
  return [...(headers.get("warning") ?? "").matchAll(/299 - ("(?:[^"\\]|\\.)*")/g)].map(([, text = '""']) =>
    JSON.parse(text)
  );
}
