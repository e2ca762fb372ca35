import { RE2JS } from "re2js";

export type Compiled =
  | { readonly kind: "regex"; readonly isIn: (text: string) => boolean }
  | { readonly kind: "wrong"; readonly why: string };

const known = new Map<string, Compiled>();
const mostKnown = 1000;

/** An expression of RE2, as Go has them, which is found anywhere in a text: time grows with the text's length, whatever the expression. Each is compiled once. */
export function compileRegex(pattern: string): Compiled {
  const before = known.get(pattern);
  if (before !== undefined) return before;
  const made = compile(pattern);
  if (known.size >= mostKnown) known.clear();
  known.set(pattern, made);
  return made;
}

function compile(pattern: string): Compiled {
  try {
    const regex = RE2JS.compile(pattern);
    return { kind: "regex", isIn: (text) => regex.matcher(text).find() };
  } catch (error) {
    return { kind: "wrong", why: error instanceof Error ? error.message.slice(0, 200) : "it cannot be read" };
  }
}

/** Whether an expression that was checked is found in a text. */
export function isInText(pattern: string, text: string): boolean {
  const compiled = compileRegex(pattern);
  return compiled.kind === "regex" && compiled.isIn(text);
}
