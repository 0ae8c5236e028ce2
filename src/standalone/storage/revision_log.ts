/** Durable, ordered log of object revisions in one SQLite file. @module */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { StorageError, type StorageErrorReason } from "./types.ts";

/** One row: the state of an object from `revision` on. */
export interface Revision {
  readonly revision: number;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly deleted: boolean;
  readonly json: string;
}

/** What one transaction forgets: the rows that nothing refers to any more, and the revision history then starts after. */
export interface Compaction {
  readonly through: number;
  readonly obsolete: readonly number[];
}

/** Options of {@linkcode RevisionLog.open}. */
export interface RevisionLogOptions {
  /** Largest database in bytes; a write beyond it is refused as `Full`. Default: no limit but the disk. */
  readonly maxBytes?: number;
}

const FORMAT = 1;
const PAGE = 4096;

/**
 * A multi-version log: one row per write, current state = newest row of a key. One insert makes a write durable, and
 * the same rows answer a watch that resumes after a restart.
 *
 * Guarantees: `append` returns after the data reached the disk (WAL with `synchronous=FULL`), or throws and nothing of
 * the batch is there. Every row has a checksum, because SQLite itself does not notice a flipped bit inside a value.
 * One process at a time: the exclusive lock dies with its owner, so that a crash leaves nothing to clean up.
 */
export class RevisionLog {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #insert: StatementSync;
  readonly #forget: StatementSync;
  readonly #setCompacted: StatementSync;

  private constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#path = path;
    this.#insert = db.prepare("INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#forget = db.prepare("DELETE FROM revisions WHERE revision = ?");
    this.#setCompacted = db.prepare("UPDATE meta SET value = ? WHERE key = 'compacted'");
  }

  /**
   * Opens or creates the database at `path` (`:memory:` keeps it in memory).
   *
   * @throws {StorageError} `Locked` when another process has it, `Corrupt` when it is no database of this format or a
   * check fails, `ReadOnly` when it cannot be written.
   */
  static open(path: string, options: RevisionLogOptions = {}): RevisionLog {
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(path);
      // EXCLUSIVE before WAL: the lock is then held from the first access on, and no shared-memory file is needed.
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; PRAGMA synchronous = FULL");
      db.prepare("PRAGMA journal_mode = WAL").get();
      if (options.maxBytes !== undefined) {
        db.exec(`PRAGMA max_page_count = ${Math.max(8, Math.floor(options.maxBytes / PAGE))}`);
      }
      db.exec("BEGIN EXCLUSIVE");
      db.exec("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT");
      db.exec(
        "CREATE TABLE IF NOT EXISTS revisions (revision INTEGER PRIMARY KEY, resource TEXT NOT NULL," +
          " namespace TEXT NOT NULL, name TEXT NOT NULL, deleted INTEGER NOT NULL, json TEXT NOT NULL," +
          " checksum INTEGER NOT NULL) STRICT",
      );
      db.exec(`INSERT OR IGNORE INTO meta VALUES ('format', ${FORMAT}), ('compacted', 0), ('opened', 0)`);
      // A real write, so that a read-only file is found now and not at the first request.
      db.exec("UPDATE meta SET value = value + 1 WHERE key = 'opened'");
      db.exec("COMMIT");
      const format = db.prepare("SELECT value FROM meta WHERE key = 'format'").get()?.value;
      if (format !== FORMAT) {
        throw new StorageError(
          "Corrupt",
          `opening database ${path}: format ${format}, this program reads format ${FORMAT}; use the program version that wrote it`,
        );
      }
      const check = Object.values(db.prepare("PRAGMA quick_check(1)").get() ?? {})[0];
      if (check !== "ok") throw damaged(path, String(check));
      return new RevisionLog(db, path);
    } catch (cause) {
      db?.close();
      const error = storageError(`opening database ${path}`, cause);
      if (error.reason !== "Failed" || !isReadOnly(path)) throw error;
      throw storageError(`opening database ${path}`, cause, READ_ONLY);
    }
  }

  /** Revision through which history was forgotten. */
  compacted(): number {
    return Number(this.#db.prepare("SELECT value FROM meta WHERE key = 'compacted'").get()?.value ?? 0);
  }

  /** All rows, oldest first. Throws `Corrupt` at the first one whose checksum is wrong. */
  *rows(): Generator<Revision> {
    try {
      for (const row of this.#db.prepare("SELECT * FROM revisions ORDER BY revision").iterate()) {
        const revision: Revision = {
          revision: Number(row.revision),
          resource: String(row.resource),
          namespace: String(row.namespace),
          name: String(row.name),
          deleted: row.deleted === 1,
          json: String(row.json),
        };
        if (checksum(revision) !== row.checksum) {
          throw damaged(this.#path, `checksum of revision ${revision.revision} is wrong`);
        }
        yield revision;
      }
    } catch (cause) {
      throw storageError(`reading database ${this.#path}`, cause);
    }
  }

  /** Writes a batch in one transaction; all of it is durable when this returns, none of it when this throws. */
  append(batch: readonly Revision[], compaction?: Compaction): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      for (const r of batch) {
        this.#insert.run(r.revision, r.resource, r.namespace, r.name, r.deleted ? 1 : 0, r.json, checksum(r));
      }
      if (compaction !== undefined) {
        for (const revision of compaction.obsolete) this.#forget.run(revision);
        this.#setCompacted.run(compaction.through);
      }
      this.#db.exec("COMMIT");
    } catch (cause) {
      try {
        this.#db.exec("ROLLBACK");
      } catch {
        // SQLite rolls back by itself on a full disk; there is nothing left to roll back then.
      }
      throw storageError(`writing ${batch.length} revision(s) to database ${this.#path}`, cause);
    }
  }

  /** Releases the file and its lock. */
  close(): void {
    this.#db.close();
  }
}

