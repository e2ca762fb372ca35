import { existsSync, readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { isLockFile, parseLockFile } from "./parse-lock-file.ts";

const shared = "../shared/data/inventories/trivy";
const absent = existsSync(shared) ? undefined : "the shared data";
const bare = (path: string, text: string) =>
  parseLockFile(path, text)?.packages.map(({ name, version }) => `${name} ${version}`);
const problems = (path: string, text: string) => parseLockFile(path, text)?.problems ?? [];

const samples: readonly (readonly [file: string, text: string, expected: readonly string[]])[] = [
  [
    "package-lock.json",
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        "": { name: "app", version: "1.0.0" },
        "node_modules/a": { version: "1.0.0" },
        "node_modules/alias": { name: "real", version: "2.0.0" },
        "node_modules/@s/b/node_modules/c": { version: "3.0.0" },
        "node_modules/linked": { link: true, resolved: "packages/linked" },
        "packages/linked": { version: "9.0.0" },
      },
    }),
    ["a 1.0.0", "real 2.0.0", "c 3.0.0"],
  ],
  [
    "npm-shrinkwrap.json",
    JSON.stringify({
      lockfileVersion: 1,
      dependencies: {
        a: { version: "1.0.0", dependencies: { b: { version: "2.0.0" } } },
        c: { version: "npm:@s/real@3.0.0" },
        __proto__: null,
      },
    }),
    ["a 1.0.0", "@s/real 3.0.0", "b 2.0.0"],
  ],
  [
    "yarn.lock",
    '# yarn lockfile v1\n\n"@s/a@^1", "@s/a@^1.1":\n  version "1.2.0"\n  dependencies:\n    version "9"\n\nb@npm:real@2:\n  version "2.0.0"\n',
    ["@s/a 1.2.0", "real 2.0.0"],
  ],
  [
    "yarn.lock",
    '__metadata:\n  version: 8\n\n"a@npm:^1.0.0, a@npm:^1.1.0":\n  version: 1.2.0\n  resolution: "a@npm:1.2.0"\n\n"app@workspace:.":\n  version: 0.0.0-use.local\n',
    ["a 1.2.0"],
  ],
  [
    "pnpm-lock.yaml",
    "lockfileVersion: '9.0'\n\nimporters:\n  .:\n    x: 1\n\npackages:\n\n  '@s/a@1.0.0':\n    resolution: {}\n\n  b@2.0.0(c@3):\n    resolution: {}\n\nsnapshots:\n\n  d@4.0.0:\n    x: 1\n",
    ["@s/a 1.0.0", "b 2.0.0"],
  ],
  [
    "pnpm-lock.yaml",
    "lockfileVersion: 5.4\npackages:\n  /@s/a/1.0.0:\n    x: 1\n  /b/2.0.0_c@3:\n    x: 1\n",
    ["@s/a 1.0.0", "b 2.0.0"],
  ],
  [
    "requirements.txt",
    "a==1.0 # why\nB[x,y] == 2.0 ; python_version < '3'\nc===3.0 \\\n    --hash=sha256:00\n--index-url x\n",
    ["a 1.0", "B 2.0", "c 3.0"],
  ],
  ["Pipfile.lock", '{"default":{"a":{"version":"==1.0"}},"develop":{"b":{"version":"==2.0"}}}', ["a 1.0", "b 2.0"]],
  ["uv.lock", 'version = 1\n\n[[package]]\nname = "a"\nversion = "1.0"\nsource = { registry = "x" }\n', ["a 1.0"]],
  [
    "go.mod",
    'module m\ngo 1.21\nrequire "a.b/c" v1.0.0 // indirect\nrequire (\n\td.e/f v2.0.0\n\tg.h/i v3.0.0\n)\nreplace d.e/f => j.k/l v4.0.0\nreplace (\n\tg.h/i v9.0.0 => ./x\n)\n',
    ["a.b/c v1.0.0", "j.k/l v4.0.0", "g.h/i v3.0.0"],
  ],
  [
    "pom.xml",
    "<project><!-- <dependencies/> --><parent><version>7</version></parent><properties><v>${w}</v><w>1.0</w></properties><dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>m</artifactId><version>5</version></dependency></dependencies></dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${v}</version><exclusions><exclusion><groupId>no</groupId></exclusion></exclusions></dependency><dependency><groupId>g</groupId><artifactId>m</artifactId></dependency><dependency><groupId>g</groupId><artifactId>p</artifactId><version>${project.version}</version></dependency></dependencies></project>",
    ["g:a 1.0", "g:m 5", "g:p 7"],
  ],
  ["gradle.lockfile", "# x\ng:a:1.0=compile,test\nempty=annotation\n", ["g:a 1.0"]],
  [
    "composer.lock",
    '{"packages":[{"name":"a/b","version":"v1.0"}],"packages-dev":[{"name":"c/d","version":"2.0"}]}',
    ["a/b v1.0", "c/d 2.0"],
  ],
  [
    "Gemfile.lock",
    "GEM\n  remote: x\n  specs:\n    a (1.0)\n      b (>= 2)\n    c (3.0-x86_64-linux)\n\nDEPENDENCIES\n  a\n",
    ["a 1.0", "c 3.0"],
  ],
  [
    "packages.lock.json",
    '{"version":1,"dependencies":{"net8.0":{"A.B":{"type":"Direct","resolved":"1.0.0"},"own":{"type":"Project"}}}}',
    ["A.B 1.0.0"],
  ],
];

