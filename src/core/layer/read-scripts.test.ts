import { describe, expect, it } from "vitest";
import { reproducedBy } from "./generated/from-scripts.ts";
import { readAlternatives, unreproducedCommands } from "./read-scripts.ts";

describe("readAlternatives", () => {
  it("reads calls over several lines, with quotes and followers, and nothing after them", () => {
    const script = `#!/bin/sh
# update-alternatives --install /no /no /no 1
update-alternatives --quiet --install "/usr/bin/pager" pager \\
  /usr/bin/less 77 --slave /usr/share/man/man1/pager.1.gz \\
  pager.1.gz /usr/share/man/man1/less.1.gz || true
cat <<EOF
update-alternatives --install /no no /no 1
EOF
`;
    expect(readAlternatives(script)).toEqual([
      {
        link: "/usr/bin/pager",
        name: "pager",
        path: "/usr/bin/less",
        priority: 77,
        slaves: [{ link: "/usr/share/man/man1/pager.1.gz", name: "pager.1.gz", path: "/usr/share/man/man1/less.1.gz" }],
      },
    ]);
  });

  it("puts in variables with one value, and the words of loops", () => {
    const script = `base=/usr/lib/jvm/java-17
man=$base/man
tools='java keytool'
for i in $tools; do
  if [ -e $man/$i.1.gz ]; then
    slave="--slave /usr/share/man/$i.1.gz $i.1.gz \${man}/$i.1.gz"
  fi
  update-alternatives --install /usr/bin/$i \
    "$i" $base/bin/$i 1711 $slave $gone
done
for binary in php; do
  update-alternatives --install "/usr/bin/\${binary}" $binary "/usr/bin/\${binary}8.2" 82
done
while read i; do
  update-alternatives --install /usr/bin/$i $i $base/$i 1
done
two=/a
two=/b
update-alternatives --install /usr/bin/two two $two 1
`;
    expect(
      readAlternatives(script).map(({ link, path, priority, slaves }) => [link, path, priority, slaves[0]?.path]),
    ).toEqual([
      ["/usr/bin/java", "/usr/lib/jvm/java-17/bin/java", 1711, "/usr/lib/jvm/java-17/man/java.1.gz"],
      ["/usr/bin/keytool", "/usr/lib/jvm/java-17/bin/keytool", 1711, "/usr/lib/jvm/java-17/man/keytool.1.gz"],
      ["/usr/bin/php", "/usr/bin/php8.2", 82, undefined],
    ]);
    expect(unreproducedCommands(script)).toEqual(["update-alternatives"]);
  });

  it("ends, whatever the script", () => {
    const words = Array.from({ length: 60 }, (_, at) => `w${at}`).join(" ");
    const loops = `${`for i in ${words}; do\n`.repeat(50)}update-alternatives --install /x x /x 1\n`;
    expect(readAlternatives(loops)).toEqual([]);
    expect(readAlternatives(`a="$a$a$a"\nb="$a $b"\nupdate-alternatives --install /x x $a$b 1\n`)).toEqual([]);
  });

  it.each([
    `for i in ${" ".repeat(900_000)};x`,
    `${"a=b ".repeat(200_000)}=`,
    `a=${" ".repeat(900_000)}x`,
    `${"for i in a b; do\n".repeat(50_000)}update-alternatives --install /x x /x 1`,
    Array.from({ length: 50_000 }, (_, at) => `v${at}=$v${at + 1}`).join("\n"),
    `update-alternatives ${'"'.repeat(900_000)}`,
  ])("takes no long time for a hostile script, case %#", (script) => {
    const start = process.cpuUsage();
    readAlternatives(script);
    unreproducedCommands(script);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).toBeLessThan(2);
  });

  it.each([
    "update-alternatives --install /usr/bin/x x $file 1",
    'update-alternatives --install /usr/bin/x "$name" /usr/bin/y 1',
    "update-alternatives --install /usr/bin/../../x x /usr/bin/y 1",
    "update-alternatives --install /usr/bin/x .. /usr/bin/y 1",
    "update-alternatives --install /usr/bin/x a/b /usr/bin/y 1",
    "update-alternatives --install /usr/bin/x x /usr/bin/y high",
    "update-alternatives --remove x /usr/bin/y",
    "update-alternatives --install",
  ])("takes nothing of what it cannot tell or must not follow: %s", (line) =>
    expect(readAlternatives(line)).toEqual([]),
  );
});

describe("unreproducedCommands", () => {
  it("names what makes something, wherever it stands in a line, each once", () => {
    const script = `set -e
if [ "$1" = configure ]; then mkdir -p /var/lib/x && chown x /var/lib/x; fi
getent passwd x >/dev/null || adduser --system x
! test -e /a || DEBIAN_FRONTEND=n /usr/bin/touch /a | tee /b
dpkg-statoverride --list /c >/dev/null || dpkg-statoverride --update --add root x 2755 /c
systemctl daemon-reload; ldconfig; chown x /d
`;
    expect(unreproducedCommands(script)).toEqual(["adduser", "chown", "dpkg-statoverride", "mkdir", "touch"]);
  });

  it("is silent on what a container has no use for", () => {
    const script = `dpkg-statoverride --list /c
# adduser in a comment
deb-systemd-helper enable x.service
update-rc.d x defaults
cat <<'EOF'
mkdir /in/a/text
EOF
`;
    expect(unreproducedCommands(script)).toEqual([]);
  });
});

describe("reproducedBy", () => {
  it.each([
    ["base-files", "*", true],
    ["apt", "*", true],
    ["postgresql-common", "adduser", true],
    ["postgresql-common", "chown", false],
    ["unheard-of", "adduser", false],
    ["unheard-of", "pam-auth-update", true],
    ["openssh-server", "ssh-keygen", false],
    ["python3.11-minimal", "mkdir", true],
  ])("%s, %s: %s", (name, command, expected) => expect(reproducedBy(name).includes(command)).toBe(expected));
});
