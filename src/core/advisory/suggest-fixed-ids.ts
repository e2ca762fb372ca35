/** What a changelog suggests, and never proves. */
export type Suggestion =
  | { readonly kind: "suggested"; readonly ids: readonly { readonly id: string; readonly version: string }[] }
  | { readonly kind: "unknown"; readonly reason: string };

const heading = /^([a-z0-9][a-z0-9+.-]*) \(([^)\s]+)\) [^;]*;/;
const identifier = /\bCVE-\d{4}-\d{4,}\b/g;
/** Words of an item that takes a patch away, or says that it does not matter here. */
const dropped =
  /\b(?:drop(?:s|ped|ping)?|revert(?:s|ed|ing)?|remov(?:e|es|ed|ing)|back(?:s|ed|ing)? out|disabl(?:e|es|ed|ing)|unappl(?:y|ied)|postpon(?:e|es|ed)|regressions?|not(?: yet)? (?:affect(?:ed)?|vulnerable|fixed|applicable)|unaffected|no longer (?:needed|applies|required)|ignor(?:e|es|ed|ing))\b/i;
const maxEntries = 10_000;

/**
 * The CVEs that a source package's changelog names between `installed` (exclusive) and `next` (inclusive), each with the
 * version that names it. Unknown where the installed version is not in the text: it may be cut off, or another branch's.
 * Items that drop or revert a patch are left out with all below them. Debian Policy 4.4.
 */
export function suggestFixedIds(changelog: string, installed: string, next: string): Suggestion {
  const entries = splitEntries(changelog);
  const last = entries.findIndex(({ version }) => version === installed);
  if (last < 0) return { kind: "unknown", reason: `the changelog does not name the installed version ${installed}` };
  const first = entries.findIndex(({ version }) => version === next);
  if (first < 0) return { kind: "unknown", reason: `the changelog does not name the new version ${next}` };
  const found = new Map<string, string>();
  for (const { version, lines } of entries.slice(first, last).reverse())
    for (const item of keptItems(lines))
      for (const [id] of item.matchAll(identifier)) if (!found.has(id)) found.set(id, version);
  const ids = [...found].map(([id, version]) => ({ id, version })).sort((a, b) => (a.id < b.id ? -1 : 1));
  return { kind: "suggested", ids };
}

interface Entry {
  readonly version: string;
  readonly lines: string[];
}

function splitEntries(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split("\n")) {
    const version = heading.exec(line)?.[2];
    if (version !== undefined && entries.length < maxEntries) entries.push({ version, lines: [] });
    else entries.at(-1)?.lines.push(line);
  }
  return entries;
}

/** The text of every item that takes nothing away; an item is a line with a bullet and the deeper lines that follow it. */
function keptItems(lines: readonly string[]): string[] {
  const items: { indent: number; text: string }[] = [];
  for (const line of lines) {
    if (line.trim() === "" || line.startsWith(" -- ")) continue;
    const indent = line.length - line.trimStart().length;
    const open = items.at(-1);
    if (/^\s*[*+-]\s/.test(line) || open === undefined || indent < open.indent)
      items.push({ indent, text: line.trim() });
    else open.text += ` ${line.trim()}`;
  }
  const kept: string[] = [];
  let below: number | undefined;
  for (const { indent, text } of items) {
    if (below !== undefined && indent > below) continue;
    below = dropped.test(text) ? indent : undefined;
    if (below === undefined) kept.push(text);
  }
  return kept;
}