describe("parseLockFile", () => {
  it.each(samples)("%s: %s", (file, text, expected) => {
    expect(bare(`app/${file}`, text)).toEqual(expected);
    expect(bare(`app/${file}`, text.replaceAll("\n", "\r\n"))).toEqual(expected);
    expect(problems(file, text)).toEqual([]);
  });

  it.each<[string, string, Record<string, string[]>, string | undefined]>([
    [
      "package-lock.json",
      JSON.stringify({
        packages: {
          "": { name: "app", dependencies: { a: "^1.0.0", alias: "npm:real@~2.0.0" }, devDependencies: { c: "*" } },
          "node_modules/a": { version: "1.0.0", dependencies: { c: "3", gone: "1" }, devDependencies: { c: "9" } },
          "node_modules/a/node_modules/c": { version: "3.0.0" },
          "node_modules/c": { version: "4.0.0", peerDependencies: { a: ">=1" } },
          "node_modules/alias": { name: "real", version: "2.0.0" },
          "packages/w": { version: "9.0.0", dependencies: { c: "git+https://me:pass@host/c" } },
        },
      }),
      {
        "a 1.0.0": ["app ^1.0.0", "c@4.0.0 >=1"],
        "c 3.0.0": ["a@1.0.0 3"],
        "c 4.0.0": ["app *", "packages/w@9.0.0 an address"],
        "real 2.0.0": ["app ~2.0.0"],
      },
      undefined,
    ],
    [
      "package-lock.json",
      '{"lockfileVersion":1,"dependencies":{"a":{"version":"1.0.0"}}}',
      { "a 1.0.0": [] },
      "it does not say who asks for what",
    ],
    [
      "yarn.lock",
      'a@^1, a@^1.1:\n  version "1.2.0"\n  resolved "x"\n  dependencies:\n    "@s/b" "^2"\n    c "1 || 2"\n\n"@s/b@^2":\n  version "2.0.0"\n  dependencies:\n    a "^1.1"\n\n"c@1 || 2":\n  version "2.0.0"\n',
      { "a 1.2.0": ["@s/b@2.0.0 ^1.1", "the project ^1"], "@s/b 2.0.0": ["a@1.2.0 ^2"], "c 2.0.0": ["a@1.2.0 1 || 2"] },
      undefined,
    ],
    [
      "yarn.lock",
      '__metadata:\n  version: 8\n\n"a@npm:^1.0.0":\n  version: 1.2.0\n  resolution: "a@npm:1.2.0"\n\n"app@workspace:.":\n  version: 0.0.0-use.local\n  dependencies:\n    a: "npm:^1.0.0"\n    b: "npm:real@^2"\n\n"b@npm:real@^2":\n  version: 2.1.0\n',
      { "a 1.2.0": ["app@0.0.0-use.local ^1.0.0"], "real 2.1.0": ["app@0.0.0-use.local ^2"] },
      undefined,
    ],
    [
      "pnpm-lock.yaml",
      "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '@s/a':\n        specifier: ^1.0.0\n        version: 1.0.0(c@3)\n  packages/w:\n    devDependencies:\n      b:\n        specifier: npm:real@~2\n        version: real@2.0.0\n\npackages:\n\n  '@s/a@1.0.0':\n    x: 1\n\n  real@2.0.0:\n    x: 1\n",
      { "@s/a 1.0.0": ["the project ^1.0.0"], "real 2.0.0": ["packages/w ~2"] },
      "it does not say which ranges its packages ask for",
    ],
    [
      "poetry.lock",
      '[[package]]\nname = "flask"\nversion = "2.0"\nfiles = [\n    {file = "x", hash = "y"},\n]\n\n[package.dependencies]\nJinja2 = ">=2,<3"\ncolor_a = {version = "*", markers = "platform_system == \\"Windows\\""}\nopt = {version = "1", optional = true}\nmulti = [\n    {version = ">=1", markers = "python_version < \\"3.9\\""},\n    {version = ">=2"},\n]\nsrc = {git = "https://me:pass@host/x"}\n\n[[package]]\nname = "jinja2"\nversion = "2.5"\n\n[[package]]\nname = "color-a"\nversion = "1"\n\n[[package]]\nname = "opt"\nversion = "1"\n\n[[package]]\nname = "multi"\nversion = "2"\n\n[[package]]\nname = "src"\nversion = "3"\n\n[metadata]\nlock-version = "2.0"\n',
      {
        "jinja2 2.5": ["flask@2.0 >=2,<3"],
        "color-a 1": ['flask@2.0  if platform_system == "Windows"'],
        "opt 1": [],
        "multi 2": ['flask@2.0 >=1 if python_version < "3.9"', "flask@2.0 >=2"],
        "src 3": ["flask@2.0 @ an address"],
      },
      "what the project itself asks for is not in it",
    ],
    [
      "pdm.lock",
      '[[package]]\nname = "flask"\nversion = "2.0"\ndependencies = [\n    "Jinja2>=2,<3",\n    "old==1; python_version < \\"3\\"",\n]\n\n[[package]]\nname = "jinja2"\nversion = "2.5"\n\n[[package]]\nname = "old"\nversion = "1"\n\n[[package]]\nname = "old"\nversion = "2"\n',
      {
        "jinja2 2.5": ["flask@2.0 >=2,<3"],
        "old 1": ['flask@2.0 ==1 if python_version < "3"'],
        "old 2": ['flask@2.0 ==1 if python_version < "3"'],
      },
      "what the project itself asks for is not in it",
    ],
    [
      "uv.lock",
      '[[package]]\nname = "a"\nversion = "1"\ndependencies = [\n    { name = "b" },\n]\n',
      { "a 1": [] },
      "it does not say who asks for what",
    ],
    [
      "pom.xml",
      "<project><groupId>g</groupId><artifactId>app</artifactId><version>1</version><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>1.0</version></dependency></dependencies></project>",
      { "g:a 1.0": ["g:app@1 1.0"] },
      undefined,
    ],
    ["requirements.txt", "a==1\n", { "a 1": [] }, "it does not say who asks for what"],
  ])("says who asks for what %s settles: %j", (file, text, expected, gap) => {
    const lock = parseLockFile(`app/${file}`, text);
    const said = lock?.packages.map(({ name, version }) => [
      `${name} ${version}`,
      lock
        .requestsOf(name, version)
        .map(({ by, range, when }) => `${by} ${range}${when === undefined ? "" : ` if ${when}`}`),
    ]);
    expect(Object.fromEntries(said ?? [])).toEqual(expect.objectContaining(expected));
    expect(lock?.problems).toEqual([]);
    expect(lock?.gap).toBe(gap);
  });

  it.each([
    ["requirements.txt", "a>=1\n", /settles no version of a/],
    ["requirements.txt", "a==1.*\n", /settles no version of a/],
    ["requirements.txt", "-r other.txt\n", /points elsewhere/],
    ["go.mod", "module m\n\ngo 1.15\n", /indirectly/],
    ["go.mod", "module m\nrequire a.b/c v1.0.0\nreplace a.b/c => ../c\n", /replaced by a folder/],
    [
      "pom.xml",
      "<project><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId></dependency></dependencies></project>",
      /no version of g:a/,
    ],
    ["package-lock.json", '{"name":"x"}', /no lock file/],
    ["package-lock.json", "{", /not in the format/],
    ["composer.lock", "[]", /no lock file/],
    ["package-lock.json", '{"packages":{"node_modules/a b":{"version":"1"}}}', /proper name/],
  ])("%s: %j is said to be open or broken", (file, text, problem) =>
    expect(problems(file, text).join("\n")).toMatch(problem),
  );

  it("knows its files by their whole name", () => {
    expect(["a/go.mod", "go.mod", "a/xgo.mod", "go.sum", "__proto__"].map(isLockFile)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(parseLockFile("constructor", "")).toBeUndefined();
  });

  it("never throws and never hangs, whatever the text", () => {
    const files = [...new Set(samples.map(([file]) => file))];
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.string({ maxLength: 300 }),
        (file, text) => void parseLockFile(file, text),
      ),
    );
    fc.assert(fc.property(fc.constantFrom(...files), fc.json(), (file, text) => void parseLockFile(file, text)));
    const cut = fc.tuple(fc.constantFrom(...samples), fc.nat(400), fc.nat(400), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(cut, ([[file, text], from, length, put]) => {
        void parseLockFile(file, text.slice(0, from) + put + text.slice(from + length));
      }),
      { numRuns: 2000 },
    );
    const started = performance.now();
    for (const file of files)
      for (const long of ["(", " ", "<a>", "${", "[[package]]\n", "a ", '"', "=", "@", "a==1 \\\n", "{"])
        parseLockFile(file, long.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  /** What the other reader took from a file that is not here: the project's own manifest, the dependencies' own. */
  const notInTheFile = new Set([
    "yarn.lock integration 1.0.0",
    "submod2/go.mod github.com/docker/distribution v2.7.1+incompatible",
  ]);
  for (const [folder, files] of Object.entries({
    npm: ["package-lock.json"],
    yarn: ["yarn.lock"],
    pip: ["requirements.txt"],
    poetry: ["poetry.lock"],
    pom: ["pom.xml"],
    gomod: ["go.mod", "submod/go.mod", "submod2/go.mod"],
    "cargo.lock": ["Cargo.lock"],
    "composer.lock": ["composer.lock"],
  }))
    needs(absent)(`gives the packages that another reader found in real files: ${folder}`, () => {
      const inventory = JSON.parse(readFileSync(`${shared}/${folder}/inventory.json`, "utf8")) as {
        readonly packages: readonly { readonly name: string; readonly version: string; readonly target: string }[];
      };
      for (const file of files) {
        const found = bare(file, readFileSync(`${shared}/${folder}/raw/${file}`, "utf8")) ?? [];
        const expected = inventory.packages
          .filter(({ target }) => target === file)
          .map(({ name, version }) => `${name} ${version}`)
          .filter((one) => !notInTheFile.has(`${file} ${one}`));
        expect(expected.length).toBeGreaterThan(0);
        expect(found).toEqual(expect.arrayContaining(expected));
      }
    });
});
