import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { bumpTrees, noProgram, writeExecutable } from "./testdata/bump-tree.ts";
import { noGo } from "./testdata/go-module.ts";

const secret = "swordfish-4711";
const idna = { type: "pypi", package: "idna", moves: [{ from: "3.6", to: "3.7" }] } as const;
const minimist = {
  type: "npm",
  package: "minimist",
  moves: [{ from: "1.2.5", to: "1.2.6" }],
  file: "package-lock.json",
} as const;

describe("a hostile repository", () => {
  const { bump, newFolder } = bumpTrees({ ...process.env, TIDEMILL_GIT_TOKEN: secret });
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.statusCode = 404;
    response.end();
  });
  let [canary, away] = ["", ""];
  beforeAll(async () => {
    canary = join(await newFolder(), "canary");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    away = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const evil = (): string => `#!/bin/sh\nid > ${canary}\n`;
  const isUntouched = async () => {
    expect(await stat(canary).catch(() => undefined)).toBeUndefined();
    expect(hits).toEqual([]);
  };

  const locked = (more: object = {}, version = 3): string =>
    JSON.stringify({
      name: "demo",
      lockfileVersion: version,
      packages: {
        "": { name: "demo", dependencies: { minimist: "^1.2.0" } },
        "node_modules/minimist": {
          version: "1.2.5",
          integrity: "sha512-FM9nNUYrRBAELZQT3xeZQ7fmMOBg6nWNmJKTcgsJeaLstP/UODVpGsr5OhXhhXg6f+qtJ8uiZ+PUxkDWcgIXLw==",
        },
        ...more,
      },
    });
  const manifest = (more: object = {}): string =>
    JSON.stringify({
      name: "demo",
      dependencies: { minimist: "^1.2.0" },
      scripts: { preinstall: `touch ${canary}`, prepare: `touch ${canary}`, postinstall: `touch ${canary}` },
      ...more,
    });

  needs(noProgram("npm"))(
    "of npm changes nothing but its lock file: its settings, scripts and hooks are not there",
    async () => {
      const { end } = await bump(
        {
          "package.json": manifest(),
          "package-lock.json": locked(),
          ".npmrc": `registry=${away}/\nscript-shell=./evil.sh\nignore-scripts=false\nnode-options=--require ./evil.js\ngit=./evil.sh\nonload-script=./evil.js\n`,
          "evil.sh": evil(),
          "evil.js": `require("fs").writeFileSync(${JSON.stringify(canary)}, "")`,
          "node_modules/.hooks/preinstall": evil(),
        },
        minimist,
      );
      expect(end).toMatchObject({ kind: "made", changes: [{ name: "minimist", from: ["1.2.5"], to: ["1.2.6"] }] });
      await isUntouched();
    },
    60_000,
  );

  it.each<[string, () => Record<string, string>]>([
    [
      "a rule of overrides",
      () => ({ "package.json": manifest({ overrides: { minimist: `${away}/x.tgz` } }), "package-lock.json": locked() }),
    ],
    [
      "a rule of overrides below another",
      () => ({
        "package.json": manifest({ overrides: { a: { b: { ".": `git+${away}/x.git` } } } }),
        "package-lock.json": locked(),
      }),
    ],
    [
      "a dependency that its lock file tells of",
      () => ({
        "package.json": manifest(),
        "package-lock.json": locked({ "node_modules/a": { version: "1.0.0", dependencies: { b: `${away}/b.tgz` } } }),
      }),
    ],
    [
      "a dependency that an old lock file tells of",
      () => ({
        "package.json": manifest(),
        "package-lock.json": JSON.stringify({
          lockfileVersion: 1,
          dependencies: { minimist: { version: "1.2.5" }, b: { version: `${away}/b.tgz` } },
        }),
      }),
    ],
    [
      "a version in its lock file",
      () => ({
        "package.json": manifest(),
        "package-lock.json": locked({
          "node_modules/a": { version: `git+${away}/a.git`, resolved: `git+${away}/a.git` },
        }),
      }),
    ],
    [
      "a folder above it",
      () => ({ "package.json": manifest(), "package-lock.json": locked({ "../../evil": { version: "1.0.0" } }) }),
    ],
  ])("of npm is refused with a code where an address comes from %s", async (_, files) => {
    expect((await bump(files(), minimist)).end).toMatchObject({ kind: "refused", code: "REACHES_OUT" });
    await isUntouched();
  });

  needs(noProgram("npm"))(
    "of npm has nothing fetched from where its lock file says that packages lie",
    async () => {
      for (const version of [1, 3]) {
        const entry = {
          version: "2.1.2",
          resolved: `${away}/ms/-/ms-2.1.2.tgz`,
          integrity: "sha512-sGkPx+VjMtmA6MX27oA4FBFELFCZZ4S4XqeGOXCv68tT+jb3vk/RyaKWP0PTKyWtmLSM0b+adUTEvbs1PEaH2w==",
        };
        const lock = JSON.parse(locked({ "node_modules/ms": entry }, version)) as Record<string, object>;
        const old = {
          name: "demo",
          lockfileVersion: 1,
          requires: true,
          dependencies: {
            minimist: { version: "1.2.5", resolved: `${away}/minimist/-/minimist-1.2.5.tgz` },
            ms: entry,
          },
        };
        await bump(
          {
            "package.json": manifest({ dependencies: { minimist: "^1.2.0", ms: "^2.0.0" } }),
            "package-lock.json": JSON.stringify(version === 1 ? old : lock),
          },
          minimist,
        );
        await isUntouched();
      }
    },
    60_000,
  );

  needs(noProgram("uv"))(
    "of Python changes one line: its settings, build files and interpreters are not there",
    async () => {
      const { end, files } = await bump(
        {
          "requirements.txt": `--index-url ${away}/simple\n--find-links ${away}/links\n-e .\n./evil\nidna==3.6\n`,
          ".python-version": "./evil.sh\n",
          ".venv/bin/python": evil(),
          "evil.sh": evil(),
          "setup.py": `open(${JSON.stringify(canary)}, "w")`,
          "sitecustomize.py": `open(${JSON.stringify(canary)}, "w")`,
          "pyproject.toml": `[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n[tool.uv]\nindex-url = "${away}"\n`,
          "evil.py": `open(${JSON.stringify(canary)}, "w")`,
          "uv.toml": `index-url = "${away}/simple"\n`,
          "pip.conf": `[global]\nindex-url = ${away}/simple\n`,
          ".env": `UV_INDEX_URL=${away}\n`,
        },
        { ...idna, file: "requirements.txt" },
      );
      expect(end.kind).toBe("made");
      expect(files["requirements.txt"]).toMatch(/^-e \.\n\.\/evil\nidna==3\.7\n$/m);
      await isUntouched();
    },
    60_000,
  );

  needs(noProgram("pip-compile"))(
    "has no package built for what it needs: that is refused",
    async () => {
      // Of nothing but a source archive, which says what it needs only when it is run.
      const head = "# This file is autogenerated by pip-compile with Python 3.11\n#    pip-compile requirements.in\n";
      const { end } = await bump(
        { "requirements.in": "idna\ndocopt==0.6.2\n", "requirements.txt": `${head}docopt==0.6.2\nidna==3.6\n` },
        { ...idna, file: "requirements.txt" },
      );
      expect(end).toMatchObject({
        kind: "refused",
        reason: expect.stringMatching(/no program is started here/) as string,
      });
    },
    60_000,
  );

  needs(noGo)(
    "of Go gets no other toolchain and no host but the proxy, and no flag of its own",
    async () => {
      const program = join(await newFolder(), "go");
      const seen = `${program}.seen`;
      await writeExecutable(
        program,
        `#!/bin/sh\ncase "$1" in version|env) exec go "$@" ;; esac\nenv >> ${seen}\nexec go "$@"\n`,
      );
      const { end } = await bump(
        {
          "go.mod": "module shop.example/web\n\ngo 1.18\n\ntoolchain go1.99.0\n\nrequire golang.org/x/text v0.3.5\n",
          "go.sum": "",
          "go.env": `GOFLAGS=-toolexec=${canary}\nGOPROXY=${away}\n`,
          "main.go":
            'package main\n\n// #cgo CFLAGS: -fplugin=./evil.so\nimport "C"\n\n//go:generate sh evil.sh\nfunc main() {}\n',
          "evil.sh": evil(),
        },
        {
          type: "golang",
          package: "golang.org/x/text",
          moves: [{ from: "v0.3.5", to: "v0.3.8" }],
          file: "go.mod",
          programs: { go: program },
        },
      );
      expect(end.kind).not.toBe("failed");
      const env = await readFile(seen, "utf8");
      expect(env).toMatch(/^GOTOOLCHAIN=local$/m);
      expect(env).toMatch(/^GOENV=off$/m);
      expect(/^GOPROXY=(.*)$/m.exec(env)?.[1]).toMatch(/^(?!.*direct)./);
      expect(env).not.toContain(secret);
      const outside = await bump(
        { "go.mod": "module a.example/a\n\nreplace b.example/b => ../../b\n", "go.sum": "" },
        { type: "golang", package: "b.example/b", moves: [], file: "go.mod" },
      );
      expect(outside.end).toMatchObject({ kind: "refused", code: "REACHES_OUT" });
      await isUntouched();
    },
    60_000,
  );

  it("has no link followed out of it, and nothing read that is larger than any lock file", async () => {
    const outside = join(await newFolder(), "requirements.txt");
    const linked = await bump({}, { ...idna, file: "requirements.txt" }, (tree) =>
      symlink(outside, join(tree, "requirements.txt")),
    );
    expect(linked.end).toMatchObject({ kind: "refused" });
    const huge = await bump({ "uv.lock": "#".repeat(17 * 1_048_576) }, { ...idna, file: "uv.lock" });
    expect(huge.end).toMatchObject({ kind: "refused", code: "TOO_LARGE" });
    const deep = await bump(
      { "uv.lock": `a = ${"[".repeat(100_000)}`, "pyproject.toml": "" },
      { ...idna, file: "uv.lock" },
    );
    expect(deep.end).toMatchObject({ kind: "refused" });
    const nested = await bump(
      { "pom.xml": `<project>${"<a>".repeat(100_000)}` },
      { ...idna, type: "maven", file: "pom.xml" },
    );
    expect(nested.end).toMatchObject({ kind: "refused" });
  });
});
