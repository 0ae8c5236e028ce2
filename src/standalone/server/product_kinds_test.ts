import { kinds } from "@virtrigaud/api";
import { assertEquals } from "@virtrigaud/deps";
import { startTestPlane } from "../testing.ts";

Deno.test("the product's kinds are served, with schemas that compile", async () => {
  await using t = await startTestPlane({ kinds });
  for (const { plural, kind } of kinds) {
    const path = `/apis/infra.virtrigaud.io/v1beta1/namespaces/default/${plural}`;
    assertEquals((await t.client.get(path)).body.kind, `${kind}List`);
    // An empty spec is not valid for every kind; what counts is that the schema was there to say so.
    const { status } = await t.client.post(path, {
      apiVersion: "infra.virtrigaud.io/v1beta1",
      kind,
      metadata: { name: "a" },
      spec: {},
    });
    assertEquals([kind, [201, 422].includes(status)], [kind, true]);
  }
});
