/** Reads the text format that Prometheus scrapes. @module */

/** A family with its samples. */
export interface Family {
  readonly type: string;
  readonly samples: { readonly name: string; readonly labels: string; readonly value: string }[];
}

/** Families by name; those without a sample, too. */
export function familiesOf(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: Family = { type: "untyped", samples: [] };
  for (const line of text.split("\n")) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) {
      const name = type[1] ?? "";
      current = families.get(name) ?? { type: type[2] ?? "untyped", samples: [] };
      families.set(name, current);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample !== null) {
      current.samples.push({ name: sample[1] ?? "", labels: sample[2] ?? "", value: sample[3] ?? "0" });
    }
  }
  return families;
}
