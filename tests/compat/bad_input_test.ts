import { assert, assertEquals } from "@virtrigaud/deps";
import { kindNamed, kinds } from "@virtrigaud/api";
import { badInputs, celRules } from "./bad_input.ts";
import { brokenRules } from "./broken_rules.ts";
import { checkerFor } from "./checker.ts";
import { validManifest } from "./examples.ts";
import { goodInputs } from "./good_input.ts";

for (const kind of kinds) {
  const check = checkerFor(kind);
  const cases = badInputs().filter((bad) => bad.kind === kind.kind);

  Deno.test(`${kind.kind}: the example passes every rule`, () => {
    assertEquals(check(validManifest(kind.kind)), []);
  });

  Deno.test(`${kind.kind}: each of ${cases.length} manifests that breaks a rule is refused for the field at fault`, () => {
    const unnamed = cases.filter(({ manifest, field, message }) =>
      !check(manifest).some((finding) => finding.field === field && finding.message.includes(message ?? ""))
    );
    assertEquals(unnamed.map(({ name, field, manifest }) => ({ name, field, found: check(manifest) })), []);
  });

  Deno.test(`${kind.kind}: every CEL rule has a manifest that breaks it`, () => {
    const said = brokenRules().filter((bad) => bad.kind === kind.kind);
    for (const { path, rule } of celRules(kind)) {
      const met = said.some(({ field, message }) => field.startsWith(path) && rule.message.includes(message ?? "?"));
      assert(met, `${path}: nothing breaks "${rule.message}"`);
    }
  });
}

Deno.test("what earlier implementations wrongly refused is accepted", () => {
  const refused = goodInputs().flatMap(({ kind, name, manifest }) =>
    checkerFor(kindNamed(kind))(manifest).map((finding) => ({ kind, name, ...finding }))
  );
  assertEquals(refused, []);
});
