import { plainRange } from "../content/npm.ts";
import type { LockParser } from "./lock-parser.ts";

interface Locked {
  readonly name: string;
  readonly version: string;
}

/** `yarn.lock` of the first yarn, and of berry. Who asks for what is known by the specifiers: an entry stands under all those that it answers. */
export const parseYarnLock: LockParser = (text, found, say, asks) => {
  let specifiers: readonly string[] = [];
  let name: string | undefined;
  let own: Locked | undefined;
  let isAsking = false;
  const answers = new Map<string, Locked>();
  const asked: (readonly [by: string, specifier: string])[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    if (!line.startsWith(" ")) {
      specifiers = line === "__metadata:" || !line.endsWith(":") ? [] : specifiersOf(line.slice(0, -1));
      name = nameOf(specifiers[0] ?? "");
      own = undefined;
      isAsking = false;
      if (name === undefined && line !== "__metadata:") say("it has an entry without a name");
      continue;
    }
    const version = own === undefined ? /^ {2}version:? "?([^"]+)"?$/.exec(line)?.[1] : undefined;
    if (version !== undefined && name !== undefined) {
      own = { name, version };
      // Of the project itself, and of what it links to, berry gives no version.
      if (version === "0.0.0-use.local") continue;
      found(name, version);
      for (const one of specifiers) answers.set(one, own);
    } else if (/^ {2}\S/.test(line)) isAsking = /^ {2}(?:dependencies|optionalDependencies):$/.test(line);
    else if (isAsking && own !== undefined) {
      const wanted = /^ {4}"?([^":\s]+)"?:? "?([^"]+)"?$/.exec(line);
      if (wanted !== null) asked.push([`${own.name}@${own.version}`, `${wanted[1]}@${wanted[2]}`]);
    }
  }
  const told = new Set<string>();
  const tell = (by: string, specifier: string): void => {
    const locked = answers.get(specifier);
    if (locked === undefined) return;
    told.add(specifier);
    const range = specifier.slice(specifier.indexOf("@", 1) + 1);
    asks.add(locked.name, locked.version, { by, range: plainRange(range.replace(/^npm:(?!@?[^@]+@)/, "")) });
  };
  for (const [by, specifier] of asked) tell(by, specifier);
  // What no package asks for the project itself does.
  for (const specifier of answers.keys()) if (!told.has(specifier)) tell("the project", specifier);
  asks.all();
};

function specifiersOf(line: string): string[] {
  return line
    .replaceAll('"', "")
    .split(",")
    .map((one) => one.trim());
}

/** Of `a@^1`, `a@npm:^1`, and, where a name stands for another, `b@npm:a@1`: `a`. */
function nameOf(specifier: string): string | undefined {
  const at = specifier.indexOf("@", 1);
  if (at < 0) return undefined;
  const range = specifier.slice(at + 1);
  const alias = /^npm:(@?[^@]+)@/.exec(range)?.[1];
  return alias ?? specifier.slice(0, at);
}
