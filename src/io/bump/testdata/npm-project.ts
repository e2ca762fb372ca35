import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const env = { PATH: process.env["PATH"], HOME: "/nonexistent", NODE_USE_SYSTEM_CA: "1", npm_config_cache: join(tmpdir(), `tidemill-npm-${process.pid}`) };

/** Why npm, with a registry, cannot be used by a test; undefined where it can. */
export const noNpm = ((): string | undefined => {
  if (spawnSync("npm", ["--version"], { env }).status !== 0) return "npm";
  return spawnSync("npm", ["view", "ms", "version"], { env, timeout: 60_000 }).status === 0 ? undefined : "a registry of npm";
})();

type Manifest = Readonly<Record<string, unknown>>;

/** The manifest and lock file that npm makes where `exact` are the versions of what is asked for. */
export async function makeNpmProject(manifest: Manifest, exact: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-project-"));
  const path = join(folder, "package.json");
  const install = (): unknown =>
    execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder, env, stdio: "pipe" });
  try {
    const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await writeFile(path, JSON.stringify({ ...manifest, overrides: exact }));
    install();
    await writeFile(path, text);
    install();
    return { "package.json": text, "package-lock.json": await readFile(join(folder, "package-lock.json"), "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
