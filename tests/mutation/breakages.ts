/** Deliberate breakages of the promises, each with the test that has to notice. @module */

/** One change of one file. */
export interface Edit {
  readonly file: string;
  /** Text that occurs once. */
  readonly from: string;
  readonly to: string;
}

/** A promise broken on purpose. */
export interface Breakage {
  readonly name: string;
  readonly edit: Edit;
  /** The test that has to fail: its file and its name. */
  readonly caughtBy: { readonly file: string; readonly test: string };
}

const FAULTS = "tests/fault/fault_test.ts";
const CRASHES = "tests/crash/crash_test.ts";
const killedIn = (scenario: string) => ({
  file: CRASHES,
  test: `killed at any point of ${scenario}, the system ends as asked, with nothing doubled or left over`,
});

/** The breakages, by the promise that they break. */
export const BREAKAGES: readonly Breakage[] = [
  {
    name: "the identity is not written at birth",
    edit: {
      file: "providers/mock/hypervisor/lifecycle.ts",
      from: "    ownerUid: operation.ownerUid,\n    owner: operation.owner,\n    power",
      to: "    owner: operation.owner,\n    power",
    },
    caughtBy: killedIn("create"),
  },
  {
    name: "the finalizer is dropped when the provider cannot be reached",
    edit: {
      file: "src/controllers/virtual_machine/decide_deletion.ts",
      from: "return hold(input, ledger, unreachableVerdict(input, machine.message));",
      to: 'return { step: { type: "RemoveFinalizer" } };',
    },
    caughtBy: killedIn("delete"),
  },
  {
    name: "the task is not persisted",
    edit: {
      file: "src/controllers/virtual_machine/conclude.ts",
      from: "        taskRef: outcome.task.id,\n",
      to: "",
    },
    caughtBy: {
      file: FAULTS,
      test: "every promise holds when the spec changes while Create is asked for, whose task fails",
    },
  },
  {
    name: "a resync writes",
    edit: {
      file: "src/runtime/status.ts",
      from: "    if (sameJson(object.status, status)) return object;\n",
      to: "    sameJson(object.status, status);\n",
    },
    caughtBy: { file: FAULTS, test: "without faults a VM becomes Ready, is changed and stays so" },
  },
  {
    name: "a question without an answer counts as absence",
    edit: {
      file: "src/controllers/virtual_machine/reconciler.ts",
      from: 'machine: { type: "Unreachable", message: answer.message, asked: true } };\n      return undefined;',
      to: 'machine: { type: "Absent", proven: true } };\n      return undefined;',
    },
    caughtBy: {
      file: FAULTS,
      test: "every promise holds when Delete and every question about it time out for a while",
    },
  },
  {
    name: "the lease of another is ignored",
    edit: {
      file: "src/runtime/leader.ts",
      from: '    if (holder !== "" && holder !== identity && !this.#silent(lease)) return { held: false, holder };\n',
      to: "",
    },
    caughtBy: {
      file: "src/runtime/leader_test.ts",
      test: "the first to come leads and renews; the second stands by",
    },
  },
  {
    name: "an old leader's fence is accepted",
    edit: {
      file: "src/contract/server/operations.ts",
      from: "if (operation.fence < this.#fence) return",
      to: "if (operation.fence < 0) return",
    },
    caughtBy: {
      file: "src/contract/server/operations_test.ts",
      test: "an older fence is refused, whatever the operation did before; a newer one shuts the older out",
    },
  },
  {
    name: "a create that its manager has given up is carried out",
    edit: {
      file: "src/contract/server/operations.ts",
      from: "turn === undefined || !isEarlier(turn, asked)) return undefined;",
      to: "turn === undefined || turn.fence >= 0) return undefined;",
    },
    caughtBy: {
      file: "src/contract/server/operations_test.ts",
      test: "what was to be made before its absence was asked about is not made any more",
    },
  },
  {
    name: "a VM is taken over by its name",
    edit: {
      file: "providers/mock/hypervisor/lifecycle.ts",
      from: "const existing = world.store.vmByOwner(request.operation.ownerUid);",
      to:
        "const existing = world.store.vmByOwner(request.operation.ownerUid) ?? world.store.vmByName(request.spec.name);",
    },
    caughtBy: {
      file: "providers/mock/provider_test.ts",
      test: "a name that is taken is a NameConflict and leaves nothing behind",
    },
  },
  {
    name: "a secret shows in JSON",
    edit: {
      file: "src/telemetry/secret.ts",
      from: "  toJSON(): string {\n    return REDACTED;",
      to: "  toJSON(): string {\n    return String(this.#value);",
    },
    caughtBy: {
      file: "src/telemetry/secret_test.ts",
      test: "a secret prints as redacted everywhere and reveals only on request",
    },
  },
  {
    name: "a write is acknowledged before it is durable",
    edit: {
      file: "src/standalone/storage/store.ts",
      from: "return this.#flush?.promise ?? Promise.resolve();",
      to: "return Promise.resolve();",
    },
    caughtBy: { file: "src/standalone/storage/store_test.ts", test: "what was acknowledged survives kill -9" },
  },
];
