import { describe, expect, it } from "vitest";
import { liveLines } from "./live-lines.ts";

const upgrade = { action: "upgrade", version: "2.0-1" } as const;
const configure = { action: "configure", version: "2.0-1" } as const;

describe("liveLines", () => {
  it.each([
    ["what is for another action", 'if [ "$1" = purge ]; then\n  rm /a\nfi\nls', ["ls"]],
    ["the other branch", 'if [ "$1" = "purge" ]; then rm /a; else touch /b; fi', ["touch /b"]],
    ["test in its other form", 'if test "$1" != upgrade; then rm /a; fi', []],
    ["letters that keep an empty word", 'if [ "x$1" = xpurge ]; then rm /a; fi', []],
    [
      "a version that lies behind",
      'if [ "$1" = upgrade ] && dpkg --compare-versions "$2" lt-nl 1.9~; then rm /a; fi',
      [],
    ],
    ["one that does not", 'if [ "$1" = upgrade ] && dpkg --compare-versions "$2" lt 3; then rm /a; fi', ["rm /a"]],
    ["alternatives that are all false", 'if [ "$1" = purge ] || [ -z "$2" ]; then rm /a; fi', []],
    ["alternatives of which one holds", 'if [ "$1" = purge ] || [ -e /b ]; then rm /a; fi', ["rm /a"]],
    [
      "a condition over several lines",
      'if\n  test "$1" != upgrade ||\n  dpkg --compare-versions "$2" lt 1\nthen\n  rm /a\nfi',
      [],
    ],
    [
      "names for the arguments",
      'type=$1\nold="$2"\nif [ "$type" = purge ]; then rm /a; fi\nif dpkg --compare-versions $old lt 1; then rm /b; fi',
      [],
    ],
    [
      "a case",
      'case "$1" in\n  purge|remove)\n    rm /a\n    ;;\n  upgrade) touch /b ;;\n  *) touch /c ;;\nesac',
      ["touch /b", "touch /c"],
    ],
    ["what is inside what is dead", 'if [ "$1" = purge ]; then\n if [ -e /x ]; then rm /a; fi\n rm /b\nfi\nls', ["ls"]],
  ])("leaves out %s", (_, script, live) => {
    const found = liveLines(`#!/bin/sh\n${script}\n`, upgrade);
    const commands = found.filter((line) => !/^(?:\[|test|dpkg|type=|old=|-|case)/.test(line));
    expect(commands).toEqual(live);
  });

  it.each([
    ["an if that does not end", 'if [ "$1" = purge ]; then\n  rm /a\n'],
    ["a fi too many", 'if [ "$1" = purge ]; then\n  rm /a\nfi\nfi'],
    ["a text over several lines that looks like one", "echo '\nif x\n'\nif [ \"$1\" = purge ]; then rm /a; fi"],
    ["a function, whose arguments are its own", 'f() {\n  if [ "$1" = purge ]; then rm /a; fi\n}\nf purge'],
    ["a case of a function", 'f()\n{\n  case "$1" in purge) rm /a ;; esac\n}\nf purge'],
    ["a name that a function gives", 'f() {\n  a=$1\n}\nif [ "$a" = purge ]; then rm /a; fi'],
    ["a script that sets its arguments", 'set -- purge\nif [ "$1" = purge ]; then rm /a; fi'],
    ["a script that shifts them", 'shift\nif [ "$1" = purge ]; then rm /a; fi'],
    ["a condition of which the last command decides", 'if [ "$1" = purge ]; [ -e /x ]; then rm /a; fi'],
    ["a name that is read", 'a=$1\nread a\nif [ "$a" = purge ]; then rm /a; fi'],
    ["a name that is given twice", 'a=$1\na=purge\nif [ "$a" = purge ]; then rm /a; fi'],
    ["a condition that runs something", 'if [ "$(cat /x)" = purge ]; then rm /a; fi'],
    ["a negation", 'if ! [ "$1" = upgrade ]; then rm /a; fi'],
    ["a label with a pattern", 'case "$1" in pu*) rm /a ;; esac'],
    ["a case over something else", 'case "$X" in purge) rm /a ;; esac'],
  ])("takes all as live in %s", (_, script) => {
    expect(liveLines(`#!/bin/sh\n${script}\n`, configure)).toContain("rm /a");
  });

  it("takes no time for what is made to take long", () => {
    const begin = performance.now();
    liveLines(
      `#!/bin/sh\n${"if [ -e x ] && ".repeat(20_000)}\n${'"'.repeat(50_000)}\n${"case x in ".repeat(5000)}`,
      upgrade,
    );
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});
