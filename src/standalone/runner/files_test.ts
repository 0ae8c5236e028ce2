import { assertEquals } from "@virtrigaud/deps";
import { join } from "node:path";
import { publish } from "./files.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function visible(folder: string): Record<string, string> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !name.startsWith("."));
  return Object.fromEntries(names.sort().map((name) => [name, Deno.readTextFileSync(join(folder, name))]));
}

Deno.test("a folder shows the newest version whole: changed, added and removed keys at once", async () => {
  const folder = join(await Deno.makeTempDir(), "creds");
  try {
    await publish(folder, new Map([["user", bytes("a")], ["password", bytes("old")]]));
    assertEquals(visible(folder), { user: "a", password: "old" });
    await publish(folder, new Map([["password", bytes("new")], ["token", bytes("t")]]));
    assertEquals(visible(folder), { password: "new", token: "t" });
    const versions = [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith(".data-"));
    assertEquals(versions.length, 1, "old versions are taken away");
    assertEquals(Deno.statSync(join(folder, "token")).mode, 0o100600);
  } finally {
    await Deno.remove(join(folder, ".."), { recursive: true });
  }
});

Deno.test("a key cannot leave the folder", async () => {
  const root = await Deno.makeTempDir();
  try {
    await publish(
      join(root, "creds"),
      new Map([["../escaped", bytes("x")], [".data", bytes("x")], ["ok", bytes("y")]]),
    );
    assertEquals(visible(join(root, "creds")), { ok: "y" });
    assertEquals([...Deno.readDirSync(root)].map(({ name }) => name), ["creds"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