function checksum(r: Revision): number {
  return crc32(r.json, crc32(`${r.revision}/${r.resource}/${r.namespace}/${r.name}/${r.deleted}`));
}

function damaged(path: string, what: string): StorageError {
  return new StorageError(
    "Corrupt",
    `database ${path} is damaged: ${what}. Nothing was served from it. Restore a copy, or move the file away to start empty`,
  );
}

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that need an answer of their own. */
const REASONS: Readonly<Record<number, [StorageErrorReason, string]>> = {
  5: ["Locked", "another process has it open; stop that one or choose another data directory"],
  6: ["Locked", "another process has it open; stop that one or choose another data directory"],
  8: ["ReadOnly", "the file or its directory is read-only; make it writable for this user"],
  11: ["Corrupt", "the file is damaged; restore a copy, or move it away to start empty"],
  13: ["Full", "the disk or the size limit is full; free space, writes are accepted again then"],
  14: ["Failed", "the file cannot be opened; check that the directory exists and may be written"],
  26: ["Corrupt", "the file is not a database; move it away or choose another data directory"],
};

const READ_ONLY = 8;

/** The same by SQLite's own words, because `exec` of Deno's `node:sqlite` gives no result code. */
const WORDS: readonly (readonly [words: RegExp, code: number])[] = [
  [/disk is full/, 13],
  [/readonly/, READ_ONLY],
  [/locked/, 5],
  [/not a database/, 26],
  [/malformed/, 11],
];

function storageError(doing: string, cause: unknown, code = codeOf(cause)): StorageError {
  if (cause instanceof StorageError) return cause;
  const [reason, advice] = REASONS[code] ?? ["Failed", "see the cause"];
  return new StorageError(reason, `${doing}: ${messageOf(cause)} (${advice})`, { cause });
}

const messageOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause);

function codeOf(cause: unknown): number {
  const told = typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0;
  return told in REASONS ? told : WORDS.find(([words]) => words.test(messageOf(cause)))?.[1] ?? told;
}

/** On a read-only file system SQLite says "disk I/O error"; the file itself says it better. */
function isReadOnly(path: string): boolean {
  try {
    Deno.openSync(path, { write: true }).close();
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && (error.code === "EROFS" || error.code === "EACCES");
  }
}
