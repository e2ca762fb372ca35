import type { LockParser } from "./lock-parser.ts";

/**
 * `go.mod`: since Go 1.17 it names every module that is built in; before, only those that are needed directly, which is said. `go.sum` is not read: it lists versions
 * that were not chosen, too. Go Modules Reference, go.mod files.
 */
export const parseGoMod: LockParser = (text, found, say) => {
  const required = new Map<string, string>();
  const replaced = new Map<string, readonly [name: string, version: string]>();
  let block = "";
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\/\/.*$/, "").trim();
    if (line === ")") block = "";
    if (line === "" || line === ")") continue;
    const opened = /^(\w+)\s*\($/.exec(line)?.[1];
    if (opened !== undefined) {
      block = opened;
      continue;
    }
    const words = (block === "" ? line : `${block} ${line}`).split(/\s+/).map(unquote);
    const [verb, name = "", version = ""] = words;
    if (verb === "require") required.set(name, version);
    else if (verb === "replace") {
      const arrow = words.indexOf("=>");
      const to = words.slice(arrow + 1);
      if (arrow > 1 && to[0] !== undefined) replaced.set(words.slice(1, arrow).join(" "), [to[0], to[1] ?? ""]);
    } else if (verb === "go" && /^1\.(?:\d|1[0-6])(?:\.|$)/.test(name))
      say(`it is of Go ${name.slice(0, 10)}: modules that are needed indirectly are not named`);
  }
  for (const [name, version] of required) {
    const other = replaced.get(`${name} ${version}`) ?? replaced.get(name);
    if (other === undefined) found(name, version);
    else if (other[1] === "") say(`${name.slice(0, 200)} is replaced by a folder`);
    else found(other[0], other[1]);
  }
};

function unquote(word: string): string {
  return word.replace(/^["`](.*)["`]$/, "$1");
}
