import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why Go, with a module proxy, cannot be used by a test; undefined where it can. */
export const noGo = ((): string | undefined => {
  if (spawnSync("go", ["version"]).status !== 0) return "go";
  const env = { ...process.env, GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local" };
  return spawnSync("go", ["list", "-m", "golang.org/x/text@v0.3.5"], { cwd: tmpdir(), env, timeout: 60_000 }).status === 0 ? undefined : "a module proxy";
})();

/** A module that uses `golang.org/x/text` in its version 0.3.5, tidy. */
export async function makeGoModule(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-project-"));
  const files = {
    "go.mod": "module shop.example/web\n\ngo 1.18\n\nrequire golang.org/x/text v0.3.5\n",
    "main.go": 'package main\n\nimport "golang.org/x/text/language"\n\nfunc main() { println(language.German.String()) }\n',
  };
  try {
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
    const env = { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod -modcacherw", GOMODCACHE: join(folder, "cache") };
    execFileSync("go", ["mod", "tidy"], { cwd: folder, env, stdio: "pipe" });
    return { ...files, "go.mod": await readFile(join(folder, "go.mod"), "utf8"), "go.sum": await readFile(join(folder, "go.sum"), "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
