import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** The table of ARCHITECTURE.md: which room may import which others. `app` is the wiring: every file that stands in `src/` itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: ["lib"],
  io: ["lib", "core"],
  loop: ["lib", "core", "io"],
  operation: ["lib", "core"],
  serve: ["lib", "core", "io", "loop", "operation"],
  cli: ["lib", "core", "operation", "app"],
  app: ["lib", "core", "io", "loop", "operation", "serve", "cli"],
};

/** Rooms whose folders do not know one another: they meet in the store, or in what app.ts hands them. */
const apart = new Set(["io", "loop"]);
/** Folders of an apart room that the others may import, each with a reason. */
const shared: Readonly<Record<string, string>> = {};

/** What every step may know of loop/ itself. */
const commonToSteps = new Set(
  [
    "check-terms",
    "context",
    "files",
    "fleet-vex",
    "load-vex",
    "made-from",
    "malware",
    "sources",
    "believed-bases",
    "followed-base",
    "followed-bases",
    "recipe-key",
    "standing-evidence",
  ].map((name) => `loop/${name}.ts`),
);

const lineLimit = 400;
const source = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .map((path) => path.split(sep).join("/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));
const isTest = (path: string) => path.endsWith(".test.ts") || path.includes("testdata/");
const code = files.filter((path) => !isTest(path));
const read = (path: string) => readFileSync(join(source, path), "utf8");

/** What `path` belongs to: its room, and its folder in rooms that have several. */
function placeOf(path: string): { readonly room: string; readonly folder: string } {
  const [first = "", second = "", third] = path.split("/");
  if (second === "") return { room: "app", folder: "app" };
  const several = ["core", "io", "loop"].includes(first);
  return { room: first, folder: several && third !== undefined ? `${first}/${second}` : first };
}

/** Comments blanked, lines kept: what they mention is not code. A `//` in a text is left alone where no space stands before it. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "))
    .replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

interface Import {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
}

/** Everything that a file imports or re-exports, types and dynamic imports too. */
function importsOf(path: string): Import[] {
  const text = withoutComments(read(path));
  const patterns = [
    /^\s*(?:import|export)\s[^"';]*?\bfrom\s+"([^"]+)"/gm,
    /^\s*import\s+"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"\s*\)/g,
  ];
  return patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      from: path,
      line: text.slice(0, match.index + match[0].length).split("\n").length,
      specifier: match[1] ?? "",
    })),
  );
}

const imports = code.flatMap(importsOf);
const ours = imports
  .filter((entry) => entry.specifier.startsWith("."))
  .map((entry) => ({
    ...entry,
    target: normalize(join(dirname(entry.from), entry.specifier))
      .split(sep)
      .join("/"),
  }));

/** Why an import is not allowed; undefined where it is. */
function refusal({ from, target }: { readonly from: string; readonly target: string }): string | undefined {
  if (target.startsWith("../")) return "is outside src/";
  if (isTest(target)) return "is only there for tests";
  const here = placeOf(from);
  const there = placeOf(target);
  if (here.folder === there.folder) return undefined;
  if (here.room !== there.room && mayImport[here.room]?.includes(there.room) !== true) {
    const allowed = mayImport[here.room]?.join(", ");
    return `is in ${there.room}/, and ${here.room}/ may import ${allowed === "" ? "nothing of ours" : allowed} only`;
  }
  const inRoot = there.room === "app" || (there.room === "loop" && there.folder === "loop");
  if (!inRoot && !target.endsWith("/index.ts")) return `is inside ${there.folder}/: import ${there.folder}/index.ts`;
  if (here.room !== there.room || !apart.has(here.room)) return undefined;
  if (here.folder === "loop") return undefined;
  if (there.folder === "loop") {
    return commonToSteps.has(target)
      ? undefined
      : "is for the wiring: a step knows only what is common to all of them (commonToSteps)";
  }
  if (Object.hasOwn(shared, there.folder)) return undefined;
  return `is another folder of ${here.room}/: they never import one another`;
}

describe("the rooms", () => {
  it("has a room for every file", () => {
    const strange = files.filter((path) => !Object.hasOwn(mayImport, placeOf(path).room));
    expect(strange, "a new folder in src/ needs a line in ARCHITECTURE.md and in this test's table").toEqual([]);
  });

  it("are entered only as the table allows, and only through index.ts", () => {
    const broken = ours.flatMap((entry) => {
      const reason = refusal(entry);
      return reason === undefined
        ? []
        : [`src/${entry.from}:${entry.line} imports src/${entry.target}, which ${reason}`];
    });
    expect(broken).toEqual([]);
  });

  it("imports only what is there, written out to its ending", () => {
    const known = new Set(files);
    const missing = ours
      .filter(({ target }) => target.endsWith(".ts") && !known.has(target))
      .map((entry) => `src/${entry.from}:${entry.line} imports src/${entry.target}, which does not exist`);
    const unended = ours
      .filter(({ target }) => !/\.(?:ts|json)$/.test(target))
      .map((entry) => `src/${entry.from}:${entry.line} imports "${entry.specifier}" without its ending`);
    expect([...missing, ...unended]).toEqual([]);
  });

  it("leaves test code to tests", () => {
    const broken = imports
      .filter(({ specifier }) => /^(?:vitest|fast-check|playwright-core)\b/.test(specifier))
      .map((entry) => `src/${entry.from}:${entry.line} imports ${entry.specifier}`);
    expect(broken).toEqual([]);
  });
});

