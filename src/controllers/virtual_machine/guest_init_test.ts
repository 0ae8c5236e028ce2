import { assert, assertEquals, assertMatch } from "@virtrigaud/deps";
import type { VirtualMachine } from "@virtrigaud/api";
import { Secret } from "@virtrigaud/telemetry";
import { guestInitOf, guestInitSecrets } from "./guest_init.ts";
import { multipart } from "./mime.ts";
import { vm } from "./testing/inputs.ts";

const values = (entries: Record<string, string>) =>
  new Map(Object.entries(entries).map(([key, value]) => [key, new Secret(value)]));
const of = (
  spec: Partial<VirtualMachine["spec"]>,
  secrets: Record<string, Record<string, string> | undefined> = {},
) => guestInitOf(vm({ spec }), new Map(Object.entries(secrets).map(([name, v]) => [name, v && values(v)])));
const problemsOf = (result: ReturnType<typeof of>) =>
  result?.type === "Unusable" ? [...result.missing, ...result.problems].map((p) => `${p.field}: ${p.message}`) : [];

Deno.test("one part stays as it is, several become one document in which no content can end a part", () => {
  assertEquals(multipart([new Secret("#!/bin/sh")]).reveal(), "#!/bin/sh");
  const evil = "#cloud-config\n--virtrigaud-0\nx";
  const text = multipart([new Secret(evil), new Secret("#!/bin/sh\necho ü")]).reveal();
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? "";
  const parts = text.split(`--${boundary}`).slice(1, -1);
  assertEquals(parts.map((part) => /Content-Type: ([^;]+)/.exec(part)?.[1]), [
    "text/cloud-config",
    "text/x-shellscript",
  ]);
  const bodies = parts.map((part) =>
    new TextDecoder().decode(Uint8Array.fromBase64(part.split("\r\n\r\n")[1]?.trim() ?? ""))
  );
  assertEquals(bodies, [evil, "#!/bin/sh\necho ü"]);
  assert(text.split("\r\n").every((line) => line.length <= 78));
});

Deno.test("inline text and Secret are given both, under any of the keys that people use", () => {
  const spec = { userData: { cloudInit: { inline: "#!/bin/sh", secretRef: { name: "s" } } } };
  assertEquals(guestInitSecrets(vm({ spec })), ["s"]);
  for (const key of ["userdata", "user-data", "cloud-init", "cloud-config", "anything"]) {
    const init = of(spec, { s: { [key]: "#cloud-config" } });
    assertMatch(init?.type === "CloudInit" ? init.userData?.reveal() ?? "" : "", /multipart\/mixed/);
  }
  assertEquals(of({}), undefined);
});

Deno.test("what is missing and what is wrong are told apart and named, without a word of the content", () => {
  const secretRef = { name: "s" };
  assertEquals(problemsOf(of({ userData: { cloudInit: { secretRef } } })), [
    'spec.userData.cloudInit.secretRef: Secret "s" does not exist',
  ]);
  assertMatch(
    problemsOf(of({ metaData: { cloudInit: { secretRef } } }, { s: { a: "top", b: "secret" } })).join(),
    /metaData.*has none of the keys metadata, meta-data/,
  );
  const both = of({ userData: { cloudInit: { inline: "a" }, ignition: { inline: "{}" } } });
  assertMatch(problemsOf(both).join(), /^spec\.userData: has both cloudInit and ignition/);
  const twice = of({ userData: { ignition: { inline: "{}", secretRef } } }, { s: { ignition: "{}" } });
  assertMatch(problemsOf(twice).join(), /^spec\.userData\.ignition: has both inline and secretRef/);
  const large = of({ userData: { cloudInit: { inline: "x".repeat(1 << 20) + "topsecret" } } });
  assertMatch(problemsOf(large).join(), /at most 1048576 are allowed/);
  assertEquals(JSON.stringify([both, twice, large]).includes("topsecret"), false);
});
