import { createHash } from "node:crypto";
import { lookup, readText, type Tree } from "../inventory/index.ts";
import { readAlternatives } from "../layer/index.ts";
import { compareDebText } from "../version/index.ts";
import type { ScriptCall } from "./live-lines.ts";
import { readCommands, type ScriptCommand } from "./script-commands.ts";
import { judgeTriggers } from "./judge-triggers.ts";
import type { NewPackage, Original, OriginalPackage } from "./types.ts";

const maxReasons = 5;

/** Commands that only a running system feels, or whose effect a patch makes itself (`ldconfig`). None of them runs, or finds anything to do, while an image is made. */
const ofRunningSystems: ReadonlySet<string> = new Set(
  "deb-systemd-helper deb-systemd-invoke systemctl invoke-rc.d service update-rc.d telinit systemd ldconfig restorecon".split(
    " ",
  ),
);

/**
 * Commands that were read in the packages of Debian 12 and 13 and change nothing in an upgrade within a release, by package. A command that comes new is not among them.
 */
const reviewed: ReadonlyMap<string, readonly string[]> = new Map([
  // A link where /bin/sh is not there.
  ["bash", ["ln"]],
  // Templates of files in /etc, where nobody has changed these: see `templates`. The diversions of the merged /usr stand since the first installation.
  ["base-files", [">", "chown", "chmod", "mkdir", "cp", "rmdir", "ln", "rm", "dpkg-divert"]],
  // The list and the bundle of certificates, which are made anew.
  [
    "ca-certificates",
    [
      "mkdir",
      "ca-certificates",
      "chgrp",
      "chmod",
      "chown",
      "dpkg-statoverride",
      ">",
      "rm",
      "mv",
      "update-ca-certificates",
      "dpkg-trigger",
    ],
  ],
  // nsswitch.conf, from a template with no former version to replace.
  ["libc-bin", ["cp"]],
  // Questions about services to restart; a marker that is made and removed again; /lib64 where it is missing; diversions as of base-files.
  ["libc6", ["perl", "touch", "rm", "mkdir", "ln", "dpkg-divert", "$"]],
  // Libraries that no package owns.
  ["libgcrypt20", ["clean-up-unmanaged-libraries"]],
  // Profiles of modules that were removed: its list of them is empty.
  ["libpam-modules", ["perl", "pam-auth-update"]],
  // Services that hold the former library.
  ["libpam0g", ["$"]],
  // Byte code of gdb's printers, of another name where python's version differs.
  ["libstdc++6", ["rm", "xargs"]],
  // Asks whether a port is taken.
  ["nginx", ["ss"]],
  // A link where /usr/lib/ssl is not there, which the package ships.
  ["openssl", ["ln"]],
  // New installations; and folders of a systemd that runs.
  ["passwd", ["shadowconfig", "systemd-tmpfiles"]],
  // The zone as debconf has it: the image's own stays.
  ["tzdata", ["ln", "mv", ">", "$"]],
]);
/** Files that a script takes to /etc where they changed: while they are the same it does nothing. */
const templates: ReadonlyMap<string, readonly string[]> = new Map([
  ["base-files", ["usr/share/base-files/profile", "usr/share/base-files/dot.profile"]],
  ["libc-bin", ["usr/share/libc-bin/nsswitch.conf"]],
]);

/** What judging a package's scripts needs. */
export interface ScriptSubject {
  readonly original: Original;
  readonly old: OriginalPackage | undefined;
  readonly next: NewPackage;
}

/**
 * Why the maintainer scripts of a package must run when it goes from its old to its new version; empty where they would change nothing that a patch does not make itself. Debian Policy 6.6: the old
 * `prerm` and `postrm`, the new `preinst` and `postinst`, and triggers.
 */
export function judgeScripts({ original, old, next }: ScriptSubject): string[] {
  const { tree } = original;
  const reasons = new Set<string>();
  const { from, to, name } = next.swap;
  const calls: (readonly [script: string, text: string | undefined, call: ScriptCall])[] = [
    ["preinst", next.files.get("preinst"), { action: from === undefined ? "install" : "upgrade", version: from }],
    ["postinst", next.files.get("postinst"), { action: "configure", version: from }],
  ];
  if (old !== undefined) {
    for (const script of ["prerm", "postrm"]) {
      const there = readText(tree, `${old.info}.${script}`);
      if (there.kind === "unreadable") reasons.add(`its old ${script} cannot be read`);
      if (there.kind === "read") calls.push([`old ${script}`, there.text, { action: "upgrade", version: to }]);
    }
  }
  for (const [script, text, call] of calls) {
    if (text === undefined) continue;
    const commands = readCommands(text, call);
    if (commands === undefined) reasons.add(`its ${script} is no shell script`);
    const isSame = old !== undefined && isUnchanged(tree, old, script.replace("old ", ""), next);
    for (const command of commands ?? [])
      if (!isHarmless(command, { tree, next, call, isSame })) reasons.add(`its ${script} ${saying(command)}`);
  }
  for (const path of templates.get(name) ?? []) {
    const before = lookup(tree, path, false);
    const after = next.facts.entries.find((entry) => entry.path === path);
    if (before.kind === "found" && after !== undefined && before.node.entry.sha256 !== after.sha256)
      reasons.add(`its postinst takes the new ${path} over`);
  }
  for (const reason of judgeTriggers(original, old, next)) reasons.add(reason);
  const all = [...reasons];
  return all.length > maxReasons ? [...all.slice(0, maxReasons), `and ${all.length - maxReasons} reasons more`] : all;
}

