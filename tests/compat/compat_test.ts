import { assert, assertEquals } from "@virtrigaud/deps";
import { fc } from "@virtrigaud/deps/testing.ts";
import { type JsonSchema, kindNamed, kinds } from "@virtrigaud/api";
import { arbitrary } from "./arbitrary.ts";
import { checkerFor } from "./checker.ts";
import { referenceKinds } from "./reference.ts";

/** Where a default is ours alone. */
const DEFAULTED: Readonly<Record<string, string>> = {
  "VMPlacementPolicy spec": "an absent spec reads as an empty one",
};

Deno.test("the ten kinds are the reference's, with all its short names", () => {
  assertEquals(kinds.map(({ kind }) => kind).sort(), referenceKinds().map(({ kind }) => kind).sort());
  for (const { kind, plural, shortNames } of referenceKinds()) {
    const ours = kindNamed(kind);
    assertEquals(ours.plural, plural);
    assertEquals(shortNames.filter((name) => !ours.shortNames.includes(name)), []);
  }
});

Deno.test("no short name, plural or singular means two kinds", () => {
  const names = kinds.flatMap(({ plural, singular, shortNames }) => [...new Set([plural, singular, ...shortNames])]);
  assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
});

for (const { kind, schema } of referenceKinds()) {
  Deno.test(`${kind}: every field of the reference is there, of the same type and default, and no narrower`, () => {
    assertEquals([...narrower(schema, kindNamed(kind).schema, "", kind)], []);
  });

  Deno.test(`${kind}: random objects that the reference accepts are accepted`, () => {
    const ours = kindNamed(kind);
    const theirs = checkerFor({ schema });
    const check = checkerFor(ours);
    const objects = arbitrary(schema, ours.schema, "");
    assert(objects !== undefined);
    fc.assert(
      fc.property(objects, (object) => {
        assertEquals(theirs(object), [], "the generator drew what the reference refuses");
        assertEquals(check(object), []);
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });
}

type Bound = "minimum" | "minLength" | "minItems" | "maximum" | "maxLength" | "maxItems" | "maxProperties";
const LOWER: readonly Bound[] = ["minimum", "minLength", "minItems"];
const UPPER: readonly Bound[] = ["maximum", "maxLength", "maxItems", "maxProperties"];

function* narrower(theirs: JsonSchema, ours: JsonSchema | undefined, path: string, kind: string): Generator<string> {
  if (ours === undefined) return yield `${path} is missing`;
  const differs = (what: string) => `${path}: ${what}`;
  if (theirs.type !== ours.type || theirs.format !== ours.format) {
    yield differs(`type ${theirs.type} ${theirs.format} became ${ours.type} ${ours.format}`);
  }
  if (JSON.stringify(theirs.default) !== JSON.stringify(ours.default) && DEFAULTED[`${kind} ${path}`] === undefined) {
    yield differs(`default ${JSON.stringify(theirs.default)} became ${JSON.stringify(ours.default)}`);
  }
  for (const flag of ["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"] as const) {
    if (theirs[flag] && !ours[flag] && ours.additionalProperties === undefined) yield differs(`lost ${flag}`);
  }
  const values = theirs.enum?.map(String).filter((value) => ours.enum !== undefined && !ours.enum.includes(value)) ??
    [];
  if (values.length > 0 || (ours.enum !== undefined && theirs.enum === undefined)) {
    yield differs(`enum lost ${values}`);
  }
  for (const bound of LOWER) if ((ours[bound] ?? -Infinity) > (theirs[bound] ?? -Infinity)) yield differs(bound);
  // A pattern bounds a length by itself: an address has at most 49 characters.
  for (const bound of UPPER) {
    const implied = bound === "maxLength" && theirs.pattern !== undefined && (ours.maxLength ?? 0) >= 45;
    if (!implied && (ours[bound] ?? Infinity) < (theirs[bound] ?? Infinity)) yield differs(bound);
  }
  if (ours.pattern !== undefined && ours.pattern !== theirs.pattern) {
    if (theirs.pattern === undefined) yield differs("pattern is new");
    else yield* patternNarrower(theirs.pattern, ours.pattern, path);
  }
  for (const name of ours.required ?? []) {
    const known = theirs.required?.includes(name) || (path === "" && name === "spec");
    if (!known && theirs.properties?.[name] !== undefined) yield differs(`${name} became required`);
  }
  for (const [name, child] of Object.entries(theirs.properties ?? {})) {
    yield* narrower(child, ours.properties?.[name], path === "" ? name : `${path}.${name}`, kind);
  }
  if (theirs.items !== undefined) yield* narrower(theirs.items, ours.items, `${path}[]`, kind);
  if (theirs.additionalProperties !== undefined) {
    yield* narrower(theirs.additionalProperties, ours.additionalProperties, `${path}{}`, kind);
  }
}

function* patternNarrower(theirs: string, ours: string, path: string): Generator<string> {
  const accepts = new RegExp(ours);
  const refused = fc.sample(fc.stringMatching(new RegExp(theirs)), 300).find((text) => !accepts.test(text));
  if (refused !== undefined) yield `${path}: pattern refuses ${JSON.stringify(refused)}`;
}
