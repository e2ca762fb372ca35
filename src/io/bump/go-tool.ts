import { reachesOut } from "./error.ts";
import { explainRun } from "./explain-run.ts";
import { folderOf, inFolder } from "./tree-reader.ts";
import type { BumpRequest, Env, PackageTool, Sandbox, ToolFault, ToolFiles } from "./types.ts";

const mostSourceBytes = 200_000_000;

/**
 * Go, by `go get`, and `go mod tidy` where the module was tidy before. Of the repository only `go.mod`, `go.sum` and the module's own Go files are there; nothing is compiled, and nothing is fetched but from the module proxy. Go Modules
 * Reference, Environment variables.
 */
export const goTool: PackageTool = {
  program: "go",
  versionArguments: ["version"],
  settings: {
    GOPROXY: ["go", "env", "GOPROXY"],
    GOSUMDB: ["go", "env", "GOSUMDB"],
    GONOSUMDB: ["go", "env", "GONOSUMDB"],
  },
  // A host that a module names is asked only by way of the proxy: what is fetched directly, the repository chooses.
  readSettings: ({ GOPROXY = "", ...rest }) => ({ ...rest, GOPROXY: withoutDirect(GOPROXY) }),
  collect: async (reader, { file }) => {
    const folder = folderOf(file);
    const sums = inFolder(folder, "go.sum");
    const [mod, sum, vendored] = await Promise.all([
      reader.read(file),
      reader.read(sums),
      reader.read(inFolder(folder, "vendor/modules.txt")),
    ]);
    if (mod === undefined || sum === undefined) return `there is no file ${mod === undefined ? file : sums}`;
    if (vendored !== undefined)
      return `${folder || "the module"} vendors its modules, which would have to change as well: do it by hand`;
    const replaced = findFolder(mod.toString());
    if (replaced !== undefined) reachesOut(`${file} replaces a module by the folder ${replaced}: change it by hand`);
    const files = new Map([
      [file, mod],
      [sums, sum],
    ]);
    const nested = new Set((await reader.list(folder, (path) => path.endsWith("/go.mod"))).map(folderOf));
    const isOwn = (path: string): boolean =>
      !nested.has(path) && !/(?:^|\/)(?:vendor|testdata|node_modules|[._][^/]*)$/.test(path);
    let size = 0;
    for (const path of await reader.list(
      folder,
      (one) => one.endsWith(".go"),
      (path) => path === folder || isOwn(path),
    )) {
      const bytes = await reader.read(path);
      if (bytes === undefined) continue;
      size += bytes.length;
      if (size > mostSourceBytes)
        return `the Go files of ${folder || "the module"} are larger than ${mostSourceBytes} bytes`;
      files.set(path, bytes);
    }
    return { files, mayChange: [file, sums] };
  },
  change: changeModule,
  check: () => undefined,
  // What is only needed by others may go when they need it no more; the tool knows, for it builds the whole graph.
  mayGo: (_before, _after, text) => {
    const indirect = new Set(
      [...text.matchAll(/^\s*(?:require\s+)?(\S+)\s+v\S+\s*\/\/\s*indirect\b/gm)].map(([, name]) => name),
    );
    return (name) => indirect.has(name);
  },
};

async function changeModule(
  sandbox: Sandbox,
  request: BumpRequest,
  { files }: ToolFiles,
  env: Env,
): Promise<ToolFault | undefined> {
  const { file, package: name, moves } = request;
  const folder = folderOf(file);
  const go = async (...args: readonly string[]): Promise<ToolFault | undefined> =>
    explainRun("go", await sandbox.run(["go", ...args], { folder, env: { ...env, ...goEnv(sandbox, request) } }));
  const wasTidy = (await go("mod", "tidy")) === undefined && (await isSame(sandbox, files));
  for (const [path, bytes] of files) await sandbox.write(path, bytes);
  for (const { to } of moves) {
    const fault = await go("get", `${name}@${to.startsWith("v") ? to : `v${to}`}`);
    if (fault !== undefined) return fault;
  }
  return wasTidy ? go("mod", "tidy") : undefined;
}

async function isSame(sandbox: Sandbox, files: ToolFiles["files"]): Promise<boolean> {
  for (const [path, bytes] of files) if ((await sandbox.read(path))?.equals(bytes) !== true) return false;
  return true;
}

/** No other toolchain is fetched and run, no repository is asked by its version control, no setting of a user or a workspace counts. */
function goEnv({ home }: Sandbox, { limits }: BumpRequest): Env {
  return {
    GOENV: "off",
    GOWORK: "off",
    GOTOOLCHAIN: "local",
    GOVCS: "*:off",
    GOFLAGS: "-mod=mod -modcacherw",
    GOTELEMETRY: "off",
    CGO_ENABLED: "0",
    GOPATH: `${home}/go`,
    GOCACHE: `${home}/cache`,
    GOMEMLIMIT: `${limits.memory}`,
  };
}

/** Go Modules Reference, GOPROXY protocol. */
function withoutDirect(proxies: string): string {
  const left = proxies.replaceAll(/(^|[,|])direct(?=$|[,|])/g, "").replace(/^[,|]+/, "");
  return left === "" ? "off" : left;
}

/** A folder that stands in the place of a module. Go Modules Reference, replace directive. */
function findFolder(text: string): string | undefined {
  return /=>\s*["`]?(\.{0,2}\/[^\s"`]*)/.exec(text)?.[1]?.slice(0, 200);
}
