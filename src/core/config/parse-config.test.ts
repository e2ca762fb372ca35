import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packagesImage } from "./effective-image.ts";
import { parseConfig, placeMistakes, type ConfigProblem } from "./parse-config.ts";
import type { Config } from "./schema.ts";

const whole = `version: 1
upstreams:
  debian: { kind: debian, codename: bookworm }
environments:
  - name: staging
    soak: 30m
  - name: production
images:
  base:
    recipe: packages
    upstream: debian
    packages: [libc6]
  web:
    recipe: packages
    upstream: debian
    parent: base
    packages: [nginx, curl=7.88.1-10]
`;

function configOf(text: string, env: Record<string, string | undefined> = {}): Config {
  const parsed = parseConfig(text, env);
  return parsed.kind === "ok" ? parsed.config : expect.fail(JSON.stringify(parsed.problems));
}

function problemsOf(text: string, env: Record<string, string | undefined> = {}): readonly ConfigProblem[] {
  const parsed = parseConfig(text, env);
  return parsed.kind === "ok" ? [] : parsed.problems;
}

/** The configuration above with `changes`: what a line holds, and what it holds instead. */
function changed(...changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replace(from, () => to);
  }, whole);
}

describe("parseConfig", () => {
  it("reads spans of time as milliseconds and fills in what is left out", () => {
    const config = configOf(whole);
    expect(config.environments).toMatchObject([
      { name: "staging", soak: 1_800_000, auto: true },
      { name: "production", soak: 0, requireRun: false },
    ]);
    expect(config.policies).toMatchObject({
      coolDown: 3 * 86_400_000,
      securityCoolDown: 86_400_000,
      exempt: ["exploited", "critical", "security-suites"],
      keep: 5,
      maxRebuildsPerHour: 12,
    });
    expect(config.images.web).toMatchObject({ parent: "base", platforms: ["linux/amd64"], essential: false });
  });

  it("takes a byte-order mark and lines that end as on Windows", () => {
    expect(configOf(`\uFEFF${whole.replaceAll("\n", "\r\n")}`)).toEqual(configOf(whole));
    expect(problemsOf(`\uFEFF${changed(["version: 1", "version: 2"])}`)).toMatchObject([{ line: 1, column: 1 }]);
  });

  it("tells every mistake at once, in the order of the file, with its place and what to do", () => {
    const text = changed(
      ["version: 1", "version: 2"],
      ["codename: bookworm", "codenam: bookworm"],
      ["soak: 30m", "soak: 30 minutes"],
      ["packages: [libc6]", "packages: libc6\n    envv: {}"],
      ["    parent: base\n", "    env: { PORT: 8080 }\n    platforms: [linux/amd46]\n"],
    );
    expect(problemsOf(text).map(({ line, column, ...rest }) => [`${line}:${column}`, rest])).toEqual([
      ["1:1", { path: "version", message: "it can only be 1", hint: undefined }],
      ["3:3", { path: "upstreams.debian.codename", message: "`codename:` is missing", hint: "It takes text." }],
      [
        "3:27",
        { path: "upstreams.debian.codenam", message: '"codenam" is not known here', hint: "Did you mean `codename`?" },
      ],
      ["6:5", { path: "environments.0.soak", message: "a span of time: `30s`, `15m`, `2h`, `3d`", hint: undefined }],
      ["12:5", { path: "images.base.packages", message: "it takes a list, not text", hint: undefined }],
      ["13:5", { path: "images.base.envv", message: '"envv" is not known here', hint: "Did you mean `env`?" }],
      ["17:12", { path: "images.web.env.PORT", message: "it takes text, not a number", hint: "Put it in quotes." }],
      [
        "18:17",
        {
          path: "images.web.platforms.0",
          message: "it is one of linux/amd64, linux/arm64",
          hint: "Did you mean `linux/amd64`?",
        },
      ],
    ]);
  });

  it("lists what is known where no name is near", () => {
    expect(problemsOf(`${whole}zzz: 1\n`)).toMatchObject([
      { line: 18, column: 1, path: "zzz", hint: expect.stringContaining("version, registry, upstreams") as string },
    ]);
  });

  it.each([
    ["nothing", "", "it is not a mapping"],
    ["a comment", "# later\n", "it is not a mapping"],
    ["a list", "- version: 1\n", "it is not a mapping"],
    ["a second document", `${whole}---\nversion: 1\n`, "there is a second document"],
    ["a tab", "version: 1\nimages:\n\tweb: {}\n", "Tabs are not allowed as indentation"],
  ])("says what is wrong with %s", (_name, text, message) => {
    expect(problemsOf(text)[0]?.message).toBe(message);
  });

  it("takes no NUL where a name or a path stands", () => {
    expect(problemsOf(changed(["  web:", '  "we\\0b":']))).toMatchObject([{ line: 13, column: 3 }]);
    expect(problemsOf(changed(["parent: base", 'workdir: "/a\\0b"']))).toMatchObject([{ line: 16, column: 5 }]);
    expect(problemsOf(`${whole}\0`).length).toBe(1);
  });
});

