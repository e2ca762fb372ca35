import { plainRange } from "../content/npm.ts";
import { resolveNodeModule } from "../node-modules.ts";
import { fieldOf, objectAt, textAt, type FoundLocked, type LockAsks, type LockParser } from "./lock-parser.ts";

const modules = "node_modules/";
const kinds = ["dependencies", "optionalDependencies", "peerDependencies"];
type Entries = Readonly<Record<string, unknown>>;

/** `package-lock.json` and `npm-shrinkwrap.json` of all three versions. npm, package-lock-json(5). */
export const parsePackageLock: LockParser = (text, found, say, asks) => {
  const lock: unknown = JSON.parse(text);
  const packages = objectAt(lock, "packages");
  if (packages !== undefined) return readPackages(packages, found, asks);
  const dependencies = objectAt(lock, "dependencies");
  if (dependencies === undefined) {
    if (fieldOf(lock, "lockfileVersion") === undefined) say("it is no lock file of npm");
    return;
  }
  const todo = [dependencies];
  for (let next = todo.pop(); next !== undefined; next = todo.pop())
    for (const [name, entry] of Object.entries(next)) {
      const version = textAt(entry, "version") ?? "";
      const alias = /^npm:(.+)@([^@]+)$/.exec(version);
      if (alias?.[1] !== undefined && alias[2] !== undefined) found(alias[1], alias[2]);
      else if (/^\d/.test(version)) found(name, version);
      else if (!version.startsWith("file:")) say(`${name.slice(0, 200)} comes from no registry`);
      const inner = objectAt(entry, "dependencies");
      if (inner !== undefined) todo.push(inner);
    }
};

/** Each package by the folder that it will lie in, with what it asks for: who gets which is found as node itself does. */
function readPackages(packages: Entries, found: FoundLocked, asks: LockAsks): void {
  const folders = new Set(Object.keys(packages));
  for (const [path, entry] of Object.entries(packages)) {
    const version = textAt(entry, "version");
    // What lies elsewhere is the project's own.
    const isOwn = !path.includes(modules);
    if (fieldOf(entry, "link") === true) continue;
    if (!isOwn && version !== undefined) found(nameAt(path, entry), version);
    const name = textAt(entry, "name") ?? (path === "" ? "the project" : nameAt(path, entry));
    const by = version === undefined ? name : `${name}@${version}`;
    for (const kind of isOwn ? [...kinds, "devDependencies"] : kinds)
      for (const [wanted, range] of Object.entries(objectAt(entry, kind) ?? {})) {
        const place = typeof range === "string" ? resolveNodeModule(path, wanted, folders) : undefined;
        const got = place === undefined ? undefined : packages[place];
        const gotVersion = textAt(got, "version");
        if (place === undefined || gotVersion === undefined || typeof range !== "string") continue;
        asks.add(nameAt(place, got), gotVersion, { by, range: plainRange(range) });
      }
  }
  asks.all();
}

function nameAt(path: string, entry: unknown): string {
  const at = path.lastIndexOf(modules);
  return textAt(entry, "name") ?? (at < 0 ? path : path.slice(at + modules.length));
}
