import type { Instruction } from "./read-instructions.ts";

/** Programs that install what a distribution's index offers, by the name they are called with. */
const managers = new Set("apt apt-get aptitude apk dnf microdnf tdnf yum zypper".split(" "));
/** What these programs do without looking at an index. */
const offline =
  /^(?:--?version|--?help|clean|autoclean|remove|purge|autoremove|autopurge|mark|del|list|show|info|history|why)$/;
const programFolders = /^\/(?:usr\/)?(?:local\/)?s?bin\/([^/]+)$/;
const shells = /^(?:\.|source|eval|(?:ba|da|a|z|k)?sh)$/;
/** Words that stand before the program of a command and change nothing about which it is. */
const before =
  /^(?:if|then|elif|else|do|while|until|time|!|exec|command|env|sudo|nice|nohup|eatmydata|busybox|[A-Za-z_]\w*=.*)$/;

/**
 * Whether a RUN may install from a distribution's package index: it calls a package manager in any form (shell, JSON,
 * heredoc, within `sh -c`), or a script whose content is not known. Being wrong costs a step that is run again; so what
 * cannot be told counts as using it, except a program of the image's own that is no shell.
 */
export function usesPackageIndex({ keyword, text, heredocs }: Instruction): boolean {
  if (keyword !== "RUN") return false;
  const all = [text.replace(/^(?:\s*--[a-z][\w-]*=\S*)*/, ""), ...heredocs].join("\n");
  return (
    commandsOf(all).some((words) => installs(words) || runsUnknown(words)) ||
    /\|\s*(?:sudo\s+)?(?:ba|da|a)?sh\b/.test(all)
  );
}

/** Commands as lists of words: quotes, brackets and separators only cut, so what is quoted is looked at as well. */
function commandsOf(text: string): string[][] {
  return text
    .replaceAll(/^\s*#.*$/gm, "")
    .replaceAll(/^\s*\[(.*)\]\s*$/gm, (_, list: string) => list.replaceAll(/"\s*,\s*"/g, " "))
    .split(/[;&|(){}`\n]|\$\(|["']/)
    .map((command) => command.split(/[\s<>]+/).filter((word) => word !== "" && word !== "\\"))
    .filter((words) => words.length > 0);
}

function installs(words: readonly string[]): boolean {
  return words.some((word, at) => {
    if (!managers.has(programOf(word) ?? word)) return false;
    const [action] = words.slice(at + 1).filter((each) => !each.startsWith("-") || offline.test(each));
    return action === undefined || !offline.test(action);
  });
}

/** A script that comes with the build: it may call a package manager. */
function runsUnknown(words: readonly string[]): boolean {
  const at = words.findIndex((word) => !before.test(word));
  const [program = "", ...rest] = words.slice(Math.max(at, 0));
  if (/\.(?:ba|da|z|k)?sh$/.test(program)) return true;
  if (/^\.{0,2}\//.test(program)) return programOf(program) === undefined;
  if (program.startsWith("$")) return true;
  // Without a file after its flags a shell reads what is quoted, which is looked at for itself.
  const [file] = rest.filter((word) => !/^[-+]/.test(word));
  return shells.test(program) && file !== undefined;
}

/** The name of a program in one of a system's own folders; undefined for what is elsewhere. */
function programOf(path: string): string | undefined {
  return programFolders.exec(path)?.[1];
}
