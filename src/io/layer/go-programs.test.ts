import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { inventoryOf } from "./testdata/read-files.ts";

const hasGo = spawnSync("go", ["version"]).status === 0;
const home = mkdtempSync(join(tmpdir(), "tidemill-go-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** The modules that the Go toolchain itself sees in a program, replacements in the place of what they replace. */
function asGoSays(program: string): string[] {
  const lines = execFileSync("go", ["version", "-m", program], { encoding: "utf8" }).split("\n");
  const toolchain = /: go(\S+)/.exec(lines[0] ?? "")?.[1] ?? "";
  const found = [`stdlib ${toolchain}`];
  for (const line of lines) {
    const [, kind, name = "", version = ""] = line.split("\t");
    if (kind === "mod" || kind === "dep") found.push(`${name} ${version}`);
    if (kind !== "=>") continue;
    const replaced = found.pop() ?? "";
    found.push(/^\.{0,2}\//.test(name) ? `${replaced.split(" ")[0] ?? ""} (devel)` : `${name} ${version}`);
  }
  return found.sort();
}

async function asWeSay(program: string, path = "usr/bin/app"): Promise<string[]> {
  const inventory = await inventoryOf([{ name: path, body: readFileSync(program), mode: 0o755 }]);
  expect([inventory.status, inventory.problems]).toEqual(["complete", []]);
  expect(inventory.packages.every((one) => one.type === "golang" && one.path === path)).toBe(true);
  return inventory.packages.map(({ name, version }) => `${name} ${version}`).sort();
}

/** A program with a dependency, one that is replaced by a folder, and nothing from a network. */
function writeProgram(): string {
  const files: Record<string, string> = {
    "app/go.mod":
      "module example.com/app\n\ngo 1.21\n\nrequire example.com/lib v1.2.3\n\nreplace example.com/lib v1.2.3 => ../lib\n",
    "app/main.go": 'package main\n\nimport "example.com/lib"\n\nfunc main() { println(lib.Say()) }\n',
    "lib/go.mod": "module example.com/lib\n\ngo 1.21\n",
    "lib/lib.go": 'package lib\n\nfunc Say() string { return "hello" }\n',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, path)), { recursive: true });
    writeFileSync(join(home, path), text);
  }
  return join(home, "app");
}

function build(name: string, ...flags: string[]): string {
  const program = join(home, name);
  execFileSync("go", ["build", ...flags, "-o", program, "."], {
    cwd: writeProgram(),
    env: { ...process.env, GOFLAGS: "-mod=mod", GOPROXY: "off", CGO_ENABLED: "0", GOTOOLCHAIN: "local" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return program;
}

describe("a Go program in a layer", () => {
  needs(hasGo ? undefined : "go")(
    "tells what `go version -m` tells, also stripped, and without a build ID",
    async () => {
      for (const [name, ...flags] of [
        ["plain"],
        ["stripped", "-ldflags=-s -w"],
        ["anonymous", "-ldflags=-s -w -buildid="],
      ] as const) {
        const program = build(name, ...flags);
        const said = await asWeSay(program);
        expect(said).toEqual(asGoSays(program));
        expect(said).toContain("example.com/lib (devel)");
      }
    },
    60_000,
  );

  const go = hasGo ? join(execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim(), "bin/go") : "";
  needs(existsSync(go) ? undefined : "go")("that is large and holds the mark as a text is read as well", async () => {
    const padded = join(home, "padded");
    writeFileSync(padded, Buffer.concat([readFileSync(go), Buffer.alloc(17 * 1_048_576, 7)]));
    expect(await asWeSay(padded)).toEqual(asGoSays(go));
  });
});
