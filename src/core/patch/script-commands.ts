import { bareCode } from "./bare-code.ts";
import { commandLines } from "../layer/index.ts";
import { liveLines, type ScriptCall } from "./live-lines.ts";

/** A command that a maintainer script can come to. */
export interface ScriptCommand {
  /** As it stands there, with its folder where it has one; `$` where a variable says what it is, `>` for writing to a file. */
  readonly name: string;
  readonly line: string;
}

const maxScript = 262_144;
const maxLine = 8192;

/** Words that only steer a script, or read, or speak. */
const silent: ReadonlySet<string> = new Set(
  (
    "set exit return true false : [ test if then elif else fi for while until do done case esac in break continue shift local export unset umask cd read wait " +
    "echo printf cat grep egrep fgrep sed awk cut tr sort uniq head tail wc expr basename dirname readlink realpath which command type getent id uname stat cmp diff md5sum sha256sum sleep date hostname who runlevel pidof find " +
    "dpkg dpkg-query dpkg-realpath ischroot mktemp ls"
  ).split(" "),
);
/** When one of those words does something all the same, by its line. */
const telling: ReadonlyMap<string, RegExp> = new Map([
  ["find", /\s-(?:delete|exec|ok|fprint|fls)/],
  ["sed", /\ssed\s(?:.*\s)?(?:-[a-zA-Z]*i|--in-place)/],
  ["sort", /\ssort\s(?:.*\s)?(?:-[a-zA-Z]*o|--output)/],
  [
    "dpkg",
    /\sdpkg\s(?:.*\s)?(?:-[irP]\b|--(?:install|remove|purge|configure|unpack|set-sel|clear-sel|add-arch|remove-arch))/,
  ],
  ["awk", /[^-]>\s*"|\bsystem\s*\(|\|\s*"/],
  ["command", /\scommand\s+(?!-[vV]\b)/],
  ["uniq", /\suniq\s+(?:-\S+\s+)*[^-|\s)]\S*\s+[^|>\s)]/],
  ["hostname", /\shostname\s+[^-\s|&;)]/],
  ["date", /\sdate\s(?:.*\s)?(?:-s|--set)/],
]);

/**
 * The commands of a script that may change something when dpkg calls it so: everything that is not known to steer, read or speak, and is no function of the script.
 * `undefined` for what is no shell script, or is too large to be one.
 */
export function readCommands(script: string, call: ScriptCall): ScriptCommand[] | undefined {
  // Stand-ins of ours for texts in quotes: a script that has them itself would be misread.
  if (script.length > maxScript || /[\ue001-\ue003]/.test(script)) return undefined;
  if (!/^#! *\/(?:usr\/)?bin\/(?:sh|bash|dash)\b/.test(script)) return undefined;
  if (commandLines(script).some((line) => line.length > maxLine)) return undefined;
  const lines = liveLines(script, call);
  const functions = new Set(lines.flatMap((line) => /^(?:function\s+)?([\w-]+)\s*\(\s*\)/.exec(line)?.[1] ?? []));
  const found: ScriptCommand[] = [];
  for (const line of lines) {
    const bare = bareCode(line)
      .replace(/\d?>&\d|&?\d?>>?\s*(?:\/dev\/(?:null|stderr|stdout)\b)/g, " ")
      .replace(/^(?:function\s+)?[\w-]+\s*\(\s*\)/, " ");
    if (/(?:^|[^<>=-])>/.test(bare)) found.push({ name: ">", line });
    if (/(?:^|&&|\|\|?|[({]|\b(?:then|else|do|if|elif|while|until)\s|!\s)\s*(?:\$\(|`)/.test(bare))
      found.push({ name: "$", line });
    for (const part of bare.split(/&&|\|\||[|(){}`]|\$\(|!\s/)) {
      const [, word = ""] =
        /^\s*(?:(?:if|elif|while|until|do|then|else)\s+|\w+=\S*(?:\s+|$)|<\s*[^\s<]+\s+)*(\S*)/.exec(part) ?? [];
      if (word === "" || word === '"' || word.startsWith("-") || /^[\d;&<>]+$/.test(word)) continue;
      const name = word !== "[" && word !== "]" && /[$*?\\"'\ue001[]|^\.\.?\//.test(word) ? "$" : word;
      const isKnown =
        (silent.has(name) && telling.get(name)?.test(` ${line}`) !== true) ||
        functions.has(name) ||
        name === "in" ||
        name === "]";
      if (!isKnown) found.push({ name, line });
    }
  }
  return found;
}
