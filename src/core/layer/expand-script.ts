const maxDepth = 6;
const maxLine = 8192;
const maxLines = 500;

/**
 * The lines of a shell script that hold `what`, with each variable that the script gives one plain value put in, once for every
 * round of a `for` over words around it. No branch is decided, no command is run; what cannot be told stays as it stands.
 */
export function expandLines(lines: readonly string[], what: string): string[] {
  const values = readAssignments(lines);
  const loops: ({ readonly name: string; readonly words: readonly string[] } | undefined)[] = [];
  const expanded: string[] = [];
  for (const line of lines) {
    const loop = /^\s*for\s+(\w+)\s+in\s+([^;]+?)\s*(?:;\s*do\s*)?$/.exec(line);
    if (loop?.[1] !== undefined) {
      loops.push({
        name: loop[1],
        words: expand(loop[2] ?? "", values)
          .split(/\s+/)
          .filter((word) => word !== ""),
      });
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

/** Variables with the text that they are given first; one that is given another plain text is none. */
function readAssignments(lines: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  const several = new Set<string>();
  for (const line of lines) {
    const parts = /^\s*(?:export\s+|local\s+)?([A-Za-z_]\w*)=(?:"([^"`]*)"|'([^']*)'|([^\s"'`;&|()]+))\s*;?\s*$/.exec(
      line,
    );
    const [, name, double, single, bare] = parts ?? [];
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
