import type { FileHolds } from "../layer-facts.ts";
import { isPlainName, isPlainVersion, unreadable, type ContentRecogniser } from "./content-recogniser.ts";

const mebibyte = 1_048_576;
const decoder = new TextDecoder("utf-8");
const endings = [".dist-info/METADATA", ".egg-info/PKG-INFO", "/EGG-INFO/PKG-INFO", ".egg-info"] as const;

/** What pip and its elders write beside each installed project. PyPA, Recording installed projects; setuptools, the egg formats. */
export const pypiRecogniser: ContentRecogniser = {
  largest: 16 * mebibyte,
  matches: (path) => endings.some((ending) => path.endsWith(ending)),
  read: (content) => readMetadata(decoder.decode(content)),
};

/** Name and version in the header of core metadata. PyPA, Core metadata specifications. */
export function readMetadata(text: string): FileHolds {
  let name: string | undefined;
  let version: string | undefined;
  const asked: (readonly [string, string])[] = [];
  for (let at = 0; at < text.length;) {
    const gap = text.indexOf("\n", at);
    const end = gap < 0 ? text.length : gap;
    const line = text.slice(at, end).trimEnd();
    at = end + 1;
    if (line === "") break;
    const field = /^(name|version|requires-dist)[ \t]*:[ \t]*(.*)$/i.exec(line);
    if (field?.[1] === undefined || field[2] === undefined) continue;
    const key = field[1].toLowerCase();
    if (key === "name") name ??= field[2];
    else if (key === "version") version ??= field[2];
    else if (asked.length < mostAsked) asked.push(...readRequirement(field[2]));
  }
  if (name === undefined || !isPlainName(name)) return unreadable("it names no project");
  if (version === undefined || !isPlainVersion(version)) return unreadable(`it gives ${name} no version`);
  const asks = asked.length === 0 ? {} : { asks: { by: `${name}@${version}`, of: asked } };
  return { packages: [{ type: "pypi", name, version }], ...asks };
}

const mostAsked = 2000;
const longestRequirement = 1024;

/** `requests[security] (<3,>=2.0) ; python_version < "3"` as name and range; nothing for what only an extra wants. PyPA, Dependency specifiers. */
function readRequirement(text: string): (readonly [name: string, range: string])[] {
  if (text.length > longestRequirement) return [];
  const [wanted = "", marker = ""] = text.split(";", 2);
  if (/\bextra\s*==/.test(marker)) return [];
  const match = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*\(?([^()@]*)\)?\s*$/.exec(wanted);
  return match?.[1] === undefined ? [] : [[match[1], (match[2] ?? "").trim()]];
}
