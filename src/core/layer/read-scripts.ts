import { expandLines } from "./expand-script.ts";
import type { Alternative } from "./types.ts";

const maxScript = 1_048_576;

/** The calls of `update-alternatives --install` in a maintainer script whose words stand there, or in variables with one plain value; others are left out. */
export function readAlternatives(script: string): Alternative[] {
  if (script.length > maxScript) return [];
  return expandLines(commandLines(script), tool).flatMap((line) => readInstall(line) ?? []);
}

const tool = "update-alternatives";

/** Undefined where it is no such call, or one that cannot be told. */
function readInstall(line: string): Alternative | undefined {
  const words = splitWords(line.slice(line.indexOf(tool)));
  const install = words.indexOf("--install");
  const [link, name, path, priority] = words.slice(install + 1, install + 5);
  if (install < 0 || !isPath(link) || !isName(name) || !isPath(path) || !/^-?\d{1,9}$/.test(priority ?? ""))
    return undefined;
  const slaves: { link: string; name: string; path: string }[] = [];
  for (let word = install + 5; word < words.length; word += 1) {
    if (words[word] !== "--slave" && words[word] !== "--follower") continue;
    const [slaveLink, slaveName, slavePath] = words.slice(word + 1, word + 4);
    if (isPath(slaveLink) && isName(slaveName) && isPath(slavePath))
      slaves.push({ link: slaveLink, name: slaveName, path: slavePath });
  }
  return { link, name, path, priority: Number(priority), slaves };
}

/** Commands that change nothing in an image, or whose effect is generated, or that only a running system needs. */
const harmless: ReadonlySet<string> = new Set(
  (
    "set exit return true false : [ test if then else elif fi for while until do done case esac in break continue shift local export unset eval trap umask cd read wait " +
    "echo printf cat grep egrep fgrep sed awk cut tr sort uniq head tail wc expr basename dirname readlink realpath which command type getent id uname stat cmp diff md5sum sha256sum mktemp sleep date hostname find xargs tee env " +
    "dpkg dpkg-query dpkg-maintscript-helper dpkg-trigger dpkg-divert dpkg-realpath dpkg-statoverride ischroot " +
    "deb-systemd-helper deb-systemd-invoke systemctl systemd-tmpfiles systemd-sysusers invoke-rc.d update-rc.d service telinit " +
    "db_version db_capb db_get db_set db_input db_go db_stop db_fset db_subst db_title db_purge db_unregister db_register db_metaget db_reset db_settitle db_info db_progress . " +
    "ldconfig update-alternatives update-ca-certificates update-shells add-shell remove-shell update-passwd shadowconfig pwconv grpconv pwck grpck " +
    "py3compile py3clean pycompile pyclean update-mime update-menus update-desktop-database update-mime-database gtk-update-icon-cache glib-compile-schemas install-info mandb fc-cache update-python-modules " +
    "deluser delgroup rm rmdir"
  ).split(" "),
);

/** Commands that make what an image would lack. */
const telling =
  /^(?:ln|cp|mv|mkdir|install|touch|chown|chmod|chgrp|setcap|setfacl|pam-auth-update|update-inetd|update-xmlcatalog|update-catalog|make-ssl-cert|openssl|ssh-keygen|locale-gen|update-locale|dpkg-reconfigure|ucf|ucfr|a2enmod|a2ensite|a2enconf|php\S*enmod|phpenmod|initdb|pg_createcluster|mysql_install_db|perl|python3?|ruby|rake|java|keytool|depmod|update-initramfs|update-grub|newaliases|update-exim4\S*|update-fonts-\S+|update-java\S*|jexec|run-parts|su|runuser|sudo|sysctl|modprobe|udevadm|mknod|dbus-\S+|rabbitmq\S*|gem|npm|pip3?|adduser|addgroup|useradd|groupadd|usermod|groupmod|crontab|tar|gzip|curl|wget|patch|ed|ex)$/;

/** Commands of a `postinst` whose effect an image made without running it lacks, sorted, each once. What is not known as a command is taken for a function of the script. */
export function unreproducedCommands(script: string): string[] {
  if (script.length > maxScript) return ["a script too large to read"];
  const commands = new Set<string>();
  const lines = commandLines(script);
  if (expandLines(lines, tool).some((line) => /\s--install\b/.test(line) && readInstall(line) === undefined))
    commands.add(tool);
  for (const line of lines) {
    if (/\bdpkg-statoverride\s.*--add\b/.test(line)) commands.add("dpkg-statoverride");
    for (const part of line.split(/&&|\|\||[;|(){}]|\bthen\b|\belse\b|\bdo\b|\bif\b|!\s/)) {
      const word = /^\s*(?:\w+=(?:"[^"]*"|'[^']*'|[^\s"'])*\s+)*([\w./-]+)(?![\w=])/
        .exec(part)?.[1]
        ?.replace(/^.*\//, "");
      if (word !== undefined && !harmless.has(word) && telling.test(word)) commands.add(word);
    }
  }
  return [...commands].sort();
}

/** Lines of a shell script: continued ones joined, comments and the bodies of here-documents left out. */
export function commandLines(script: string): string[] {
  const lines: string[] = [];
  let until: string | undefined;
  for (const line of script.replaceAll("\\\n", " ").split("\n")) {
    if (until !== undefined) {
      if (line.trim() === until) until = undefined;
      continue;
    }
    if (/^\s*#/.test(line)) continue;
    until = /<<-?\s*(["']?)(\w+)\1/.exec(line)?.[2];
    lines.push(line);
  }
  return lines;
}

function splitWords(line: string): string[] {
  const end = /\s(?:\|\||&&|;|>|2>|\|)|;/.exec(line)?.index ?? line.length;
  return line
    .slice(0, end)
    .split(/\s+/)
    .map((word) => word.replace(/^(["'])(.*)\1$/, "$2"))
    .filter((word) => word !== "");
}

function isPath(text: string | undefined): text is string {
  return text !== undefined && /^\/[\w./+:@%,=-]+$/.test(text) && !text.split("/").includes("..");
}

function isName(text: string | undefined): text is string {
  return text !== undefined && /^[\w.+:@-]+$/.test(text) && text !== "." && text !== "..";
}
