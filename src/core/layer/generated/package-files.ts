import { compareDebText } from "../../version/index.ts";
import type { ImageTree } from "./image-tree.ts";

const adm = 4;
const wwwData = 33;

/** What the postinst of single packages makes, beside what all packages have in common. */
export function addPackageFiles(tree: ImageTree): void {
  for (const [name, add] of makers) if (tree.has(name)) add(tree);
  for (const { name } of tree.packages) {
    const python = /^(python3\.\d+)-minimal$/.exec(name)?.[1];
    if (python !== undefined) tree.directory(`usr/local/lib/${python}/dist-packages`);
  }
}

const makers: readonly (readonly [name: string, add: (tree: ImageTree) => void])[] = [
  [
    "login",
    (tree) => {
      if (!isBefore(tree, "login", "1:4.16")) return;
      tree.file("var/log/faillog", "");
      tree.file("etc/subuid", "");
      tree.file("etc/subgid", "");
    },
  ],
  [
    "base-passwd",
    (tree) => {
      if (isBefore(tree, "base-passwd", "3.6.2")) return;
      tree.file("etc/subuid", "");
      tree.file("etc/subgid", "");
    },
  ],
  [
    "libpam-modules",
    (tree) => {
      tree.file("etc/security/opasswd", "", { mode: 0o600 });
      tree.file("etc/environment", "");
    },
  ],
  [
    "libwtmpdb0",
    (tree) => {
      tree.symlink("var/lib/wtmpdb/wtmp.db", "../../log/wtmp.db");
    },
  ],
  [
    "netbase",
    (tree) => {
      tree.file(
        "etc/hosts",
        "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\nff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n\n",
      );
      tree.file("etc/networks", "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n");
    },
  ],
  [
    "dash",
    (tree) => {
      if (!tree.has("dpkg") || !isBefore(tree, "dash", "0.5.12-3~")) return;
      const manual = "/usr/share/man/man1/sh";
      const diverted = tree.exists(`${manual.slice(1)}.1.gz`)
        ? [`${manual}.1.gz`, `${manual}.distrib.1.gz`, "dash"]
        : [];
      tree.file("var/lib/dpkg/diversions", `${[...diverted, "/bin/sh", "/bin/sh.distrib", "dash"].join("\n")}\n`);
    },
  ],
  [
    "python3",
    (tree) =>
      tree.file(
        "etc/python3/debian_config",
        "[DEFAULT]\n# how to byte-compile (comma separated: standard, optimize)\nbyte-compile = standard\n",
      ),
  ],
  [
    "nginx-common",
    (tree) => {
      const log = "var/log/nginx";
      tree.directory(log, { gid: adm, replace: true });
      for (const name of ["access", "error"])
        tree.file(`${log}/${name}.log`, "", { mode: 0o640, uid: wwwData, gid: adm });
      if (tree.exists("etc/nginx/sites-available/default") && tree.exists("etc/nginx/sites-enabled"))
        tree.symlink("etc/nginx/sites-enabled/default", "/etc/nginx/sites-available/default");
      const page = tree.kept("usr/share/nginx/html/index.html");
      if (page !== undefined) tree.file("var/www/html/index.nginx-debian.html", page);
    },
  ],
  [
    "openssh-server",
    (tree) => {
      const settings = tree.kept("usr/share/openssh/sshd_config");
      if (settings !== undefined) tree.file("etc/ssh/sshd_config", settings);
    },
  ],
  [
    "ucf",
    (tree) => {
      tree.file("var/lib/ucf/hashfile", "");
      tree.file("var/lib/ucf/registry", "");
    },
  ],
];

function isBefore(tree: ImageTree, name: string, version: string): boolean {
  return compareDebText(tree.version(name) ?? "", version) < 0;
}
