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
  for (let at = 0; at < text.length;) {
    const gap = text.indexOf("\n", at);
    const end = gap < 0 ? text.length : gap;
    const line = text.slice(at, end).trimEnd();
    at = end + 1;
    if (line === "") break;
    const field = /^(name|version)[ \t]*:[ \t]*(.*)$/i.exec(line);
    if (field?.[1] === undefined || field[2] === undefined) continue;
    if (field[1].toLowerCase() === "name") name ??= field[2];
    else version ??= field[2];
    if (name !== undefined && version !== undefined) break;
  }
  if (name === undefined || !isPlainName(name)) return unreadable("it names no project");
  if (version === undefined || !isPlainVersion(version)) return unreadable(`it gives ${name} no version`);
  return { packages: [{ type: "pypi", name, version }] };
}
