import { assertEquals, assertRejects, assertStringIncludes } from "@virtrigaud/deps";
import { startControlPlane } from "./control_plane.ts";
import { startTestPlane, TestClient, widget, WIDGETS } from "../testing.ts";

const TOKENS = [
  { name: "admin", groups: ["system:masters"], token: "admin-token-of-the-test" },
  { name: "reader", groups: [], token: "reader-token-of-the-test" },
];

Deno.test("nothing but health and version is told without a token", async () => {
  await using t = await startTestPlane();
  for (const path of ["/api", "/apis", "/openapi/v3", WIDGETS, "/api/v1/secrets", "/nothing"]) {
    for (const authorization of ["", "Bearer ", "Bearer wrong-token-wrong-token", "Basic YWRtaW46YWRtaW4="]) {
      const { status, body } = await t.client.get(path, { authorization });
      assertEquals([path, status, body.reason], [path, 401, "Unauthorized"]);
    }
  }
  for (const path of ["/livez", "/readyz", "/healthz", "/version"]) {
    assertEquals((await t.client.get(path, { authorization: "" })).status, 200);
  }
});

Deno.test("the authorizer decides per verb and resource, and its refusal says who wanted what", async () => {
  await using t = await startTestPlane({
    tokens: TOKENS,
    authorize: ({ groups }, { verb }) => groups.includes("system:masters") || ["get", "list", "watch"].includes(verb),
  });
  const reader = new TestClient(t.plane, { user: "reader" });
  try {
    assertEquals((await t.client.post(WIDGETS, widget("a"))).status, 201);
    assertEquals((await reader.get(`${WIDGETS}/a`)).status, 200);
    const refused = await reader.delete(`${WIDGETS}/a`);
    assertEquals([refused.status, refused.body.reason], [403, "Forbidden"]);
    assertEquals(
      refused.body.message,
      'widgets.example.com "a" is forbidden: User "reader" cannot delete resource "widgets" in API group "example.com" in the namespace "default"',
    );
    assertEquals((await t.client.get(`${WIDGETS}/a`)).status, 200);
  } finally {
    reader.close();
  }
});

Deno.test("reviews answer who I am, what I may, and whose a token is", async () => {
  await using t = await startTestPlane({
    tokens: TOKENS,
    authorize: ({ name }, { verb }) => name === "admin" || verb !== "delete",
  });
  const ask = async (client: TestClient, group: string, kind: string, spec: unknown = {}) =>
    (await client.post(`/apis/${group}/v1/${kind.toLowerCase()}s`, { apiVersion: `${group}/v1`, kind, spec })).body
      .status;
  const reader = new TestClient(t.plane, { user: "reader" });
  try {
    const may = (verb: string) => ({ resourceAttributes: { verb, resource: "widgets", group: "example.com" } });
    assertEquals((await ask(reader, "authorization.k8s.io", "SelfSubjectAccessReview", may("get"))).allowed, true);
    assertEquals((await ask(reader, "authorization.k8s.io", "SelfSubjectAccessReview", may("delete"))).allowed, false);
    assertEquals((await ask(t.client, "authorization.k8s.io", "SelfSubjectAccessReview", may("delete"))).allowed, true);
    const other = { ...may("delete"), user: "reader" };
    assertEquals((await ask(t.client, "authorization.k8s.io", "SubjectAccessReview", other)).allowed, false);
    assertEquals((await ask(reader, "authentication.k8s.io", "SelfSubjectReview")).userInfo.username, "reader");
    const token = { token: "reader-token-of-the-test" };
    assertEquals((await ask(t.client, "authentication.k8s.io", "TokenReview", token)).user.username, "reader");
    assertEquals((await ask(t.client, "authentication.k8s.io", "TokenReview", { token: "x" })).authenticated, false);
  } finally {
    reader.close();
  }
});

Deno.test("a token that could be guessed is refused at the start", async () => {
  const error = await assertRejects(() =>
    startControlPlane({ dataDir: ":memory:", kinds: [], tokens: [{ name: "x", groups: [], token: "short" }] })
  );
  assertStringIncludes(String(error), "token of user x");
});

Deno.test("CA, tokens and objects are the same after a restart, and private to their owner", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    const seen: [string, string][] = [];
    for (let i = 0; i < 2; i++) {
      await using t = await startTestPlane({ dataDir });
      seen.push([t.plane.caPem, t.plane.kubeconfig("manager").replace(/127\.0\.0\.1:\d+/, "")]);
      assertEquals((await t.client.post(WIDGETS, widget("a"))).status, i === 0 ? 201 : 409);
    }
    assertEquals(seen[0], seen[1]);
    assertEquals(((await Deno.stat(`${dataDir}/identity.json`)).mode ?? 0) & 0o777, 0o600);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("a second server on one data directory is refused, and the first is not disturbed", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await using t = await startTestPlane({ dataDir });
    const error = await assertRejects(() => startControlPlane({ dataDir, kinds: [] }));
    assertStringIncludes(String(error), "another process has it open");
    assertEquals((await t.client.post(WIDGETS, widget("a"))).status, 201);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("when the disk is full, writes fail with 503 and reads go on", async () => {
  const dataDir = await Deno.makeTempDir();
  try {
    await using t = await startTestPlane({ dataDir, maxBytes: 256 << 10 });
    await t.client.post(WIDGETS, widget("a"));
    const full = await t.client.post(WIDGETS, widget("b", { parts: [{ name: "x".repeat(400_000) }] }));
    assertEquals([full.status, full.body.reason], [503, "ServiceUnavailable"]);
    assertStringIncludes(full.body.message, "full");
    assertEquals((await t.client.get(WIDGETS)).body.items.length, 1);
    assertEquals((await t.client.post(WIDGETS, widget("c"))).status, 201);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("a kubeconfig for a user that is not there names those that are", async () => {
  await using t = await startTestPlane();
  const error = await assertRejects(() => Promise.resolve().then(() => t.plane.kubeconfig("nobody")));
  assertStringIncludes(String(error), "admin, manager");
});
