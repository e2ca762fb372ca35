import { fieldOf, objectAt, textAt, type LockParser } from "./lock-parser.ts";

/** `package-lock.json` and `npm-shrinkwrap.json` of all three versions. npm, package-lock-json(5). */
export const parsePackageLock: LockParser = (text, found, say) => {
  const lock: unknown = JSON.parse(text);
  const packages = objectAt(lock, "packages");
  if (packages !== undefined) {
    for (const [path, entry] of Object.entries(packages)) {
      const at = path.lastIndexOf("node_modules/");
      // What lies elsewhere is the project's own.
      if (at < 0 || fieldOf(entry, "link") === true) continue;
      const version = textAt(entry, "version");
      if (version !== undefined) found(textAt(entry, "name") ?? path.slice(at + "node_modules/".length), version);
    }
    return;
  }
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
