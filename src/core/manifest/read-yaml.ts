import { Composer, Parser, type Document } from "yaml";
import { refuseAt, type Locate } from "./error.ts";

export interface YamlComment {
  readonly offset: number;
  readonly source: string;
}

/** The documents of a file, every scalar a text, and its comments. */
export interface YamlFile {
  readonly documents: readonly Document[];
  readonly comments: readonly YamlComment[];
}

const mostDocuments = 1000;
const mostDeep = 64;
const mostTokens = 400_000;
const mostAliases = 1000;

/** Reads YAML with the place of everything in it. Throws TOO_LARGE and UNREADABLE, naming line and column. */
export function readYaml(path: string, text: string, locate: Locate): YamlFile {
  const tooMuch = (offset: number, why: string) =>
    refuseAt(path, locate, offset, why, "Split the file, or leave it out of `files:`.", "TOO_LARGE");
  const tokens = [];
  let documents = 0;
  for (const token of new Parser().parse(text)) {
    if (token.type === "document" && (documents += 1) > mostDocuments)
      throw tooMuch(token.offset, `it has more than ${mostDocuments} documents`);
    tokens.push(token);
  }
  const comments = walkTokens(tokens, tooMuch);
  const options = { schema: "failsafe", uniqueKeys: false, logLevel: "silent", prettyErrors: false } as const;
  const composed = [...new Composer(options).compose(tokens, true, text.length)];
  for (const { errors } of composed) {
    const [error] = errors;
    if (error === undefined) continue;
    const hint = text.includes("{{")
      ? "It looks like a template: name the file of its values instead, or leave it out of `files:`."
      : "Put the file right, or leave it out of `files:`.";
    throw refuseAt(path, locate, error.pos[0], `it is no YAML: ${error.message.slice(0, 200)}`, hint, "UNREADABLE");
  }
  return { documents: composed, comments: comments.sort((a, b) => a.offset - b.offset) };
}

/** All comments. It does not call itself: the reader of the documents does, and must not be given what is too deep. */
function walkTokens(tokens: readonly object[], tooMuch: (offset: number, why: string) => Error): YamlComment[] {
  const comments: YamlComment[] = [];
  const stack: { readonly value: object; readonly depth: number }[] = tokens.map((value) => ({ value, depth: 0 }));
  let seen = 0;
  let aliases = 0;
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const token = next.value as { type?: string; offset?: number; source?: string; items?: unknown };
    const offset = token.offset ?? 0;
    if ((seen += 1) > mostTokens) throw tooMuch(offset, `it has more than ${mostTokens} parts`);
    if (token.type === "comment") comments.push({ offset, source: token.source ?? "" });
    if (token.type === "alias" && (aliases += 1) > mostAliases)
      throw tooMuch(offset, `it has more than ${mostAliases} aliases`);
    const depth = next.depth + (token.items === undefined ? 0 : 1);
    if (depth > mostDeep) throw tooMuch(offset, `it is nested deeper than ${mostDeep} levels`);
    for (const value of Object.values(next.value))
      if (typeof value === "object" && value !== null) stack.push({ value: value as object, depth });
  }
  return comments;
}