describe("keys", () => {
  it("that stand twice are told where they stand again, with the first place", () => {
    const text = `${whole}  web: { recipe: packages }\nversion: 1\n`;
    expect(problemsOf(text)).toEqual([
      { line: 18, column: 3, path: "web", message: '"web" stands here twice', hint: "It is said in line 13 already." },
      {
        line: 19,
        column: 1,
        path: "version",
        message: '"version" stands here twice',
        hint: "It is said in line 1 already.",
      },
    ]);
  });

  it("that are a number and the same text are one key", () => {
    expect(problemsOf(changed(["{ kind", '{ 1: a, "1": b, kind']))).toMatchObject([
      { message: '"1" stands here twice' },
    ]);
  });

  it.each([
    ["of an image", changed(["  web:", "  __proto__:"])],
    ["of a variable", changed(["    parent: base", "    env: { __proto__: x }"])],
    ["of the file", `${whole}__proto__: { workers: 7 }\n`],
    ["of an option", changed(["{ kind", "{ __proto__: {}, kind"])],
  ])("named __proto__ as name %s is a mistake, never a prototype", (_name, text) => {
    expect(problemsOf(text)).toMatchObject([{ message: '"__proto__" cannot be a key' }]);
    expect(({} as Record<string, unknown>).workers).toBeUndefined();
  });

  it("named constructor are names of nothing", () => {
    for (const text of [
      changed(["parent: base", "parent: constructor"]),
      changed(["  web:", "  constructor:"]),
      changed(["    upstream: debian\n    parent", "    upstream: constructor\n    parent"]),
    ])
      expect(problemsOf(text).length).toBe(1);
    expect(
      packagesImage(configOf(changed(["    parent: base", "    labels: { constructor: ann }"])), "web")?.labels,
    ).toEqual({
      constructor: "ann",
    });
    expect(problemsOf(`${whole}toString: 1\n`)).toMatchObject([{ path: "toString" }]);
  });
});

