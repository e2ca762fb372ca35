import { compareDebText } from "../../version/index.ts";
import { BuildError } from "../error.ts";
import type { ImageTree } from "./image-tree.ts";

const mail = 8;
const utmp = 43;

/** tzdata of both releases has the same version, so base-files says which one it is. */
function isAfterBookworm(tree: ImageTree): boolean {
  const version = tree.version("base-files");
  return version !== undefined && compareDebText(version, "13.1") >= 0;
}

/** What base-files' postinst makes: the configuration from its templates, and empty folders and logs. */
export function addBaseFiles(tree: ImageTree): void {
  if (!tree.has("base-files")) return;
  const template = (name: string, path: string): void => {
    const text = tree.kept(`usr/share/base-files/${name}`);
    if (text !== undefined) tree.file(path, text);
  };
  template("dot.profile", "root/.profile");
  template("dot.bashrc", "root/.bashrc");
  template("profile", "etc/profile");
  template("motd", "etc/motd");
  if (tree.exists("usr/share/info")) template("info.dir", "usr/share/info/dir");
  if (tree.exists("etc/dpkg/origins/debian")) tree.symlink("etc/dpkg/origins/default", "debian");
  for (const path of ["mnt", "srv", "opt", "etc/opt", "var/opt", "media"]) tree.directory(path);
  tree.directory("root", { mode: 0o700 });
  tree.directory("var/mail", { mode: 0o2775, gid: mail });
  tree.symlink("var/spool/mail", "../mail");
  if (isAfterBookworm(tree)) tree.directory("usr/local/libexec");
  for (const path of ["share", "share/man", "bin", "games", "lib", "include", "sbin", "src", "etc"])
    tree.directory(`usr/local/${path}`);
  tree.symlink("usr/local/man", "share/man");
  tree.file("var/log/wtmp", "", { mode: 0o664, gid: utmp });
  tree.file("var/log/btmp", "", { mode: 0o660, gid: utmp });
  tree.file("var/log/lastlog", "", { mode: 0o664, gid: utmp });
}

/** Files that a postinst copies from where the package has them. */
export function addCopies(tree: ImageTree): void {
  for (const [name, from, to] of copies) {
    const text = tree.has(name) ? tree.kept(from) : undefined;
    if (text !== undefined) tree.file(to, text);
  }
}

const copies = [
  ["libc-bin", "usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"],
  ["readline-common", "usr/share/readline/inputrc", "etc/inputrc"],
] as const;

/** What tzdata's postinst makes of its answers: the zone's link, and its name where this version keeps one. Throws BAD_REQUEST for a zone that is asked for and that no package has. */
export function addTimeZone(tree: ImageTree, asked: string | undefined): void {
  const zone = asked ?? "Etc/UTC";
  if (asked !== undefined && !tree.exists(`usr/share/zoneinfo/${asked}`))
    throw new BuildError("BAD_REQUEST", `no package of the image has the time zone ${asked}`, {
      hint: tree.has("tzdata")
        ? "Check its name; zones of old names are in the package tzdata-legacy on trixie and later."
        : "Add the package tzdata.",
    });
  if (!tree.has("tzdata")) return;
  tree.symlink("etc/localtime", `/usr/share/zoneinfo/${zone}`);
  if (!isAfterBookworm(tree)) tree.file("etc/timezone", `${zone}\n`);
}

/** `etc/shells` and its state, as update-shells(8) makes them of the template and `shells.d`. */
export function addShells(tree: ImageTree): void {
  const template = tree.kept("usr/share/debianutils/shells");
  if (!tree.has("debianutils") || template === undefined) return;
  const packaged = new Set<string>();
  const files = [template, ...tree.keptBelow("usr/share/debianutils/shells.d/").map(([, text]) => text)];
  for (const line of files.flatMap((text) => text.split("\n"))) {
    const shell = line.replace(/#.*$/, "").trim();
    if (shell === "") continue;
    packaged.add(shell);
    const slash = shell.lastIndexOf("/");
    const folder = tree.resolve(shell.slice(0, slash), true);
    if (folder !== undefined) packaged.add(`/${folder}${shell.slice(slash)}`);
  }
  const own = template.replace(/\n*$/, "\n");
  const listed = new Set(own.split("\n").map((line) => line.replace(/#.*$/, "").trim()));
  const added = [...packaged].filter((shell) => !listed.has(shell));
  tree.file("etc/shells", own + added.map((shell) => `${shell}\n`).join(""));
  tree.file("var/lib/shells.state", [...packaged].map((shell) => `${shell}\n`).join(""));
}

/** `/bin/sh`, where dash's postinst and not its archive makes it. */
export function addShell(tree: ImageTree): void {
  if (tree.has("dash")) tree.symlink("usr/bin/sh", "dash");
}
