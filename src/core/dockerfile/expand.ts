import { printable } from "../../lib/index.ts";
import { DockerfileError, type Place } from "./error.ts";

/** The value of a variable; undefined where it has none. */
export type Lookup = (name: string) => string | undefined;

export interface Expansion {
  readonly text: string;
  /** Variables that were asked for and have no value. */
  readonly unset: readonly string[];
}

const deepest = 20;
const longest = 4096;

/**
 * A word with quotes removed and variables replaced: `$X`, `${X}`, and `-`, `+`, `?` with and without a colon. Throws
 * BAD_EXPANSION for other forms. Dockerfile reference, Environment replacement.
 */
export function expandWord(word: string, escape: string, lookup: Lookup, place: Place): Expansion {
  const unset: string[] = [];
  let at = 0;
  const refuse = (why: string): DockerfileError =>
    new DockerfileError("BAD_EXPANSION", `${printable(word.slice(0, 200))}: ${why}`, place);

  const readName = (): string => {
    const [name = ""] = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?!$-])/.exec(word.slice(at, at + 200)) ?? [];
    at += name.length;
    return name;
  };

  function readDollar(depth: number): string {
    at += 1;
    if (word[at] !== "{") {
      const name = readName();
      return name === "" ? "$" : valueOf(name);
    }
    at += 1;
    const name = readName();
    if (name === "") throw refuse("a variable without a name");
    if (word[at] === "}") {
      at += 1;
      return valueOf(name);
    }
    const [operator = ""] = /^:?[-+?]/.exec(word.slice(at, at + 2)) ?? [];
    if (operator === "") throw refuse(`\${${name}… is written in a form that is not known`);
    at += operator.length;
    const before = unset.length;
    const other = read("}", depth + 1);
    const value = lookup(name);
    const has = value !== undefined && !(operator.startsWith(":") && value === "");
    // What the word that was not taken lacks is of no matter.
    const taken = operator.endsWith("+") ? has : !has;
    if (!taken) unset.length = before;
    if (operator.endsWith("+")) return has ? other : "";
    if (has) return value;
    if (operator.endsWith("?")) throw refuse(`${name}: ${printable(other) || "has no value"}`);
    return other;
  }

  function valueOf(name: string): string {
    const value = lookup(name);
    if (value === undefined) unset.push(name);
    return value ?? "";
  }

  function readQuoted(depth: number): string {
    const quote = word[at];
    let text = "";
    for (at += 1; at < word.length; at += 1) {
      const character = word[at] as string;
      if (character === quote) {
        at += 1;
        return text;
      }
      if (quote === '"' && character === "$") {
        text += readDollar(depth);
        at -= 1;
      } else if (quote === '"' && character === escape && ['"', "$", escape].includes(word[at + 1] ?? "")) {
        at += 1;
        text += word[at] as string;
      } else text += character;
    }
    throw refuse("a quote is not closed");
  }

  function read(stop: string | undefined, depth: number): string {
    if (depth > deepest) throw refuse("it is nested too deeply");
    let text = "";
    while (at < word.length) {
      const character = word[at] as string;
      if (character === stop) {
        at += 1;
        return text;
      }
      if (character === "$") text += readDollar(depth);
      else if (character === "'" || character === '"') text += readQuoted(depth);
      else if (character === escape) {
        text += word[at + 1] ?? "";
        at += 2;
      } else {
        text += character;
        at += 1;
      }
      if (text.length > longest) throw refuse(`it is longer than ${longest} characters`);
    }
    if (stop !== undefined) throw refuse("a } is missing");
    return text;
  }

  return { text: read(undefined, 0), unset };
}
