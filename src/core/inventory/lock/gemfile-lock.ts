import type { LockParser } from "./lock-parser.ts";

/** `Gemfile.lock`: the `specs` of its GEM sections; those that are built for one platform count as their version. */
export const parseGemfileLock: LockParser = (text, found, say) => {
  let section = "";
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (/^[A-Z]/.test(line)) section = line;
    if (section !== "GEM" && section !== "GIT" && section !== "PATH") continue;
    const spec = /^ {4}([^\s(]+) \(([^)]+)\)$/.exec(line);
    if (spec?.[1] === undefined || spec[2] === undefined) continue;
    if (section === "GEM") found(spec[1], spec[2].replace(/-.*$/, ""));
    else if (section === "GIT") say(`${spec[1].slice(0, 200)} comes from no registry`);
  }
};
