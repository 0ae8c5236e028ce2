import { assertEquals } from "@virtrigaud/deps";
import { assign, testFiles, UNIT_SUITE } from "./suites.ts";

const root = new URL("../..", import.meta.url).pathname;
const suiteOf = (file: string): string | undefined =>
  [...assign([file]).bySuite].find(([, files]) => files.length > 0)?.[0].name;

Deno.test("every test file of the project belongs to a suite", () => {
  const { bySuite, homeless } = assign(testFiles(root));
  assertEquals(homeless, []);
  assertEquals(bySuite.get(UNIT_SUITE)?.includes("scripts/test/suites_test.ts"), true);
});

Deno.test("a file runs in the first suite that names it", () => {
  assertEquals(suiteOf("src/kube/watch_test.ts"), "unit");
  assertEquals(suiteOf("providers/libvirt/rpc/client_test.ts"), "unit");
  assertEquals(suiteOf("providers/libvirt/provider_rig_test.ts"), "libvirt provider");
  assertEquals(suiteOf("tests/e2e/libvirt_test.ts"), "e2e libvirt");
  assertEquals(suiteOf("tests/e2e/kubernetes_test.ts"), "e2e kubernetes");
  assertEquals(suiteOf("tests/e2e/libvirt_kubernetes_test.ts"), "e2e libvirt on kubernetes");
  assertEquals(suiteOf("tests/rigs/instance_test.ts"), "unit");
  assertEquals(suiteOf("tests/rigs/libvirt_rig_test.ts"), "libvirt rig");
  assertEquals(suiteOf("tests/e2e/embedded_test.ts"), "e2e");
  assertEquals(suiteOf("docs/x_test.ts"), undefined);
});
