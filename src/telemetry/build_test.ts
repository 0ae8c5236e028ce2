import { assertEquals, parseYaml } from "@virtrigaud/deps";
import { buildInfo, buildLabels, versionLine } from "./build.ts";

const STAMPED = buildInfo("virtrigaud-build|1.2.3|abc1234|2026-01-02T03:04:05Z|");

Deno.test("a stamped build says version, revision and date, in its line and in its labels", () => {
  assertEquals(STAMPED, { version: "1.2.3", revision: "abc1234", date: "2026-01-02T03:04:05Z" });
  assertEquals(
    versionLine("virtrigaud-manager", STAMPED),
    `virtrigaud-manager 1.2.3 (revision abc1234, built 2026-01-02T03:04:05Z, deno ${Deno.version.deno})`,
  );
  assertEquals(buildLabels("manager", STAMPED), {
    version: "1.2.3",
    git_sha: "abc1234",
    build_date: "2026-01-02T03:04:05Z",
    go_version: `deno-${Deno.version.deno}`,
    component: "manager",
  });
});

Deno.test("what runs from sources says so, and has the version of the package and of both charts", async () => {
  assertEquals(versionLine("vrtg", buildInfo()).includes("from sources"), true);
  const root = new URL("../../", import.meta.url);
  const read = async (path: string) =>
    parseYaml(await Deno.readTextFile(new URL(path, root))) as Record<string, unknown>;
  const { version } = buildInfo();
  assertEquals((await read("deno.json")).version, version);
  for (const chart of ["virtrigaud", "virtrigaud-provider-runtime"]) {
    const { version: own, appVersion } = await read(`charts/${chart}/Chart.yaml`);
    assertEquals([own, appVersion], [version, version], chart);
  }
});