describe("references", () => {
  it.each([
    [
      "an upstream that is not there",
      [["upstream: debian\n    parent", "upstream: debina\n    parent"]],
      "images.web.upstream",
      'there is no upstream "debina"',
      "Did you mean `debian`?",
    ],
    [
      "a parent that is not there",
      [["parent: base", "parent: bse"]],
      "images.web.parent",
      'there is no image "bse"',
      "Did you mean `base`?",
    ],
    [
      "an image that is its own parent",
      [["parent: base", "parent: web"]],
      "images.web.parent",
      "images are each other's parents: web → web",
      undefined,
    ],
    [
      "images in a ring",
      [["    packages: [libc6]", "    parent: web"]],
      "images.base.parent",
      "images are each other's parents: base → web → base",
      undefined,
    ],
    [
      "a parent for fewer platforms",
      [["parent: base", "parent: base\n    platforms: [linux/amd64, linux/arm64]"]],
      "images.web.platforms",
      "its parent base is not built for linux/arm64",
      undefined,
    ],
    [
      "an image of nothing",
      [["packages: [libc6]", "packages: []"]],
      "images.base",
      "it holds nothing",
      "Name `packages:`, `files:`, a `parent:`, or `essential: true`.",
    ],
    [
      "one repository for two images",
      [["parent: base", "repository: base"]],
      "images.web.repository",
      "base goes to the repository base as well",
      undefined,
    ],
    [
      "one environment twice",
      [["name: production", "name: staging"]],
      "environments.1.name",
      "there are two environments staging",
      undefined,
    ],
  ] as const)("%s", (_name, changes, path, message, hint) => {
    const problems = problemsOf(changed(...changes));
    expect(problems).toContainEqual({
      line: expect.any(Number) as number,
      column: expect.any(Number) as number,
      path,
      message,
      hint,
    });
    expect(problems.length).toBeLessThanOrEqual(2);
  });

  it("refuses a longer line of ancestors than any build needs, and rings of any length, in good time", () => {
    const image = (at: number, parent: number) =>
      `  i${at}: { recipe: packages, upstream: debian, parent: i${parent} }\n`;
    const head = whole.slice(0, whole.indexOf("  base:"));
    const chain = (count: number, last: string) =>
      head + Array.from({ length: count }, (_, at) => image(at, at + 1)).join("") + last;
    const end = (at: number) => `  i${at}: { recipe: packages, upstream: debian, packages: [a] }\n`;
    expect(problemsOf(chain(32, end(32)))).toEqual([]);
    expect(problemsOf(chain(33, end(33)))).toMatchObject([
      { path: "images.i0.parent", message: "it has more than 32 ancestors" },
    ]);
    expect(problemsOf(chain(2000, image(2000, 0))).length).toBe(201);
  });
});

describe("variables", () => {
  const webhook = `${whole}notifications:\n  webhook: { url: "https://\${HOST}/x", secret: "\${SECRET}" }\n`;

  it("stand in the places that are declared for them, with any name of upstream", () => {
    const env = { HOST: "hooks.test", SECRET: "s3cret", MIRROR: "http://mirror.test/debian" };
    expect(configOf(webhook, env).notifications.webhook).toEqual({ url: "https://hooks.test/x", secret: "s3cret" });
    const dotted = changed([
      "  debian: { kind",
      '  my.own.debian: { mirror: "${MIRROR}", securityMirror: "${MIRROR}", kind',
    ]).replaceAll("upstream: debian", "upstream: my.own.debian");
    expect(configOf(dotted, env).upstreams["my.own.debian"]).toMatchObject({
      mirror: env.MIRROR,
      securityMirror: env.MIRROR,
    });
  });

  it("stand in the address and the secret of a pipeline that is asked, of an image and of an environment", () => {
    const pipeline = '{ name: ci, pipeline: { url: "https://${HOST}/x", secret: "${SECRET}" } }';
    const asked = changed(["    parent: base", `    checks: [${pipeline}]`]);
    const env = { HOST: "ci.test", SECRET: "a secret of the pipeline" };
    expect(configOf(asked, env).images.web?.checks).toMatchObject([
      { pipeline: { url: "https://ci.test/x", secret: env.SECRET } },
    ]);
    expect(problemsOf(asked, { HOST: "ci.test" })[0]).toMatchObject({ message: "the variable SECRET is not set" });
  });

  it("are text anywhere else", () => {
    const text = changed([
      "    parent: base",
      '    env: { A: "${HOST}" }\n    labels: { url: "${SECRET}" }\n    cmd: ["${HOST}"]',
    ]);
    expect(configOf(text, { HOST: "h", SECRET: "s" }).images.web).toMatchObject({
      env: { A: "${HOST}" },
      labels: { url: "${SECRET}" },
      cmd: ["${HOST}"],
    });
  });

  it("that are not set, empty, or only every object's are told by name", () => {
    expect(problemsOf(webhook, { HOST: "" })).toMatchObject([
      { message: "the variable HOST is not set", hint: "Set HOST in the environment of Tidemill." },
      { message: "the variable SECRET is not set" },
    ]);
    for (const name of ["constructor", "toString", "__proto__"])
      expect(problemsOf(webhook.replace("SECRET", name), { HOST: "h" })).toMatchObject([
        { message: `the variable ${name} is not set` },
      ]);
  });

  it("never show their value, whatever is wrong with it", () => {
    const secret = "https://token:hunter2@ nowhere";
    const problems = problemsOf(webhook.replace("https://${HOST}/x", "${HOST}"), {
      HOST: secret,
      SECRET: "hunter2".repeat(100),
    });
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });

  it("put no structure into the file", () => {
    const env = { HOST: "h", SECRET: '"}\nworkers: 7' };
    expect(configOf(webhook, env)).toMatchObject({ workers: 2, notifications: { webhook: { secret: env.SECRET } } });
  });
});

