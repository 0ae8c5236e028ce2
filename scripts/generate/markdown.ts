/** The little Markdown that generated pages need. @module */

/** First line of every generated page. */
export const NOTICE = "<!-- Made by `deno task generate` from src/api; do not edit. -->\n";

/** `text` fit for a cell of a table. */
export const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
/** `text` as code in a cell of a table. */
export const code = (text: string): string => `\`${cell(text)}\``;
/** One row of a table. */
export const row = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
/** Head of a table. */
export const head = (...cells: readonly string[]): string => row(...cells) + row(...cells.map(() => "---"));
