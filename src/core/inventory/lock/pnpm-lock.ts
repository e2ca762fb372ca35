import { plainRange } from "../content/npm.ts";
import type { LockParser } from "./lock-parser.ts";

/**
 * `pnpm-lock.yaml`: the keys of its `packages`, as its versions 5 (`/a/1.0.0_peer`), 6 (`/a@1.0.0(peer)`) and 9 (`a@1.0.0`) write them. Of ranges it keeps those of the workspace's own projects alone, since version 6.
 */
export const parsePnpmLock: LockParser = (text, found, say, asks) => {
  if (!/^lockfileVersion:/m.test(text.slice(0, 4096))) return say("it is no lock file of pnpm");
  let part = "";
  let project = "";
  let wanted = "";
  let range = "";
  for (const raw of text.split("\n")) {
    const line = raw.trimEnd();
    if (/^\S/.test(line)) part = line;
    if (part === "importers:") {
      const [, indent = "", key = "", value = ""] = /^( +)(['"]?[^'":\s]+['"]?):(?: (.*))?$/.exec(line) ?? [];
      if (indent.length === 2) project = unquote(key);
      else if (indent.length === 6) wanted = unquote(key);
      else if (indent.length === 8 && key === "specifier") range = unquote(value);
      else if (indent.length === 8 && key === "version") {
        const version = (unquote(value).split("(")[0] ?? "").replace(/^.*@/, "");
        const by = project === "." ? "the project" : project;
        asks.add(/^npm:(.+)@/.exec(range)?.[1] ?? wanted, version, { by, range: plainRange(range) });
      }
    }
    const key = part === "packages:" ? /^ {2}(['"]?)(\S.*)\1:$/.exec(line)?.[2] : undefined;
    if (key === undefined) continue;
    const plain = (key.split("(")[0] ?? "").replace(/^\//, "");
    const parts = /^(@[^/@]+\/[^/@]+|[^/@]+)[/@]([^/_]+)(?:_.*)?$/.exec(plain);
    if (parts?.[1] !== undefined && parts[2] !== undefined && /^\d/.test(parts[2])) found(parts[1], parts[2]);
    else say(`${key.slice(0, 200)} comes from no registry`);
  }
  asks.all("it does not say which ranges its packages ask for");
};

function unquote(text: string): string {
  return text.replace(/^(['"])(.*)\1$/, "$2");
}
