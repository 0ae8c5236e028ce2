import { assertEquals, assertStringIncludes } from "@virtrigaud/deps";
import { FakeClock } from "@virtrigaud/resilience";
import { createLogger, type LoggerOptions } from "./logger.ts";
import { redact } from "./redact.ts";
import { Secret } from "./secret.ts";

function recorded(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const clock = new FakeClock();
  return { lines, clock, log: createLogger({ clock, sink: (line) => lines.push(line), ...options }) };
}

Deno.test("a JSON line has time, level, message, bound fields and its own, and cannot be forged by fields", () => {
  const { lines, log } = recorded();
  log.with({ provider: "default/lab" }).info("created", { vm: "web", level: "error" });
  assertEquals(lines.map((line) => JSON.parse(line)), [{
    time: "2030-01-01T00:00:00.000Z",
    level: "info",
    message: "created",
    provider: "default/lab",
    vm: "web",
    level_: "error",
  }]);
});

Deno.test("lines below the level are dropped", () => {
  const { lines, log } = recorded({ level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assertEquals(lines.map((line) => JSON.parse(line).message), ["c", "d"]);
});

Deno.test("a text line stays one line", () => {
  const { lines, log } = recorded({ format: "text" });
  log.info("first\nsecond", { vm: "web", reason: "two words\nand a line" });
  assertEquals(lines, [
    '2030-01-01T00:00:00.000Z INFO  first second vm=web reason="two words\\nand a line"',
  ]);
});

const CANARY = "c4n4ry-hunter2";

Deno.test("no secret reaches a line, under whatever name, at whatever depth, in whatever text", () => {
  const { lines, log } = recorded();
  const pem = `-----BEGIN RSA PRIVATE KEY-----\n${CANARY}\n-----END RSA PRIVATE KEY-----`;
  const keys = [
    "password",
    "rootPassword",
    "passwd",
    "Passphrase",
    "secret",
    "clientSecret",
    "token",
    "accessToken",
    "api_token",
    "Authorization",
    "cookie",
    "privateKey",
    "ssh_private_key",
    "credentials",
    "apiKey",
    "accessKey",
    "userData",
    "user_data",
    "metaData",
    "networkConfig",
    "ignition",
    "keyPem",
  ];
  for (const key of keys) {
    log.info("by key", { [key]: CANARY });
    log.info("deep", { a: [{ b: { [key]: { value: CANARY } } }] });
  }
  log.info("wrapped", { anything: new Secret(CANARY), list: [new Secret({ deep: CANARY })] });
  log.info("bytes", { seed: new TextEncoder().encode(CANARY) });
  log.info("map", { values: new Map([["password", CANARY]]) });
  for (
    const text of [
      pem,
      `tls: ${pem.slice(0, 60)}`,
      `Authorization: Bearer ${CANARY}`,
      `qemu+ssh://root:${CANARY}@host/system`,
      `login failed: password=${CANARY}`,
      `{"password": "${CANARY}"}`,
      `PVEAPIToken=root@pam!ci=${CANARY}`,
    ]
  ) {
    log.error(text);
    log.error("in a field", { detail: text });
    log.error("in an error", { error: new Error(text, { cause: new Error(text) }) });
  }
  assertEquals(lines.filter((line) => line.includes(CANARY)), []);
  assertEquals(lines.length, keys.length * 2 + 3 + 7 * 3);
});

Deno.test("names that only sound secret are shown", () => {
  const fields = {
    secretRef: "esx-credentials",
    secretName: "esx",
    tokenType: "Bearer",
    keyName: "k",
    password: "",
    passthrough: "yes",
    metadata: { name: "vm" },
    nextPageToken: null,
  };
  assertEquals(redact(fields), fields);
});

Deno.test("cycles, depth, length and strange values do not break a line", () => {
  const cycle: Record<string, unknown> = { big: 2n ** 70n, f: () => 1, date: new Date(0), nan: new Date(NaN) };
  cycle.self = cycle;
  const { lines, log } = recorded();
  log.info("odd", { cycle, long: "x".repeat(100_000), many: Array.from({ length: 1000 }, (_, i) => i) });
  const line = JSON.parse(lines[0] ?? "");
  assertEquals([line.cycle.self, line.cycle.big, line.many.length, line.cycle.nan], [
    "[cycle]",
    "1180591620717411303424",
    101,
    "[invalid date]",
  ]);
  assertEquals((lines[0] ?? "").length < 10_000, true);
});

Deno.test("an error shows what it carries and what caused it", () => {
  const { lines, log } = recorded();
  log.error("failed", {
    error: Object.assign(new Error("outer", { cause: new TypeError("inner") }), { class: "Conflict" }),
  });
  const { error } = JSON.parse(lines[0] ?? "");
  assertEquals([error.name, error.message, error.class, error.cause.name, error.cause.message], [
    "Error",
    "outer",
    "Conflict",
    "TypeError",
    "inner",
  ]);
  assertStringIncludes(error.stack, "logger_test.ts");
});

Deno.test("sampling keeps the first hundred equal messages of a second and then every hundredth, but all warnings", async () => {
  const { lines, log, clock } = recorded({ sampling: true });
  for (let i = 0; i < 350; i++) log.info("same");
  for (let i = 0; i < 150; i++) log.warn("trouble");
  assertEquals([lines.filter((l) => l.includes("same")).length, lines.filter((l) => l.includes("trouble")).length], [
    102,
    150,
  ]);
  await clock.advance(1000);
  log.info("same");
  assertEquals(lines.filter((line) => line.includes("same")).length, 103);
});
