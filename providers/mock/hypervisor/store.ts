/** The hypervisor's memory: tables, transactions and the effect log. @module */
import type { Effect, TableName, Tables } from "./model.ts";

/** One write: a record, or `undefined` for its removal. */
export interface Write {
  readonly table: TableName;
  readonly id: string;
  readonly record: Tables[TableName] | undefined;
  /** What was there before; not in journals. */
  readonly previous?: Tables[TableName] | undefined;
}

/** What one transaction did. */
export interface Commit {
  readonly writes: readonly Write[];
  readonly effects: readonly Effect[];
}

/** Where commits go so that they survive the process. `append` returns when they do. */
export interface Journal {
  /** All commits so far, oldest first. */
  load(): Iterable<Commit>;
  append(commit: Commit): void;
  /** Replaces everything so far by `commit`, which says the same in fewer words. */
  replace(commit: Commit): void;
  close(): void;
}

const tableNames: readonly TableName[] = [
  "vms",
  "volumes",
  "images",
  "snapshots",
  "tasks",
  "operations",
  "leases",
  "transfers",
  "counters",
];

type Shelf = { [T in TableName]: Map<string, Tables[T]> };

/** Effects kept in memory; older ones are dropped. */
const MAX_EFFECTS = 100_000;
/** Commits after which the journal is made compact. */
const COMPACT_AFTER = 20_000;

/**
 * Tables of immutable records. A change happens in {@linkcode Store.transaction}, as a whole or not at all, and is in
 * the journal before the transaction returns.
 */
export class Store {
  readonly #shelf: Shelf = {
    vms: new Map(),
    volumes: new Map(),
    images: new Map(),
    snapshots: new Map(),
    tasks: new Map(),
    operations: new Map(),
    leases: new Map(),
    transfers: new Map(),
    counters: new Map(),
  };
  readonly #vmsByOwner = new Map<string, Set<string>>();
  readonly #vmByName = new Map<string, string>();
  readonly #effects: Effect[] = [];
  #effectNumber = 0;
  readonly #journal: Journal | undefined;
  readonly #onCommit: (commit: Commit) => void;
  #appended = 0;
  #open: { writes: Write[]; effects: Effect[]; undo: (() => void)[] } | undefined;

  constructor(options: { readonly journal?: Journal; readonly onCommit: (commit: Commit) => void }) {
    this.#journal = options.journal;
    this.#onCommit = options.onCommit;
    for (const commit of options.journal?.load() ?? []) {
      for (const { table, id, record } of commit.writes) this.#write(table, id, record);
      for (const effect of commit.effects) this.#log(effect);
    }
    options.journal?.replace(this.#everything());
  }

  get<T extends TableName>(table: T, id: string): Tables[T] | undefined {
    return this.#table(table).get(id);
  }

  /** All records of a table, in the order of their first writing. */
  list<T extends TableName>(table: T): IterableIterator<Tables[T]> {
    return this.#table(table).values();
  }

  count(table: TableName): number {
    return this.#table(table).size;
  }

  /** The VM with this mark. */
  vmByOwner(ownerUid: string): Tables["vms"] | undefined {
    const id = this.#vmsByOwner.get(ownerUid)?.values().next().value;
    return id === undefined ? undefined : this.get("vms", id);
  }

  vmByName(name: string): Tables["vms"] | undefined {
    const id = this.#vmByName.get(name);
    return id === undefined ? undefined : this.get("vms", id);
  }

  /** The latest effects, oldest first. */
  get effects(): readonly Effect[] {
    return this.#effects;
  }

  /** Runs `change`; what it wrote stands when it returns and is undone when it throws. Nested calls join the outer. */
  transaction<R>(change: () => R): R {
    if (this.#open !== undefined) return change();
    const open = { writes: [] as Write[], effects: [] as Effect[], undo: [] as (() => void)[] };
    this.#open = open;
    let result: R;
    try {
      result = change();
      if (open.writes.length > 0 || open.effects.length > 0) this.#keep(open);
    } catch (error) {
      for (const undo of open.undo.reverse()) undo();
      throw error;
    } finally {
      this.#open = undefined;
    }
    if (open.writes.length > 0) this.#onCommit(open);
    return result;
  }

  put<T extends TableName>(table: T, record: Tables[T]): void {
    this.#change(table, record.id, record);
  }

  delete(table: TableName, id: string): void {
    if (this.get(table, id) !== undefined) this.#change(table, id, undefined);
  }

  /** Notes a change of state in the effect log. */
  effect(type: string, subject: string, detail?: string): void {
    const open = this.#transactionOrThrow();
    const effect: Effect = { number: this.#effectNumber + 1, type, subject, ...detail === undefined ? {} : { detail } };
    this.#log(effect);
    open.effects.push(effect);
    open.undo.push(() => {
      this.#effects.pop();
      this.#effectNumber--;
    });
  }

  /** Adds one to a counter and returns it. */
  next(counter: string): number {
    const value = (this.get("counters", counter)?.value ?? 0) + 1;
    this.put("counters", { id: counter, value });
    return value;
  }

  close(): void {
    this.#journal?.close();
  }

  #keep(commit: Commit): void {
    if (this.#journal === undefined) return;
    if (++this.#appended < COMPACT_AFTER) return this.#journal.append(commit);
    this.#appended = 0;
    this.#journal.replace(this.#everything());
  }

  #everything(): Commit {
    const writes = tableNames.flatMap((table) =>
      [...this.#table(table)].map(([id, record]): Write => ({ table, id, record }))
    );
    return { writes, effects: this.#effects };
  }

  #table<T extends TableName>(table: T): Map<string, Tables[T]> {
    return this.#shelf[table];
  }

  #change(table: TableName, id: string, record: Tables[TableName] | undefined): void {
    const open = this.#transactionOrThrow();
    const before = this.get(table, id);
    this.#write(table, id, record);
    open.writes.push({ table, id, record, previous: before });
    open.undo.push(() => this.#write(table, id, before));
  }

  #write(table: TableName, id: string, record: Tables[TableName] | undefined): void {
    if (table === "vms") this.#index(id, record as Tables["vms"] | undefined);
    const shelf = this.#shelf[table] as Map<string, Tables[TableName]>;
    if (record === undefined) shelf.delete(id);
    else shelf.set(id, record);
  }

  #index(id: string, record: Tables["vms"] | undefined): void {
    const before = this.get("vms", id);
    if (before !== undefined) {
      this.#vmByName.delete(before.name);
      const siblings = this.#vmsByOwner.get(before.ownerUid ?? "");
      if (before.ownerUid !== record?.ownerUid && siblings?.delete(id) && siblings.size === 0) {
        this.#vmsByOwner.delete(before.ownerUid ?? "");
      }
    }
    if (record !== undefined) {
      this.#vmByName.set(record.name, id);
      if (record.ownerUid !== undefined) {
        const siblings = this.#vmsByOwner.get(record.ownerUid);
        if (siblings === undefined) this.#vmsByOwner.set(record.ownerUid, new Set([id]));
        else siblings.add(id);
      }
    }
  }

  #log(effect: Effect): void {
    this.#effectNumber = effect.number;
    this.#effects.push(effect);
    if (this.#effects.length > MAX_EFFECTS) this.#effects.shift();
  }

  #transactionOrThrow() {
    if (this.#open === undefined) throw new Error("the hypervisor's memory is only changed inside a transaction");
    return this.#open;
  }
}
