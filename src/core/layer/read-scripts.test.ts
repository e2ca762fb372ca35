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