describe("hostile files", () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [at, name] of ["b", "c", "d", "e", "f"].entries())
    bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcde"[at] ?? ""}`).join(", ")}]`);

  it.each([
    ["aliases that multiply", `${whole}${bomb.join("\n")}\n`, "an alias of it cannot be resolved, or they multiply"],
    ["many aliases", `${whole}x: &x 1\ny: [${"*x,".repeat(101)}]\n`, "it has more than 100 aliases"],
    ["an alias within what it names", "a: &a { b: [*a, *a] }\n", "the alias *a stands within what it names"],
    ["an alias of nothing", "a: *nothing\n", expect.stringContaining("alias") as string],
    ["deep flow", `a: ${"[".repeat(5000)}`, "it is nested deeper than 64 levels"],
    ["deep mappings", "{ a: ".repeat(5000), "it is nested deeper than 64 levels"],
    ["deep lists", "- ".repeat(5000), "it is nested deeper than 64 levels"],
    [
      "deep blocks",
      Array.from({ length: 100 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""),
      "it is nested deeper than 64 levels",
    ],
    ["10 MB", `${whole}#${"x".repeat(10_000_000)}\n`, "the file is larger than 4194304 characters"],
  ])("%s: one mistake, told soon", (_name, text, message) => {
    const started = performance.now();
    expect(problemsOf(text)).toEqual([expect.objectContaining({ message })]);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("of many keys or many mistakes end soon, with a bounded list", () => {
    const started = performance.now();
    const keys = Array.from({ length: 5000 }, (_, at) => `k${at}: 1\n`).join("");
    for (const text of [keys, "version: 1\n".repeat(5000), "}\n".repeat(5000)]) {
      const problems = problemsOf(text);
      expect(problems.length).toBe(201);
      expect(problems.at(-1)?.message).toMatch(/^there are \d+ more mistakes$/);
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it("of an object in place of a text are mistakes, whatever the object is", () => {
    const text =
      "version: 1\nimages: { web: { recipe: dockerfile, context: { length: { toString: 1, valueOf: 1 } } } }\n";
    expect(parseConfig(text, {}).kind).toBe("invalid");
  });

  it("of any text give a configuration or mistakes with places, never an error", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...whole.split("\n"),
        "- ",
        "? ",
        "&a ",
        "*a",
        "<<: ",
        "!!set ",
        "{",
        "}",
        "[",
        "]",
        "|",
        ">",
        '"',
        "---",
        "%YAML 9.9",
        "\0",
        "\t",
        "\u2028",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    const text = fc
      .array(fc.tuple(piece, fc.constantFrom("\n", "\n  ", "\n    ", " ", "")), { maxLength: 25 })
      .map((list) => list.flat().join(""));
    fc.assert(
      fc.property(text, (given) => {
        for (const { line, column, message } of problemsOf(given)) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(message).not.toBe("");
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("placeMistakes", () => {
  it("finds the place of what the outside world showed", () => {
    const text = changed(["    parent: base", "    files:\n      - { from: a, to: /a }\n      - { from: b, to: /b }"]);
    const path = ["images", "web", "files", 1, "from"];
    expect(placeMistakes(text, [{ path, message: "there is no file b" }])).toEqual([
      { line: 18, column: 11, path: path.join("."), message: "there is no file b", hint: undefined },
    ]);
  });
});
