import { posix } from "node:path";
import { createMayGo, type BumpMove } from "../../core/bump/index.ts";
import { printable } from "../../lib/index.ts";
import { reachesOut } from "./error.ts";
import { explainRun } from "./explain-run.ts";
import { findForeignEntry, findForeignRule, isAddress } from "./npm-addresses.ts";
import { npmAllows, npmSections, pinManifest, rangesOf, widenManifest } from "./npm-manifest.ts";
import { folderOf, inFolder, isInside } from "./tree-reader.ts";
import type { BumpRequest, Env, PackageTool, Sandbox, ToolFault, ToolFiles } from "./types.ts";

type Json = Readonly<Record<string, unknown>>;

const mostWorkspaces = 1000;
const offline = [
  "--package-lock-only",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--no-progress",
  "--loglevel=error",
];

/**
 * npm, from version 7. A version is brought by a rule of `overrides` that stands in the manifest for one run, and by another run without it: npm keeps what every range takes. Only manifests and the lock file are there, so no setting
 * and no script of the repository is. npm, npm-install(1), package.json(5).
 */
export const npmTool: PackageTool = {
  program: "npm",
  versionArguments: ["--version"],
  settings: {
    npm_config_registry: ["npm", "config", "get", "registry"],
    npm_config_cafile: ["npm", "config", "get", "cafile"],
  },
  collect: async (reader, { file }) => {
    const folder = folderOf(file);
    const lock = await reader.read(file);
    if (lock === undefined) return `there is no file ${file}`;
    const files = new Map([[file, lock]]);
    const parsed = parseJson(lock) ?? {};
    const packages = objectAt(parsed, "packages") ?? {};
    const places = ["", ...Object.keys(packages).filter((place) => place !== "" && !place.includes("node_modules"))];
    if (places.length > mostWorkspaces) return `${file} names more than ${mostWorkspaces} workspaces`;
    const foreign = findForeignEntry(parsed, new Set(places));
    if (foreign !== undefined)
      reachesOut(`${file} takes ${foreign}, and only what a registry has is looked up: change it by hand`);
    for (const place of places) {
      if (place !== "" && !isInside(place))
        reachesOut(`${file} names ${printable(place).slice(0, 100)}, which lies outside of its folder`);
      const path = inFolder(folder, posix.join(place, "package.json"));
      const bytes = await reader.read(path);
      const manifest = bytes === undefined ? undefined : parseJson(bytes);
      if (bytes === undefined || manifest === undefined) return `there is no manifest ${path}`;
      const stray = findStray(manifest, place, new Set(places)) ?? findForeignRule(manifest["overrides"]);
      if (stray !== undefined)
        reachesOut(`${path} asks for ${stray}, and only what a registry has is looked up: change it by hand`);
      files.set(path, bytes);
    }
    return { files, mayChange: [...files.keys()] };
  },
  change: changeLock,
  check: (before, after, { file }) => {
    const [had, has] = [before.get(file), after.get(file)].map((bytes) => bytes && sourcesOf(bytes));
    if (had === undefined || has === undefined) return undefined;
    const strange = [...has.hosts].find((host) => !had.hosts.has(host) && had.hosts.size > 0);
    if (strange !== undefined) return `the new ${file} would fetch from ${strange}, and the old one does not`;
    if (had.bare === 0 && has.bare > 0) return `the new ${file} names packages without a checksum`;
    return undefined;
  },
  mayGo: createMayGo,
};

