import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyTree, extendTree, type LayerEntry, type Tree } from "../inventory/index.ts";
import {
  commandOfTest,
  environmentOfTest,
  judgeCommandTest,
  judgeStructureTests,
  parseStructureTests,
  type StructureTests,
} from "./index.ts";

function tests(text: string): StructureTests {
  const parsed = parseStructureTests(`schemaVersion: "2.0.0"\n${text}`);
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  return parsed.tests;
}
function problems(text: string): readonly string[] {
  const parsed = parseStructureTests(text);
  return parsed.kind === "invalid" ? parsed.problems : [];
}
const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1,
  ...more,
});
const tree: Tree = extendTree(emptyTree, {
  diffId: `sha256:${"1".repeat(64)}`,
  unpacked: 0,
  entries: [
    entry("usr", { type: "directory", mode: 0o755 }),
    entry("usr/bin", { type: "directory", mode: 0o755 }),
    entry("usr/bin/app", { mode: 0o750, uid: 10, gid: 20 }),
    entry("usr/bin/su", { mode: 0o4755 }),
    entry("tmp", { type: "directory", mode: 0o1777 }),
    entry("bin", { type: "symlink", mode: 0o777, link: "usr/bin" }),
    entry("usr/bin/gone", { type: "symlink", mode: 0o777, link: "nowhere" }),
  ],
  whiteouts: [],
  opaques: [],
  problems: [],
});
const config = {
  Env: ["PATH=/usr/bin", "EMPTY="],
  Labels: { team: "shop-1", __proto__x: "1" },
  ExposedPorts: { "8080/tcp": {}, "53/udp": {} },
  Volumes: { "/data": {} },
  Entrypoint: ["/usr/bin/app"],
  User: "app",
  WorkingDir: "/srv",
};
const contents = new Map([
  ["/etc/conf", { text: "user nobody;\nworkers 4;\n" }],
  ["/large", { problem: "it is too large" }],
] as const);
const judge = (text: string): string[] => judgeStructureTests(tests(text), { tree, config, contents });

