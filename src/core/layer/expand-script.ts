const maxDepth = 6;
const maxLine = 8192;
const maxLines = 500;
const maxValues = 500;

/**
 * The lines of a shell script that hold `what`, with each variable that the script gives one plain value put in, once for every
 * round of a `for` over words around it. No branch is decided, no command is run; what cannot be told stays as it stands.
 */
export function expandLines(lines: readonly string[], what: string): string[] {
  const values = readAssignments(lines);
  const loops: ({ readonly name: string; readonly words: readonly string[] } | undefined)[] = [];
  const expanded: string[] = [];
  for (const line of lines) {
    const loop = readLoop(line);
    if (loop !== undefined) {
      const words = expand(loop.words, values)
        .split(/\s+/)
        .filter((word) => word !== "");
      loops.push({ name: loop.name, words });
    } else if (/^\s*(?:while|until|for)\b(?!.*\bdone\b)/.test(line)) loops.push(undefined);
    else if (/^\s*done\b/.test(line)) loops.pop();
    if (!line.includes(what)) continue;
    let rounds: ReadonlyMap<string, string>[] = [values];
    for (const each of loops) {
      if (each === undefined) continue;
      rounds = rounds.flatMap((round) => each.words.map((word) => new Map([...round, [each.name, word]])));
      if (rounds.length > maxLines) return expanded;
    }
    for (const round of rounds) expanded.push(expand(line, round));
    if (expanded.length > maxLines) return expanded;
  }
  return expanded;
}

/** The head of a `for` over words, with or without its `do`. */
function readLoop(line: string): { readonly name: string; readonly words: string } | undefined {
  const parts = /^\s*for\s+(\w+)\s+in\s(.*)$/.exec(line);
  if (parts?.[1] === undefined) return undefined;
  let words = (parts[2] ?? "").trim();
  if (/;\s{0,9}do$/.test(words)) words = words.slice(0, -2).trimEnd().slice(0, -1);
  return words.includes(";") ? undefined : { name: parts[1], words };
}

/** Variables with the text that they are given first; one that is given another plain text is none. */
function readAssignments(lines: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  const several = new Set<string>();
  for (const line of lines) {
    if (values.size >= maxValues) break;
    const parts =
      /^(?:export\s+|local\s+)?([A-Za-z_]\w*)=(?:"([^"`]*)"|'([^']*)'|([^\s"'`;&|()]+))\s*;?$/.exec(line.trim()) ?? [];
    const [, name, double, single, bare] = parts;
    const value = double ?? single ?? bare;
    if (name === undefined || value === undefined || value.includes("$(")) continue;
    const known = values.get(name);
    if (known !== undefined && known !== value) several.add(name);
    else values.set(name, value);
  }
  for (const name of several) values.delete(name);
  return values;
}

function expand(text: string, values: ReadonlyMap<string, string>): string {
  let result = text;
  for (let depth = 0; depth < maxDepth && result.includes("$"); depth += 1) {
    const next = result.replace(
      /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
      (whole: string, braced?: string, bare?: string) => {
        return values.get(braced ?? bare ?? "") ?? whole;
      },
    );
    if (next === result || next.length > maxLine) break;
    result = next;
  }
  return result;
}
