/** The word that ends a heredoc, and whether tabs may stand before it. */
export interface HeredocName {
  readonly name: string;
  readonly tabs: boolean;
}

/**
 * The heredocs that a logical line opens: its words of the form `<<NAME`, `<<-NAME` or `3<<"NAME"`. What stands within
 * quotes, is escaped, or is a here-string opens none. Dockerfile reference, Here-Documents.
 */
export function readHeredocNames(line: string): HeredocName[] {
  return shellWords(line).flatMap((word) => {
    const [, dash, rest = ""] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
    const name = rest.replaceAll(/\\(.)|["']/g, "$1");
    return dash === undefined || name === "" ? [] : [{ name, tabs: dash === "-" }];
  });
}

/** Words with their quotes and escapes kept. None where a quote is not closed: then builders see none, either. */
function shellWords(line: string): string[] {
  const words: string[] = [];
  let word = "";
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at] as string;
    if (character === "\\") {
      word += line.slice(at, at + 2);
      at += 1;
    } else if (character === "'" || character === '"') {
      const close = closingQuote(line, at);
      if (close < 0) return [];
      word += line.slice(at, close + 1);
      at = close;
    } else if (/\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
    } else word += character;
  }
  return word === "" ? words : [...words, word];
}

function closingQuote(line: string, open: number): number {
  const quote = line[open];
  for (let at = open + 1; at < line.length; at += 1) {
    if (line[at] === "\\" && quote === '"') at += 1;
    else if (line[at] === quote) return at;
  }
  return -1;
}
