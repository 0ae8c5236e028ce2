/** Sets of paths: who owns which fields. @module */
import { RequestError } from "../errors.ts";
import { isObject, type JsonObject, type JsonValue } from "../types.ts";
import { decodeStep, encodeStep, type Step } from "./path.ts";

/** One branch of a {@linkcode FieldSet}. */
interface Branch {
  readonly step: Step;
  /** Whether the path that ends here is itself a member. */
  readonly member: boolean;
  readonly below: FieldSet;
}

const ORDER = ["f", "k", "v", "i"];
const byStep = ([a]: [string, Branch], [b]: [string, Branch]): number =>
  ORDER.indexOf(a[0] ?? "") - ORDER.indexOf(b[0] ?? "") || (a < b ? -1 : 1);

/** An immutable set of paths, stored as a tree. */
export class FieldSet {
  static readonly empty = new FieldSet(new Map());

  private constructor(private readonly branches: ReadonlyMap<string, Branch>) {}

  /** A set made step by step; the branches of equal steps must not repeat. */
  static of(branches: Iterable<Branch>): FieldSet {
    const map = new Map<string, Branch>();
    for (const branch of branches) {
      if (branch.member || !branch.below.isEmpty) map.set(encodeStep(branch.step), branch);
    }
    return map.size === 0 ? FieldSet.empty : new FieldSet(map);
  }

  /** The set of the single path `steps`. */
  static path([step, ...rest]: readonly Step[]): FieldSet {
    if (step === undefined) return FieldSet.empty;
    return FieldSet.of([{ step, member: rest.length === 0, below: FieldSet.path(rest) }]);
  }

  get isEmpty(): boolean {
    return this.branches.size === 0;
  }
  /** Whether the path of the one step `step` is a member. */
  has(step: Step): boolean {
    return this.branches.get(encodeStep(step))?.member === true;
  }
  /** What lies below `step`. */
  below(step: Step): FieldSet {
    return this.branches.get(encodeStep(step))?.below ?? FieldSet.empty;
  }

  /** Combines two sets branch by branch; `keep` decides over membership. */
  #combine(other: FieldSet, keep: (a: boolean, b: boolean) => boolean): FieldSet {
    const combined: Branch[] = [];
    for (const text of new Set([...this.branches.keys(), ...other.branches.keys()])) {
      const a = this.branches.get(text);
      const b = other.branches.get(text);
      const { step } = a ?? b ?? {};
      if (step === undefined) continue;
      combined.push({
        step,
        member: keep(a?.member === true, b?.member === true),
        below: (a?.below ?? FieldSet.empty).#combine(b?.below ?? FieldSet.empty, keep),
      });
    }
    return FieldSet.of(combined);
  }
  union(other: FieldSet): FieldSet {
    if (other.isEmpty) return this;
    return this.isEmpty ? other : this.#combine(other, (a, b) => a || b);
  }
  intersection(other: FieldSet): FieldSet {
    return this.isEmpty || other.isEmpty ? FieldSet.empty : this.#combine(other, (a, b) => a && b);
  }
  difference(other: FieldSet): FieldSet {
    return this.isEmpty || other.isEmpty ? this : this.#combine(other, (a, b) => a && !b);
  }
  /** Without the members of `other` and everything below them. */
  without(other: FieldSet): FieldSet {
    if (other.isEmpty) return this;
    return FieldSet.of([...this.branches].flatMap(([text, branch]) => {
      const cut = other.branches.get(text);
      if (cut?.member) return [];
      return [cut ? { ...branch, below: branch.below.without(cut.below) } : branch];
    }));
  }
  /** Adds membership to branches that `wanted` names, depth first; `descend` gives the context below a step. */
  promote<C>(
    context: C,
    wanted: (step: Step, context: C) => boolean,
    descend: (step: Step, context: C) => C,
  ): FieldSet {
    return FieldSet.of([...this.branches.values()].map((branch) => ({
      step: branch.step,
      member: branch.member || (!branch.below.isEmpty && wanted(branch.step, context)),
      below: branch.below.promote(descend(branch.step, context), wanted, descend),
    })));
  }
  equals(other: FieldSet): boolean {
    return this.branches.size === other.branches.size &&
      [...this.branches].every(([text, a]) => {
        const b = other.branches.get(text);
        return b !== undefined && a.member === b.member && a.below.equals(b.below);
      });
  }

  /** All member paths, in the order of `FieldsV1`. */
  *paths(prefix: readonly Step[] = []): Generator<readonly Step[]> {
    for (const [, { step, member, below }] of [...this.branches].sort(byStep)) {
      const path = [...prefix, step];
      if (member) yield path;
      yield* below.paths(path);
    }
  }

  /** The set in `FieldsV1`: `{"f:spec":{"f:cpu":{}}}`; a member with members below it carries `".": {}`. */
  encode(): JsonObject {
    const result: JsonObject = {};
    for (const [text, { member, below }] of [...this.branches].sort(byStep)) {
      result[text] = member && !below.isEmpty ? { ".": {}, ...below.encode() } : below.encode();
    }
    return result;
  }

  /**
   * Reads `FieldsV1`.
   *
   * @throws {RequestError} 400 when it is none
   */
  static decode(fields: JsonValue): FieldSet {
    if (!isObject(fields)) {
      throw new RequestError(400, "BadRequest", "metadata.managedFields: fieldsV1 must be an object of objects");
    }
    return FieldSet.of(
      Object.entries(fields).filter(([text]) => text !== ".").map(([text, value]) => {
        const below = FieldSet.decode(value);
        const member = below.isEmpty || (isObject(value) && Object.hasOwn(value, "."));
        return { step: decodeStep(text), member, below };
      }),
    );
  }
}
