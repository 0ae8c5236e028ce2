/** What `deno task generate` runs and what the test against stale files compares. @module */

/** One file that is made from a source and never edited by hand. */
export interface GeneratedFile {
  /** Path from the root of the project. */
  readonly path: string;
  readonly text: string;
}

/** Makes the files of one part. */
export interface Generator {
  readonly name: string;
  /** Folders that hold files of this generator and nothing else; what is left over there is stale. */
  readonly owns: readonly string[];
  readonly files: () => GeneratedFile[];
}
