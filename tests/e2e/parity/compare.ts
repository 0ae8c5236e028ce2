/** Comparing what two API servers answered. @module */

/** Where two answers differ. */
export interface Difference {
  /** What was asked. */
  readonly asked: string;
  /** Path in the answer, such as `body.metadata.generation`. */
  readonly at: string;
  /** What the real one has there; `undefined` for nothing. */
  readonly real: unknown;
  readonly embedded: unknown;
}

/** Every place where two answers differ; lists of one length are compared entry by entry. */
export function* differences(asked: string, real: unknown, embedded: unknown, at = ""): Generator<Difference> {
  if (Object.is(real, embedded)) return;
  const below = (key: string | number) => at === "" ? `${key}` : `${at}.${key}`;
  if (Array.isArray(real) && Array.isArray(embedded) && real.length === embedded.length) {
    for (const [index, value] of real.entries()) yield* differences(asked, value, embedded[index], below(index));
  } else if (isObject(real) && isObject(embedded)) {
    for (const key of new Set([...Object.keys(real), ...Object.keys(embedded)])) {
      yield* differences(asked, real[key], embedded[key], below(key));
    }
  } else if (JSON.stringify(real) !== JSON.stringify(embedded)) {
    yield { asked, at, real, embedded };
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists whose order means nothing, and what to sort them by. */
const UNORDERED: Readonly<Record<string, (item: unknown) => string>> = {
  managedFields: (item) => {
    const { manager, operation, subresource } = item as Readonly<Record<string, string>>;
    return `${manager} ${operation} ${subresource}`;
  },
  resources: (item) => String((item as Readonly<Record<string, unknown>>).name),
  verbs: String,
  causes: (item) => JSON.stringify(Object.entries(item as Readonly<Record<string, unknown>>).sort()),
};

/** Without what no two servers can have in common: UIDs, revisions, times and orders that mean nothing. */
export function comparable(value: unknown, key = ""): unknown {
  if (key === "uid" || key === "resourceVersion" || key === "continue") return value === "" ? "" : `<${key}>`;
  if (typeof value === "string") return comparableText(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item));
    const by = UNORDERED[key];
    return by === undefined ? items : items.sort((a, b) => by(a) < by(b) ? -1 : 1);
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    // An empty one and none both say that there is no more.
    .filter(([name, item]) => !(name === "continue" && item === ""))
    .map(([name, item]) => [name, comparable(item, name)]);
  return Object.fromEntries(entries);
}

/** The same in a text: a message, or what kubectl printed. */
export function comparableText(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uid>")
    .replace(/in record \(\d+\)/, "in record (<revision>)")
    .replace(/(resourceVersion: "|resourceVersion\\*":\\*"|Resource Version: +)\d+/g, "$1<revision>")
    .replace(/\/tmp\/([A-Z]+)-\d+/g, "/tmp/$1")
    .replace(/\d{4}-\d\d-\d\d [\d:.]+ \+0000/g, "<time>")
    .replace(/(?<=^| ) *\d+s(?= |$)/gm, "<age>");
}
