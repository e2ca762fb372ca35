import { printable } from "../../lib/index.ts";

/** Comments on pull requests may have 65,536 characters. */
const longest = 60_000;
const longestCode = 200;

/** The first lines of a document that fit into a comment on a pull request, and a word where some do not. */
export function cutLines(lines: readonly string[]): string[] {
  let used = 0;
  const kept: string[] = [];
  for (const line of lines) {
    used += line.length + 1;
    if (used > longest) return [...kept, "", "The rest was cut off: the report is too long for a comment."];
    kept.push(line);
  }
  return kept;
}

/**
 * Text of somebody else in a code span, where it is neither markup, nor a link, nor a mention; what would end the span, or the cell of a table, is shown as `\u{60}`. A dash for what is empty. GitHub Flavored
 * Markdown, 6.1 and 4.10.
 */
export function codeSpan(text: string): string {
  const cut = text.length > longestCode ? `${text.slice(0, longestCode)}…` : text;
  const shown = printable(cut)
    .replaceAll(/[`|]/g, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`)
    .trim();
  return shown === "" ? "–" : `\`${shown}\``;
}

/** The lines of a table with an empty one after it; cells are Markdown. Nothing without rows; those beyond `most` are counted. */
export function markdownTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  most: number = 200,
): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const more = rows.length - most;
  return [
    line(titles),
    line(titles.map(() => "---")),
    ...rows.slice(0, most).map(line),
    "",
    ...(more > 0 ? [`And ${more} more.`, ""] : []),
  ];
}