async function changeLock(
  sandbox: Sandbox,
  request: BumpRequest,
  { files }: ToolFiles,
  env: Env,
): Promise<ToolFault | undefined> {
  const { file, package: name, moves } = request;
  const folder = folderOf(file);
  const top = inFolder(folder, "package.json");
  const last = new Map<string, string>();
  for (const [path, bytes] of files) {
    if (path === file) continue;
    const text = bytes.toString();
    const wide = widenManifest(text, name, moves);
    if (typeof wide !== "string") return { kind: "refused", reason: wide.refused };
    last.set(path, wide);
    const pinned = pinManifest(parseJson(bytes) ?? {}, name, moves);
    await sandbox.write(path, JSON.stringify(path === top ? withOverrides(pinned, name, moves) : pinned));
  }
  const version = fieldOf(parseJson(files.get(file) ?? Buffer.alloc(0)), "lockfileVersion");
  const keep = typeof version === "number" ? [`--lockfile-version=${version}`] : [];
  const install = async (): Promise<ToolFault | undefined> =>
    explainRun(
      "npm",
      await sandbox.run(["npm", "install", ...offline, ...keep], {
        folder,
        env: { ...env, ...npmEnv(request) },
      }),
    );
  const first = await install();
  if (first !== undefined) return first;
  for (const [path, text] of last) await sandbox.write(path, text);
  return install();
}

function npmEnv({ limits }: BumpRequest): Env {
  return {
    // What a lock file names by an address of git is not fetched.
    npm_config_git: "/bin/false",
    npm_config_ignore_scripts: "true",
    // Whom the machine trusts, the registry's mirror may be signed by.
    NODE_USE_SYSTEM_CA: "1",
    NODE_OPTIONS: `--max-old-space-size=${Math.floor(limits.memory / 1_048_576)}`,
  };
}

/** Rules for each version that is to go: those who ask for it get its successor. A rule of the repository's own stays, and is seen by what npm makes of it. */
function withOverrides(manifest: Json, name: string, moves: readonly BumpMove[]): Json {
  const own = objectAt(manifest, "overrides") ?? {};
  const direct = rangesOf(manifest, name);
  const rules = moves
    .filter(({ from }) => !direct.some((range) => npmAllows(range, from) === true))
    .map(({ from, to }) => [`${name}@${from}`, to] as const);
  return { ...manifest, overrides: { ...own, ...Object.fromEntries(rules) } };
}

/** What a manifest asks for by an address that is none of the workspaces beside it. */
function findStray(manifest: Json, place: string, places: ReadonlySet<string>): string | undefined {
  for (const section of [...npmSections, "peerDependencies"])
    for (const [name, range] of Object.entries(objectAt(manifest, section) ?? {})) {
      if (typeof range !== "string" || !isAddress(range)) continue;
      const [, path] = /^(?:file|link):(?:\/\/)?(.*)$/.exec(range) ?? [];
      if (path !== undefined && places.has(posix.join(place, path).replace(/\/$/, ""))) continue;
      return printable(`${name} ${range}`).slice(0, 200);
    }
  return undefined;
}

/** From which hosts a lock file fetches, and how many of its packages have no checksum. */
function sourcesOf(bytes: Buffer): { readonly hosts: ReadonlySet<string>; readonly bare: number } {
  const hosts = new Set<string>();
  let bare = 0;
  const todo = [objectAt(parseJson(bytes), "packages"), objectAt(parseJson(bytes), "dependencies")];
  for (let next = todo.pop(); todo.length > 0 || next !== undefined; next = todo.pop())
    for (const entry of Object.values(next ?? {})) {
      const resolved = fieldOf(entry, "resolved");
      if (typeof resolved === "string" && /^\w+(?:\+\w+)?:/.test(resolved) && URL.canParse(resolved)) {
        hosts.add(`${new URL(resolved).protocol}//${new URL(resolved).host}`);
        if (typeof fieldOf(entry, "integrity") !== "string") bare += 1;
      }
      const inner = objectAt(entry, "dependencies");
      if (inner !== undefined) todo.push(inner);
    }
  return { hosts, bare };
}

function parseJson(bytes: Buffer): Json | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString().replace(/^\uFEFF/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function objectAt(value: unknown, key: string): Json | undefined {
  const found = fieldOf(value, key);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Json) : undefined;
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Json)[key] : undefined;
}