interface Place {
  readonly tree: Tree;
  readonly next: NewPackage;
  readonly call: ScriptCall;
  /** Whether the script is the one that ran when the old version came. */
  readonly isSame: boolean;
}

function isHarmless({ name, line }: ScriptCommand, { tree, next, call, isSame }: Place): boolean {
  const word = name.slice(name.lastIndexOf("/") + 1);
  if (reviewed.get(next.swap.name)?.includes(word) === true)
    return call.action !== "install" && next.swap.from !== undefined;
  if (ofRunningSystems.has(word) || word.startsWith("db_")) return true;
  if (word === ".") return /^\.\s+"?\/usr\/share\/debconf\/confmodule"?$/.test(line.replace(/^.*?(?=\.\s)/, "").trim());
  if (word === "dpkg-maintscript-helper") return isPast(line, next.swap.from);
  if (word === "update-alternatives") return isKnownAlternative(tree, line, isSame);
  if (word === "dpkg-trigger") {
    const trigger =
      line
        .split(/\s+/)
        .filter((each) => each !== "" && !each.startsWith("-"))
        .at(-1) ?? "";
    return !hasContent(tree, `var/lib/dpkg/triggers/${trigger.replaceAll('"', "")}`);
  }
  if (/^(?:adduser|addgroup|useradd|groupadd)$/.test(word) && hasAccount(tree, line)) return true;
  if (name === "$" || name === ">" || word === "" || shellWords.has(word)) return false;
  return !isCommand(tree, next, name);
}

/** Words of the shell itself, which no file stands for, and which run what follows them. */
/** Words of the shell itself, which no file stands for, and which run what follows them. */
const shellWords: ReadonlySet<string> = new Set(
  "eval exec source command builtin time coproc function trap alias select enable hash".split(" "),
);

/** Whether the image, or the package itself, has such a command: what nothing has does nothing. */
function isCommand(tree: Tree, next: NewPackage, name: string): boolean {
  const paths = name.includes("/") ? [name.replace(/^\/+/, "")] : folders.map((folder) => `${folder}/${name}`);
  return paths.some(
    (path) => lookup(tree, path, false).kind === "found" || next.facts.entries.some((entry) => entry.path === path),
  );
}

const folders = ["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"];

/** Whether the helper moves files only for those who come from before a version that lies behind. dpkg-maintscript-helper(1). */
function isPast(line: string, from: string | undefined): boolean {
  const words = line
    .slice(line.indexOf("dpkg-maintscript-helper"))
    .replaceAll("\\", "")
    .replaceAll(/["']/g, "")
    .split(/\s+/);
  if (words[1] === "supports") return true;
  const given =
    words[1] === "rm_conffile"
      ? words[3]
      : /^(?:mv_conffile|symlink_to_dir|dir_to_symlink)$/.test(words[1] ?? "")
        ? words[4]
        : undefined;
  return from !== undefined && given !== undefined && /^\d/.test(given) && compareDebText(from, given) >= 0;
}

/** Whether the alternative stands already: what registered it before were the same bytes, or its link is there; or what is to be removed is not. */
function isKnownAlternative(tree: Tree, line: string, isSame: boolean): boolean {
  if (isSame) return true;
  const there = (name: string): boolean => lookup(tree, `etc/alternatives/${name}`, false).kind === "found";
  const removed = /\s--remove\s+(\S+)\s/.exec(line)?.[1];
  if (removed !== undefined) return !there(removed);
  const installed = readAlternatives(line);
  return installed.length > 0 && installed.every(({ name }) => there(name));
}

function hasAccount(tree: Tree, line: string): boolean {
  const accounts = new Set(
    ["etc/passwd", "etc/group"].flatMap((path) => {
      const file = readText(tree, path);
      return file.kind === "read" ? file.text.split("\n").map((row) => row.split(":")[0] ?? "") : [];
    }),
  );
  return line.split(/\s+/).some((word) => word !== "" && accounts.has(word.replaceAll(/["']/g, "")) && word !== "root");
}

/** Whether the script is byte for byte the one that is installed. */
function isUnchanged(tree: Tree, old: OriginalPackage, script: string, { files }: NewPackage): boolean {
  const there = lookup(tree, `${old.info}.${script}`);
  const text = files.get(script);
  if (there.kind !== "found" || text === undefined) return false;
  return there.node.entry.md5 === createHash("md5").update(text, "latin1").digest("hex");
}

function hasContent(tree: Tree, path: string): boolean {
  const found = lookup(tree, path);
  return found.kind === "found" && found.node.entry.size > 0;
}

function saying({ name, line }: ScriptCommand): string {
  if (name === ">") return "writes a file";
  if (name === "$") return "calls what a variable says";
  const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
  return `calls ${name.slice(0, 60)}${name.length < shown.length ? `: ${shown}` : ""}`;
}
