import { assert, assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { startTestPlane } from "../testing.ts";

Deno.test("legacy discovery lists groups, versions and resources with their subresources", async () => {
  await using t = await startTestPlane();
  assertEquals((await t.client.get("/api")).body.versions, ["v1"]);
  const groups = (await t.client.get("/apis")).body.groups.map((g: { name: string }) => g.name);
  assert(groups.includes("example.com") && groups.includes("apps"));
  assertEquals((await t.client.get("/apis/example.com")).body.preferredVersion.groupVersion, "example.com/v1");
  const { body } = await t.client.get("/apis/example.com/v1");
  assertEquals(body.resources.map((r: { name: string }) => r.name), ["widgets", "widgets/status", "widgets/scale"]);
  assertEquals([body.resources[0].shortNames, body.resources[0].categories, body.resources[2].kind], [["wd"], [
    "things",
  ], "Scale"]);
  assertEquals((await t.client.get("/apis/example.com/v2")).status, 404);
  assertEquals((await t.client.get("/apis/elsewhere.io")).status, 404);
});

Deno.test("aggregated discovery has everything in one answer of its own media type", async () => {
  await using t = await startTestPlane();
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const { body, headers } = await t.client.get("/apis", { accept });
  assertEquals(headers.get("content-type"), "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const group = body.items.find((item: { metadata: { name: string } }) => item.metadata.name === "example.com");
  const [widgets] = group.versions[0].resources;
  assertEquals([widgets.resource, widgets.responseKind.kind, widgets.scope], ["widgets", "Widget", "Namespaced"]);
  assertEquals(widgets.subresources.map((s: { subresource: string }) => s.subresource), ["status", "scale"]);
});

Deno.test("OpenAPI v3 leads from the index to a document with the schema of the kind", async () => {
  await using t = await startTestPlane();
  const { paths } = (await t.client.get("/openapi/v3")).body;
  const { serverRelativeURL } = paths["apis/example.com/v1"];
  const { body } = await t.client.get(serverRelativeURL);
  const schema = body.components.schemas["com.example.v1.Widget"];
  assertEquals(schema["x-kubernetes-group-version-kind"], [{ group: "example.com", version: "v1", kind: "Widget" }]);
  assertEquals(schema.properties.spec.properties.size.description, "How large, in units.");
  const patch = body.paths["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}"].patch;
  assert(patch.parameters.some((p: { name: string }) => p.name === "fieldValidation"));
  assertEquals((await t.client.get("/openapi/v3/apis/elsewhere.io/v1")).status, 404);
});

Deno.test("OpenAPI v2 is there as JSON, and its protobuf form describes nothing, so that kubectl leaves checking to the server", async () => {
  await using t = await startTestPlane();
  const { body } = await t.client.get("/openapi/v2", { accept: "application/json" });
  assert(body.definitions["com.example.v1.Widget"] !== undefined);
  const protobuf = { accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" };
  const answer = await t.client.get("/openapi/v2", protobuf);
  assertEquals([answer.status, answer.headers.get("content-type")], [200, protobuf.accept.replace("@", ".")]);
  assert(String(answer.body).includes("2.0"));
});

Deno.test("the definitions of the served kinds can be read and not changed", async () => {
  await using t = await startTestPlane();
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const { body } = await t.client.get(`${path}/widgets.example.com`);
  assertEquals([body.spec.names.kind, body.spec.versions[0].storage], ["Widget", true]);
  const refused = await t.client.post(path, {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "x" },
  });
  assertEquals(refused.status, 403);
  assertStringIncludes(refused.body.message, "built in");
});
