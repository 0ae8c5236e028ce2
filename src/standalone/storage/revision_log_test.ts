import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertStringIncludes, assertThrows } from "@virtrigaud/deps";
import { type Revision, RevisionLog } from "./revision_log.ts";
import { StorageError } from "./types.ts";

function inFolder(test: (path: string) => void): () => void {
  return () => {
    const folder = Deno.makeTempDirSync();
    try {
      test(`${folder}/state.db`);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const row = (revision: number, json = `{"n":${revision}}`): Revision => ({
  revision,
  resource: "widgets",
  namespace: "default",
  name: `w${revision}`,
  deleted: false,
  json,
});

function refused(open: () => unknown): StorageError {
  return assertThrows(open, StorageError);
}

Deno.test(
  "what was appended is there after reopening, in order",
  inFolder((path) => {
    const log = RevisionLog.open(path);
    log.append([row(1), row(2)]);
    log.append([row(3)], { through: 2, obsolete: [1] });
    log.close();
    const again = RevisionLog.open(path);
    assertEquals([...again.rows()].map((r) => r.revision), [2, 3]);
    assertEquals(again.compacted(), 2);
    again.close();
  }),
);

Deno.test(
  "a second opener is refused while the first is alive, and let in afterwards",
  inFolder((path) => {
    const first = RevisionLog.open(path);
    const error = refused(() => RevisionLog.open(path));
    assertEquals(error.reason, "Locked");
    assertStringIncludes(error.message, path);
    first.close();
    RevisionLog.open(path).close();
  }),
);

Deno.test(
  "a file that is no database is refused and left alone",
  inFolder((path) => {
    const content = "certainly not a database ".repeat(400);
    Deno.writeTextFileSync(path, content);
    assertEquals(refused(() => RevisionLog.open(path)).reason, "Corrupt");
    assertEquals(Deno.readTextFileSync(path), content);
  }),
);

Deno.test(
  "a database whose pages were overwritten is refused",
  inFolder((path) => {
    const log = RevisionLog.open(path);
    log.append(Array.from({ length: 500 }, (_, i) => row(i + 1, JSON.stringify({ pad: "x".repeat(200) }))));
    log.close();
    const file = Deno.openSync(path, { read: true, write: true });
    file.seekSync(8192, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(4096).fill(0xa5));
    file.close();
    assertEquals(
      refused(() => {
        const again = RevisionLog.open(path);
        try {
          [...again.rows()];
        } finally {
          again.close();
        }
      }).reason,
      "Corrupt",
    );
  }),
);

Deno.test(
  "a value that changed behind SQLite's back is refused by its checksum",
  inFolder((path) => {
    const log = RevisionLog.open(path);
    log.append([row(1, '{"cpu":2}')]);
    log.close();
    const db = new DatabaseSync(path);
    db.exec(`UPDATE revisions SET json = '{"cpu":3}'`);
    db.close();
    const again = RevisionLog.open(path);
    const error = refused(() => [...again.rows()]);
    again.close();
    assertEquals(error.reason, "Corrupt");
    assertStringIncludes(error.message, "revision 1");
  }),
);

Deno.test(
  "a database of another format is refused by number",
  inFolder((path) => {
    RevisionLog.open(path).close();
    const db = new DatabaseSync(path);
    db.exec("UPDATE meta SET value = 99 WHERE key = 'format'");
    db.close();
    assertStringIncludes(refused(() => RevisionLog.open(path)).message, "format 99");
  }),
);

Deno.test(
  "a batch that does not fit is refused whole, and smaller ones go on",
  inFolder((path) => {
    const log = RevisionLog.open(path, { maxBytes: 64 * 1024 });
    log.append([row(1)]);
    const error = refused(() => log.append([row(2), row(3, JSON.stringify({ pad: "x".repeat(200_000) }))]));
    assertEquals(error.reason, "Full");
    log.append([row(2)]);
    assertEquals([...log.rows()].map((r) => r.revision), [1, 2]);
    log.close();
  }),
);

Deno.test("a folder that does not exist is named", () => {
  const error = refused(() => RevisionLog.open("/nonexistent-folder/state.db"));
  assertStringIncludes(error.message, "/nonexistent-folder/state.db");
});
