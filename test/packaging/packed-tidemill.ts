import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where this machine's own programs are: without the tools of this checkout, Node among them. */
export const machinePath = (process.env.PATH ?? "")
  .split(":")
  .filter((one) => !one.startsWith(join(root, "node_modules")))
  .join(":");

/** What it is made of. */
const packed = ["bin", "docs", "examples", "scripts", "src", "CHANGELOG.md", "LICENSE", "README.md"].concat([
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
]);

/** The tarball that would be published, and a home in which nothing is installed yet. */
export interface PackedTidemill {
  readonly folder: string;
  readonly tarball: string;
  /** Runs `npx -y` with `packages` and `command` in `cwd`, as its user would who has no more than this machine's Node. Never rejects. */
  npx(
    packages: readonly string[],
    command: readonly string[],
    cwd: string,
  ): Promise<{ readonly status: number; readonly out: string; readonly err: string }>;
  close(): Promise<void>;
}

export async function packTidemill(): Promise<PackedTidemill> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-packed-"));
  await mkdir(join(folder, "home"));
  // In a copy: what is compiled would be run in place of the sources by whoever uses this folder meanwhile.
  const copy = join(folder, "sources");
  for (const name of packed) await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: copy,
    maxBuffer: 1 << 26,
  });
  // npm 11 writes what the package's own scripts say before it.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string }];
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"))),
    PATH: machinePath,
    HOME: join(folder, "home"),
    npm_config_registry: (await execute("npm", ["config", "get", "registry"])).stdout.trim(),
    npm_config_update_notifier: "false",
    DATABASE_URL: undefined,
    NO_COLOR: "1",
  };
  return {
    folder,
    tarball: join(folder, filename),
    npx: (packages, command, cwd) =>
      new Promise((resolve) => {
        const args = ["-y", ...packages.flatMap((one) => ["-p", one]), ...command];
        execFile("npx", args, { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) => {
          resolve({ status: error === null ? 0 : Number(error.code ?? 1), out, err });
        });
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
