import { lookup, type Tree } from "../inventory/index.ts";
import { mergeGroupLine } from "./accounts.ts";
import type { Derived } from "./derived-paths.ts";
import { formatStanzas, parseStanzas, sameStanza } from "./dpkg-database.ts";
import { linesByField, linesByText, mergeRows } from "./merge-rows.ts";

export type TextMerge =
  | { readonly kind: "merged"; readonly text: string }
  /** `row` is what both sides changed. */
  | { readonly kind: "conflict"; readonly row: string }
  | { readonly kind: "unreadable"; readonly problem: string };

type Rows = Extract<Derived, { kind: "merge" }>["rows"];

/** The text that a file of rows has when the changes of the base and of the application are both made. */
export function mergeText(rows: Rows, path: string, old: string, base: string, application: string): TextMerge {
  if (application === old || application === base) return { kind: "merged", text: base };
  if (base === old) return { kind: "merged", text: application };
  if (rows === "stanzas") return mergeStanzaText(path, old, base, application);
  const parse = rows === "lines" ? linesByText : linesByField;
  const [was, now, own] = [parse(old), parse(base), parse(application)];
  const { rows: merged, conflicts } = mergeRows(was, now, own, (a, b) => a === b);
  const lines = new Map(merged);
  for (const key of conflicts) {
    const [mine, theirs] = [own.get(key), now.get(key)];
    const both =
      rows === "groups" && mine !== undefined && theirs !== undefined
        ? mergeGroupLine(was.get(key), theirs, mine)
        : undefined;
    if (both === undefined) return { kind: "conflict", row: key };
    lines.set(key, both);
  }
  return { kind: "merged", text: [...lines.values()].map((line) => `${line}\n`).join("") };
}

function mergeStanzaText(path: string, old: string, base: string, application: string): TextMerge {
  const parts = [old, base, application].map((text) => parseStanzas(text, path));
  const [was, now, own] = parts;
  for (const part of parts) if (part.kind === "unreadable") return part;
  if (was?.kind !== "read" || now?.kind !== "read" || own?.kind !== "read")
    return { kind: "unreadable", problem: `${path}: not read` };
  const { rows, conflicts } = mergeRows(was.stanzas, now.stanzas, own.stanzas, sameStanza);
  const [conflict] = conflicts;
  if (conflict !== undefined) return { kind: "conflict", row: conflict };
  return { kind: "merged", text: formatStanzas(rows.values()) };
}

/** Text of a file whose content the facts keep: empty where the tree lacks it, undefined where it is no such file. */
export function textOf(tree: Tree, path: string): string | undefined {
  const found = lookup(tree, path);
  if (found.kind === "missing") return "";
  const content = found.kind === "loop" ? undefined : found.node.entry.content;
  if (content === undefined) return undefined;
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("utf8");
}
