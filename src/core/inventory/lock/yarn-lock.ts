import type { LockParser } from "./lock-parser.ts";

/** `yarn.lock` of the first yarn, and of berry. */
export const parseYarnLock: LockParser = (text, found, say) => {
  let name: string | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    if (!line.startsWith(" ")) {
      name = line === "__metadata:" || !line.endsWith(":") ? undefined : nameOf(line.slice(0, -1));
      if (name === undefined && line !== "__metadata:") say("it has an entry without a name");
      continue;
    }
    const version = /^ {2}version:? "?([^"]+)"?$/.exec(line)?.[1];
    if (version === undefined || name === undefined) continue;
    // Of the project itself, and of what it links to, berry gives no version.
    if (version !== "0.0.0-use.local") found(name, version);
    name = undefined;
  }
};

/** Of `"a@^1", "a@^2"`, `a@npm:^1`, and, where a name stands for another, `b@npm:a@1`: `a`. */
function nameOf(specifiers: string): string | undefined {
  const first = specifiers.replaceAll('"', "").split(",")[0]?.trim() ?? "";
  const at = first.indexOf("@", 1);
  if (at < 0) return undefined;
  const range = first.slice(at + 1);
  const alias = /^npm:(@?[^@]+)@/.exec(range)?.[1];
  return alias ?? first.slice(0, at);
}
