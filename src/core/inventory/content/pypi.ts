import type { Asked, FileHolds } from "../layer-facts.ts";
import { isPlainName, isPlainVersion, unreadable, type ContentRecogniser } from "./content-recogniser.ts";
import { readRequirement } from "./requirement.ts";

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
  const asked: Asked[] = [];
  let incomplete: string | undefined;
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
    else {
      const requirement = readRequirement(field[2]);
      if (requirement === undefined) incomplete ??= "one of its requirements cannot be read";
      else if (asked.length < mostAsked) asked.push(requirement);
      else incomplete ??= `it has more than ${mostAsked} requirements`;
    }
  }
  if (name === undefined || !isPlainName(name)) return unreadable("it names no project");
  if (version === undefined || !isPlainVersion(version)) return unreadable(`it gives ${name} no version`);
  const packages = [{ type: "pypi", name, version }] as const;
  if (asked.length === 0 && incomplete === undefined) return { packages };
  const said = incomplete === undefined ? {} : { incomplete };
  return { packages, asks: [{ by: `${name}@${version}`, of: asked, ...said }] };
}

const mostAsked = 2000;