describe("core/", () => {
  const core = code.filter((path) => path.startsWith("core/"));

  it("imports nothing that reaches outside: facts come in, data goes out", () => {
    const pure = new Set([
      "node:buffer",
      "node:crypto",
      "node:path",
      "node:url",
      "node:util",
      "node:assert",
      "node:zlib",
    ]);
    const broken = core
      .flatMap(importsOf)
      .filter(({ specifier }) => specifier.startsWith("node:") && !pure.has(specifier.replace(/\/posix$/, "")))
      .map((entry) => `src/${entry.from}:${entry.line} imports ${entry.specifier}`);
    expect(broken).toEqual([]);
  });

  it.each([
    ["clock", /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bsystemClock\b/],
    ["randomness", /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bgetRandomValues\b/],
    ["process", /\bprocess\.(?!\s*$)[a-z]/],
    ["timers", /\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/],
    ["network", /\bfetch\(/],
    ["log, and no file", /\bcreateLogger\b|\bwriteFileDurable\b|\bconsole\./],
  ])("uses no %s", (_, forbidden) => {
    expect(core.flatMap((path) => linesWith(path, forbidden))).toEqual([]);
  });
});

describe("every file", () => {
  it(`has at most ${lineLimit} lines`, () => {
    const long = code
      .map((path) => ({ path, lines: read(path).trimEnd().split("\n").length }))
      .filter(({ lines }) => lines > lineLimit)
      .map(({ path, lines }) => `src/${path} has ${lines} lines: split it by what it does`);
    expect(long).toEqual([]);
  });

  it("is named in kebab-case, after what it holds", () => {
    const badly = files
      .filter((path) => !path.includes("testdata/"))
      .filter(
        (path) => !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:(?:\.[a-z]+)?\.test)?\.ts$/.test(path),
      )
      .map((path) => `src/${path} is not kebab-case`);
    const vague = files
      .filter((path) => /(?:^|[/-])(?:utils?|helpers?|common|misc|manager|service)(?:[-./]|$)/.test(path))
      .map((path) => `src/${path} says nothing of what it holds`);
    expect([...badly, ...vague]).toEqual([]);
  });

  it.each([
    ["default exports", /^\s*export\s+default\b/, "export it by its name"],
    ["enums", /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/, "use a union of texts"],
    ["namespaces", /^\s*(?:export\s+)?(?:declare\s+)?namespace\s/, "a file is a namespace"],
    [
      "Managers, Services, Helpers and Utils",
      /\b(?:class|interface|type)\s+\w*(?:Manager|Service|Helpers?|Utils?)\b/,
      "name it after what it does",
    ],
    [
      "tests that are switched off",
      /\b(?:it|test|describe)\.(?:skip|only|todo)\b/,
      "run it, or say with needs() what it lacks",
    ],
    ["module mocks", /\bvi\.(?:mock|doMock)\(/, "pass in a real part"],
  ])("has no %s", (_, forbidden, advice) => {
    expect(files.flatMap((path) => linesWith(path, forbidden).map((line) => `${line}: ${advice}`))).toEqual([]);
  });
});

/** `src/file:line text` of every line of code that `pattern` finds. */
function linesWith(path: string, pattern: RegExp): string[] {
  return withoutComments(read(path))
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`src/${path}:${index + 1} ${line.trim()}`] : []));
}

describe("this test", () => {
  it.each([
    ["core/plan/a.ts", "lib/index.ts", undefined],
    ["core/plan/a.ts", "core/version/index.ts", undefined],
    ["core/plan/a.ts", "core/version/deb.ts", "import core/version/index.ts"],
    ["core/plan/a.ts", "io/store/index.ts", "core/ may import lib only"],
    ["io/feeds/a.ts", "io/registry/index.ts", "never import one another"],
    ["io/registry/client/a.ts", "io/registry/error.ts", undefined],
    ["loop/plan/a.ts", "loop/build/index.ts", "never import one another"],
    ["loop/plan/a.ts", "loop/context.ts", undefined],
    ["loop/plan/a.ts", "loop/drive.ts", "for the wiring"],
    ["loop/drive.ts", "loop/plan/index.ts", undefined],
    ["loop/drive.ts", "loop/plan/a.ts", "import loop/plan/index.ts"],
    ["cli/a.ts", "app.ts", undefined],
    ["cli/a.ts", "serve/index.ts", "cli/ may import"],
    ["cli/a.ts", "operation/testdata/status.ts", "only there for tests"],
    ["serve/a.ts", "app.ts", "serve/ may import"],
    ["app.ts", "serve/index.ts", undefined],
    ["lib/a.ts", "core/plan/index.ts", "nothing of ours"],
    ["serve/a.ts", "../test/needs.ts", "outside src/"],
  ])("of %s importing %s says %s", (from, target, words) => {
    const reason = refusal({ from, target });
    if (words === undefined) expect(reason).toBeUndefined();
    else expect(reason).toContain(words);
  });

  it("sees imports of every form, and none in comments", () => {
    const text = withoutComments('/* import "a"; */ const url = "http://b"; // import "c";\n');
    expect(text).toContain('"http://b"');
    expect(text).not.toMatch(/import/);
    expect(importsOf("main.ts").map((entry) => entry.specifier)).toContain("./cli/index.ts");
    expect(relative(source, join(source, "main.ts"))).toBe("main.ts");
  });
});
