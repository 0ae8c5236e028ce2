import { assertEquals, assertMatch } from "@virtrigaud/deps";
import { Canary } from "./canary.ts";

Deno.test("a canary is found as it is and in base64, wherever it stands, and nothing else is", () => {
  for (const before of ["", "a", "ab", "abc", "password: "]) {
    const canary = new Canary();
    canary.search("plain", `${before}${canary.word} and more`);
    canary.search("encoded", btoa(`${before}${canary.word} and more`));
    canary.search("innocent", btoa(`${before}${new Canary().word}`) + new Canary().word);
    assertEquals(canary.findings.map((finding) => finding.split(":")[0]), ["plain", "encoded"], before);
  }
});

Deno.test("a canary is found in a log file below a folder, and in the arguments of a process", async () => {
  const folder = await Deno.makeTempDir();
  const canary = new Canary();
  // It waits for its standard input before it looks at what comes next.
  const child = new Deno.Command("cat", { args: ["-", canary.word], stdin: "piped" }).spawn();
  try {
    await Deno.mkdir(`${folder}/logs`);
    await Deno.writeTextFile(`${folder}/logs/a.log`, `token=${canary.word}`);
    await Deno.writeTextFile(`${folder}/secret`, canary.word);
    assertEquals(canary.searchLogs(folder), 1);
    assertEquals(canary.findings.length, 1);
    assertMatch(canary.findings[0] ?? "", /logs\/a\.log: \.\.\.token=<the secret>/);
    canary.searchProcesses();
    assertMatch(canary.findings[1] ?? "", new RegExp(`^arguments of process ${child.pid}: .*cat - <the secret>$`));
  } finally {
    child.kill("SIGKILL");
    await child.stdin.close();
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
});
