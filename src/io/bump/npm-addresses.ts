import { printable } from "../../lib/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** Of what is asked for by an address, npm would fetch it: from wherever the repository says, by git as well. npm, package.json(5). */
const address =
  /^(?:file|link|git|git\+\w+|https?|ssh|github|gitlab|bitbucket|gist):|^\.{0,2}\/|^~\/|^[^@\s]+\/[^\s]+$/i;
const lists = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies", "requires"];
const deepest = 100;

/** Whether npm would fetch it from another place than a registry. */
export function isAddress(range: string): boolean {
  return address.test(range);
}

/** What the rules of `overrides` take from an address; undefined where none does. */
export function findForeignRule(rules: unknown, depth = 0): string | undefined {
  if (typeof rules === "string") return isAddress(rules) ? shown(rules) : undefined;
  if (!isObject(rules)) return undefined;
  if (depth > deepest) return "a rule below too many others";
  return firstOf(Object.values(rules), (one) => findForeignRule(one, depth + 1));
}

/** What a lock file takes from an address, or says that one of its packages does: of all that it names but workspaces, with which packages of a registry have nothing to do. npm, package-lock.json(5). */
export function findForeignEntry(lock: Json, workspaces: ReadonlySet<string>): string | undefined {
  const packages = Object.entries(isObject(lock["packages"]) ? lock["packages"] : {});
  const todo: unknown[] = packages.flatMap(([place, entry]) => (workspaces.has(place) ? [] : [entry]));
  if (isObject(lock["dependencies"])) todo.push(...Object.values(lock["dependencies"]));
  for (let entry = todo.pop(); todo.length > 0 || entry !== undefined; entry = todo.pop()) {
    if (!isObject(entry) || entry["link"] === true) continue;
    for (const key of ["version", "resolved", "from"]) {
      const said = entry[key];
      const isFetched = key === "resolved" ? /^(?!https?:)[\w+]+:/i : address;
      if (typeof said === "string" && isFetched.test(said)) return shown(said);
    }
    for (const list of lists)
      for (const one of Object.values(isObject(entry[list]) ? entry[list] : {}))
        if (isObject(one)) todo.push(one);
        else if (typeof one === "string" && isAddress(one)) return shown(one);
  }
  return undefined;
}

function firstOf<T, U>(all: readonly T[], find: (one: T) => U | undefined): U | undefined {
  for (const one of all) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

function shown(text: string): string {
  return printable(text).slice(0, 200);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