describe("files of container-structure-test", () => {
  it.each([
    [
      "{name: a, path: /usr/bin/app, shouldExist: true, permissions: '-rwxr-x---', uid: 10, gid: 20, isExecutableBy: group}",
      [],
    ],
    ["{name: a, path: /bin/app}", []],
    ["{name: a, path: /usr/bin/su, permissions: 'urwxr-xr-x'}", []],
    ["{name: a, path: /tmp, permissions: 'dtrwxrwxrwx'}", []],
    ["{name: a, path: /bin, permissions: 'Lrwxrwxrwx'}", []],
    ["{name: a, path: /usr/bin/gone}", []],
    ["{name: a, path: /none, shouldExist: false}", []],
    ["{name: a, path: /none}", ["a: /none is not there"]],
    ["{name: a, path: /usr/bin/gone, shouldExist: false}", ["a: /usr/bin/gone is there, and must not be"]],
    [
      "{name: a, path: /usr/bin/app, permissions: '-rwxr-xr-x', uid: 0, gid: 0, isExecutableBy: other}",
      [
        "a: the mode of /usr/bin/app is -rwxr-x---, not -rwxr-xr-x",
        "a: /usr/bin/app belongs to the user 10, not 0",
        "a: /usr/bin/app belongs to the group 20, not 0",
        "a: /usr/bin/app is not executable by other",
      ],
    ],
  ])("existence %s", (test, wrong) => expect(judge(`fileExistenceTests:\n  - ${test}`)).toEqual(wrong));

  it.each([
    [
      "{name: c, path: /etc/conf, expectedContents: ['workers \\d+', '(?m)^user nobody'], excludedContents: [root]}",
      [],
    ],
    [
      "{name: c, path: /etc/conf, expectedContents: ['^workers'], excludedContents: ['nobo.y']}",
      ["c: /etc/conf has no ^workers", "c: /etc/conf has nobo.y"],
    ],
    ["{name: c, path: /none, expectedContents: [a]}", ["c: /none is no file that is there"]],
    ["{name: c, path: /large, expectedContents: [a]}", ["c: /large cannot be read: it is too large"]],
  ])("contents %s", (test, wrong) => expect(judge(`fileContentTests:\n  - ${test}`)).toEqual(wrong));

  it.each([
    ["env: [{key: PATH, value: '^/usr', isRegex: true}, {key: EMPTY, value: ''}]", []],
    ["labels: [{key: team, value: 'shop-\\d', isRegex: true}]", []],
    ["exposedPorts: [8080, '53/udp']\n  unexposedPorts: ['22', '8080/udp']", []],
    ["volumes: [/data]\n  unmountedVolumes: [/other]", []],
    ["entrypoint: [/usr/bin/app]\n  cmd: []\n  user: app\n  workdir: /srv", []],
    [
      "envVars: [{key: HOME, value: /root}, {key: PATH, value: /bin}]",
      ["metadata: there is no variable HOME", 'metadata: the variable PATH is "/usr/bin", not "/bin"'],
    ],
    [
      "labels: [{key: toString, value: x}, {key: team, value: ^x, isRegex: true}]",
      ["metadata: there is no label toString", 'metadata: the label team is "shop-1", and has no ^x'],
    ],
    [
      "exposedPorts: ['9090']\n  unexposedPorts: [8080]",
      ["metadata: the port 9090 is not exposed", "metadata: the port 8080 is exposed"],
    ],
    [
      "volumes: [/other]\n  unmountedVolumes: [/data]",
      ["metadata: there is no volume /other", "metadata: there is a volume /data"],
    ],
    [
      "entrypoint: []\n  user: root",
      ['metadata: the entrypoint is ["/usr/bin/app"], not []', 'metadata: the user is "app", not "root"'],
    ],
  ])("metadata %s", (test, wrong) => expect(judge(`metadataTest:\n  ${test}`)).toEqual(wrong));

  it("commands: the image's shell sets up, variables are filled in, and each output has its own expressions", () => {
    const { commandTests, globalEnvVars } = tests(`
globalEnvVars: [{key: BASE, value: "\${HOME}/x"}]
commandTests:
  - name: plain
    command: go
    args: [version]
    expectedOutput: ["go1\\\\.\\\\d+"]
    excludedError: [".+"]
  - name: set up
    setup: [[touch, "/tmp/it's"], ["true"]]
    envVars: [{key: PATH, value: "$BASE/bin:$PATH:$NONE"}]
    command: ls
    args: ["-l", "a b"]
    exitCode: 2`);
    const [plain, setUp] = commandTests as [
      StructureTests["commandTests"][number],
      StructureTests["commandTests"][number],
    ];
    expect(commandOfTest(plain)).toEqual(["go", "version"]);
    expect(commandOfTest(setUp)).toEqual([
      "/bin/sh",
      "-c",
      `{ 'touch' '/tmp/it'\\''s'; } >/dev/null 2>&1 || { echo "setup 1 ended with $?" >&2; exit 125; }\n` +
        `{ 'true'; } >/dev/null 2>&1 || { echo "setup 2 ended with $?" >&2; exit 125; }\nexec 'ls' '-l' 'a b'`,
    ]);
    expect(environmentOfTest(globalEnvVars, setUp.envVars, ["HOME=/root", "PATH=/bin"])).toEqual({
      BASE: "/root/x",
      PATH: "/root/x/bin:/bin:",
    });
    expect(judgeCommandTest(plain, { status: 0, stdout: "go version go1.22", stderr: "" })).toEqual([]);
    expect(judgeCommandTest(plain, { status: 1, stdout: "", stderr: "no" })).toEqual([
      "it ended with 1, not 0",
      "its output has no go1\\.\\d+",
      "its error output has .+",
    ]);
    expect(judgeCommandTest(setUp, { status: 2, stdout: "", stderr: "" })).toEqual([]);
  });

  it.each<[string, RegExp]>([
    ["schemaVersion: '1.0.0'", /^1:16: schemaVersion: only "2\.0\.0" is read$/],
    ["a: 1\nschemaVersion: '2.0.0'", /^1:4: a: /],
    ["schemaVersion: '2.0.0'\nlicenseTests: [{debian: true}]", /^2:15: licenseTests: licences are not looked at$/],
    [
      "schemaVersion: '2.0.0'\ncontainerRunOptions: {privileged: true}",
      /^2:35: containerRunOptions\.privileged: of it only `user`/,
    ],
    [
      "schemaVersion: '2.0.0'\ncommandTests:\n  - {name: a, command: b, expectedOutput: ['(?=x)']}",
      /^3:4[0-9]: commandTests\.0\.expectedOutput\.0: no expression of RE2/,
    ],
    [
      "schemaVersion: '2.0.0'\nmetadataTest: {labels: [{key: a, value: '[', isRegex: true}]}",
      /^2:41: metadataTest\.labels\.0\.value: no expression/,
    ],
    [
      "schemaVersion: '2.0.0'\nfileExistenceTests: [{name: a, path: b}]",
      /fileExistenceTests\.0\.path: an absolute path/,
    ],
    [
      "schemaVersion: '2.0.0'\nfileExistenceTests: [{name: a, path: /b, permissions: '0755'}]",
      /permissions: as Go writes modes/,
    ],
    ["a: [", /^1:5: /],
    ["a: &a [*a]", /./],
    ["a: *b", /./],
    ["", /^1:1: /],
    [`a: ${"x".repeat(1_100_000)}`, /larger than/],
  ])("names the place of what is wrong: %j", (text, problem) =>
    expect(problems(text)[0]?.slice(0, 300)).toMatch(problem),
  );

  it("never throws, and an expression keeps nobody busy whatever the text", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseStructureTests(text)));
    fc.assert(fc.property(fc.json(), (text) => void parseStructureTests(text)));
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh"
      .split("")
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[at]}`).join(",")}]`)
      .join("\n")}`;
    const started = performance.now();
    expect(problems(bomb)).not.toEqual([]);
    const { fileContentTests } = tests(
      "fileContentTests: [{name: c, path: /f, expectedContents: ['(a+)+$', '(a|a)*b', '((a?){20}){20}b']}]",
    );
    const text = `${"a".repeat(20_000)}!`;
    expect(
      judgeStructureTests({ ...tests(""), fileContentTests }, { tree, config, contents: new Map([["/f", { text }]]) }),
    ).toHaveLength(3);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
