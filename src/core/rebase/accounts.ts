import { lookup, type Tree } from "../inventory/index.ts";
import type { Refusal } from "./types.ts";

/** Names and numbers of users or groups. */
export interface AccountTable {
  readonly byName: ReadonlyMap<string, number>;
  /** The first name of each number. */
  readonly byId: ReadonlyMap<number, string>;
}

const nothing: AccountTable = { byName: new Map(), byId: new Map() };
const maxShown = 5;
const read = new WeakMap<Uint8Array, AccountTable>();

/** `etc/passwd` or `etc/group` of a tree. passwd(5), group(5). */
export function readAccounts(tree: Tree, path: "etc/passwd" | "etc/group"): AccountTable {
  const found = lookup(tree, path);
  const content = found.kind === "found" ? found.node.entry.content : undefined;
  if (content === undefined) return nothing;
  const known = read.get(content);
  if (known !== undefined) return known;
  const table = parseAccounts(Buffer.from(content).toString("utf8"));
  read.set(content, table);
  return table;
}

/** Rows that are none are passed over, as getpwent(3) does. */
export function parseAccounts(text: string): AccountTable {
  const byName = new Map<string, number>();
  const byId = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name = "", , digits = ""] = line.split(":");
    if (name === "" || !/^\d{1,10}$/.test(digits)) continue;
    const id = Number(digits);
    if (!byName.has(name)) byName.set(name, id);
    if (!byId.has(id)) byId.set(id, name);
  }
  return { byName, byId };
}

/**
 * Numbers that would belong to somebody else: `used` are those of the application's files, with one path each. A number with a name in the image must have that name in the result, one
 * without must still have none.
 */
export function checkIds(
  kind: "user" | "group",
  used: ReadonlyMap<number, string>,
  image: AccountTable,
  result: AccountTable,
): Refusal[] {
  const refusals: Refusal[] = [];
  for (const [id, path] of used) {
    const name = image.byId.get(id);
    const now = name === undefined ? result.byId.get(id) : undefined;
    if (name === undefined && now === undefined) continue;
    if (name !== undefined && result.byName.get(name) === id) continue;
    if (refusals.length >= maxShown) break;
    const message =
      name === undefined
        ? `${path} belongs to ${kind} ${id}, which is ${now ?? ""} on the new base`
        : `${path} belongs to ${kind} ${name} (${id}), which is ${result.byName.get(name) ?? "not there"} on the new base`;
    refusals.push({ code: "account", path, message });
  }
  return refusals;
}

/** Numbers that the merged table gives to two names where neither side did: whoever is looked up by number would be the wrong one. */
export function checkMergedIds(
  kind: "user" | "group",
  merged: AccountTable,
  base: AccountTable,
  image: AccountTable,
): Refusal[] {
  const refusals: Refusal[] = [];
  for (const [name, id] of merged.byName) {
    const first = merged.byId.get(id);
    if (first === undefined || first === name) continue;
    const wasSo = [base, image].some((table) => table.byName.get(name) === id && table.byName.get(first) === id);
    if (wasSo) continue;
    refusals.push({
      code: "account",
      path: kind === "user" ? "etc/passwd" : "etc/group",
      message: `${kind} ${id} is ${first} on one side and ${name} on the other`,
    });
    if (refusals.length >= maxShown) break;
  }
  return refusals;
}

/** A line of `etc/group` with the members of both sides; undefined where they differ in more. group(5). */
export function mergeGroupLine(old: string | undefined, base: string, application: string): string | undefined {
  const parts = (line: string): { head: string; members: string[] } => {
    const fields = line.split(":");
    const members = (fields.pop() ?? "").split(",").filter((member) => member !== "");
    return { head: fields.join(":"), members };
  };
  const [now, own, was] = [parts(base), parts(application), parts(old ?? "")];
  const head = own.head === was.head ? now.head : own.head;
  if (head !== now.head && now.head !== was.head) return undefined;
  const kept = [...new Set([...now.members, ...own.members])].filter((member) => {
    const gone = was.members.includes(member) && !(now.members.includes(member) && own.members.includes(member));
    return !gone;
  });
  return `${head}:${kept.join(",")}`;
}
