import { describe, expect, it } from "vitest";
import { readCommands } from "./script-commands.ts";

const call = { action: "configure", version: "1" } as const;
const namesIn = (script: string): string[] | undefined =>
  readCommands(`#!/bin/sh\n${script}\n`, call)?.map(({ name }) => name);

describe("readCommands", () => {
  it.each([
    ["set -e\necho done\nexit 0", []],
    ["touch /a && chmod 755 /b || rm -f /c", ["touch", "chmod", "rm"]],
    ["x=$(cat /a | tool)", ["tool"]],
    ["x=`tool`", ["tool"]],
    ["( cd /a; ln -s b c )", ["ln"]],
    ["echo a > /etc/a", [">"]],
    ["echo a >> /etc/a", [">"]],
    ["echo a > /dev/null 2>&1", []],
    ["$tool x", ["$"]],
    ['"$tool" x', ["$"]],
    ["clean() {\n  rm /a\n}\nclean", ["rm"]],
    ["for f in a b; do rm $f; done", ["rm"]],
    ["[ -x /usr/bin/tool ] && /usr/bin/tool --run", ["/usr/bin/tool"]],
    ["find / -name x -delete", ["find"]],
    ["find / -name x", []],
    ["sed -i s/a/b/ /etc/x", ["sed"]],
    ["sed s/a/b/ /etc/x", []],
    ["FOO=1 BAR=2 tool", ["tool"]],
    ["cat <<EOF\nrm /a\nEOF", []],
    ["ls | xargs -r rm", ["xargs"]],
    ["env X=1 rm /a", ["env"]],
    ["command rm /a", ["command"]],
    ["command -v tool", []],
    ["trap 'rm /a' EXIT", ["trap"]],
    ["time rm /a", ["time"]],
    ["/usr/lib/$x/tool", ["$"]],
    ["$(which tool) -x", ["$"]],
    ['"/usr/bin/"tool', ["$"]],
    ["../tool", ["$"]],
    ["< /etc/a tool", ["tool"]],
    ['case "$(tool)" in a) rm /b ;; esac', ["tool", "rm"]],
    ["LC_ALL=C sed -ni s/a/b/ x", ["sed"]],
    ["awk '{ print > \"/etc/a\" }' x", ["awk"]],
    ['echo "$(rm /a)"', ["rm"]],
    [`echo "$(a) it's $(rm /x) isn't"`, ["a", "rm"]],
    ["x=${y:-$(rm /x)}", ["rm"]],
    ["echo 'a > b'", []],
    ["x=$((1 + 2))", []],
    ['[ -z "$(tool)" ]', ["tool"]],
    ['echo "$(a "b #c")"; rm /x', ["a", "rm"]],
    ["eval rm", ["eval"]],
    [". /usr/share/debconf/confmodule", ["."]],
    ["dpkg --remove x", ["dpkg"]],
  ])("finds in %j what does something", (script, names) => {
    expect(namesIn(script)).toEqual(names);
  });

  it.each([
    ["awk '\n{ a }\n' /x && rm /y", "rm"],
    ["x=$(($(rm /x) + 2))", "rm"],
    ['"$(tool)" x', "$"],
    ["'unended; rm /x", "rm"],
    ['"unended $(rm /x)', "rm"],
    ["echo \\' && rm /x #'", "rm"],
  ])("misses nothing in %j", (script, name) => {
    expect(namesIn(script)).toContain(name);
  });

  it.each([
    ["sums", "$((".repeat(80)],
    ["quotes", `"'`.repeat(4000)],
    ["substitutions", "$(`".repeat(2000)],
    ["cases", "case a ".repeat(1000)],
    ["braces", "f() { ${".repeat(900)],
    ["spaces", " ".repeat(8000)],
  ])("takes no time for many %s", (_, line) => {
    const begin = performance.now();
    readCommands(`#!/bin/sh\n${`${line}\n`.repeat(30)}`, call);
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  it.each([
    ["perl", "#!/usr/bin/perl\n"],
    ["nothing that says what it is", "touch /a\n"],
    ["a program", "\u007fELF"],
    ["a script that is too large", `#!/bin/sh\n${"# x\n".repeat(70_000)}`],
    ["a line that is too long", `#!/bin/sh\n: ${"x".repeat(9000)}`],
  ])("does not say of %s that it does nothing", (_, script) => {
    expect(readCommands(script, call)).toBeUndefined();
  });
});
