import { describe, expect, it } from "vitest";
import { sha256 } from "../../../lib/index.ts";
import type { LayerEntry } from "../layer-facts.ts";
import { mergeLayers } from "../tree.ts";
import { checkExpected, type ExpectedFile, type ExpectedStructure } from "./check-expected.ts";

const entry = (path: string, more: Partial<LayerEntry> = {}): LayerEntry => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  ...more,
});
const hash = "a".repeat(64);
const entries = [
  entry("usr/bin", { type: "directory", mode: 0o755 }),
  entry("usr/bin/app", { mode: 0o4755, uid: 7, gid: 8, size: 3_000_000, sha256: hash }),
  entry("usr/bin/same", { type: "hardlink", link: "usr/bin/app" }),
  entry("bin", { type: "symlink", link: "usr/bin" }),
  entry("gone", { type: "symlink", link: "nowhere" }),
  entry("round", { type: "symlink", link: "round" }),
  entry("out", { type: "symlink", link: "../../../../usr/bin/app" }),
];
const tree = mergeLayers([{ diffId: sha256("layer"), unpacked: 0, entries, whiteouts: [], opaques: [], problems: [] }]);
const config = {
  User: "app",
  Env: ["PATH=/bin", "EMPTY=", "EQUALS=a=b", "PATH=/usr/bin"],
  Entrypoint: ["/usr/bin/app", "a b"],
  Labels: { team: "shop" },
  ExposedPorts: { "8080": {}, "53/udp": {} },
};
const nothing: ExpectedStructure = { files: [], env: {}, labels: {} };
const said = (expected: Partial<ExpectedStructure>) => checkExpected({ tree, config }, { ...nothing, ...expected });

describe("what is expected of a file", () => {
  it.each<[string, Partial<ExpectedFile>, string[]]>([
    ["/usr/bin/app", { mode: "4755", owner: "7:8", sha256: hash, type: "file" }, []],
    ["/bin/app", { mode: "4755" }, []],
    ["/out", { type: "file" }, []],
    ["/bin", { type: "symlink" }, []],
    ["/usr/bin/app", { mode: "755" }, ["its mode is 4755, not 0755"]],
    ["/usr/bin/app", { owner: "0:0", mode: "0644" }, ["its mode is 4755, not 0644", "it belongs to 7:8, not to 0:0"]],
    ["/usr/bin/app", { sha256: "b".repeat(64) }, [`its SHA-256 is ${hash}`]],
    ["/usr/bin", { sha256: hash }, ["it is a directory, without content"]],
    ["/usr/bin", { type: "file" }, ["it is a directory, not a file"]],
    ["/usr/bin/app", { maxSize: 1_048_576 }, ["it has 3000000 bytes, more than 1048576"]],
    ["/etc/none", {}, ["it is not there"]],
    ["/round", {}, ["its links lead in a circle"]],
    ["/etc/none", { exists: false }, []],
    ["/bin/app", { exists: false }, ["it is there, and must not be"]],
    ["/gone", { exists: false }, ["it is there, and must not be"]],
    ["/round", { exists: false }, ["it is there, and must not be"]],
  ])("%s %j", (path, wanted, wrong) => {
    const messages = said({ files: [{ path, exists: true, ...wanted }] });
    expect(messages).toEqual(wrong.map((what) => `${path}: ${what}`));
  });
});

describe("what is expected of the config", () => {
  it.each<[Partial<ExpectedStructure>, string[]]>([
    [{ env: { PATH: "/usr/bin", EMPTY: "", EQUALS: "a=b" }, user: "app", workdir: "/", labels: { team: "shop" } }, []],
    [{ entrypoint: ["/usr/bin/app", "a b"], cmd: [], ports: ["53/udp", "8080/tcp"] }, []],
    [{ env: { HOME: "/" } }, ['variable HOME is not set, not "/"']],
    [{ labels: { constructor: "x" } }, ['label constructor is not set, not "x"']],
    [
      { entrypoint: ["/usr/bin/app", "a", "b"] },
      ['entrypoint is ["/usr/bin/app","a b"], not ["/usr/bin/app","a","b"]'],
    ],
    [{ ports: ["8080"] }, ['ports is ["53/udp","8080/tcp"], not ["8080/tcp"]']],
    [{ user: "root", workdir: "/srv" }, ['user is "app", not "root"', 'working directory is "/", not "/srv"']],
  ])("%j", (wanted, wrong) => expect(said(wanted)).toEqual(wrong));

  it("counts a file of two names once", () => {
    expect(said({ maxSize: 3_000_000 })).toEqual([]);
    expect(said({ maxSize: 2_999_999 })).toHaveLength(1);
  });

  it("shows nothing that a terminal would act on, and no more than twenty sentences", () => {
    const files = Array.from({ length: 50 }, (_, n) => ({ path: `/\u001b[31m${n}`, exists: true }));
    const messages = said({ files });
    expect(messages).toHaveLength(21);
    expect(messages[20]).toBe("and 30 more");
    expect(messages.join("")).not.toContain("\u001b");
  });
});
