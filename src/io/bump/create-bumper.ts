import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { proveBump, type LockChange } from "../../core/bump/index.ts";
import { isLockFile, parseLockFile, type LockFile } from "../../core/inventory/index.ts";
import { canonicalJson, digestHex, printable, runInGroup, sha256 } from "../../lib/index.ts";
import { BumpError } from "./error.ts";
import { findNamespaces, inContainer, processGroup, removeContainers, type Isolation } from "./isolation.ts";
import { findPomLocks } from "./maven/pom-locks.ts";
import { inSandbox } from "./sandbox.ts";
import { toolsFor } from "./tools.ts";
import { createTreeReader } from "./tree-reader.ts";
import type {
  BumpContainer,
  BumpLimits,
  BumpRequest,
  Env,
  Files,
  PackageTool,
  Resolved,
  Sandbox,
  ToolFiles,
} from "./types.ts";

export type BumpEnd =
  /** Proven: `changed` are the files as they are to be, `changes` the versions, what was asked for first. */
  | {
      readonly kind: "made";
      readonly changed: Files;
      readonly before: Files;
      readonly changes: readonly LockChange[];
      readonly tool: string;
    }
  | { readonly kind: "refused" | "failed"; readonly reason: string; readonly code?: BumpError["code"] };

/** Has package managers bring packages of lock files to other versions. It pushes nothing. */
export interface Bumper {
  /** The lock files of a tree below a folder, by path, without those of what is vendored. Throws TOO_LARGE. */
  findLocks(tree: string, subdirectory: string | undefined): Promise<ReadonlyMap<string, LockFile>>;
  /** What a bump is made of: equal keys, equal files and versions. Undefined where it cannot be made at all. */
  keyOf(request: BumpRequest): Promise<string | undefined>;
  /** Makes and proves a bump. Only an abort throws. */
  bump(request: BumpRequest, signal: AbortSignal): Promise<BumpEnd>;
}

/** What a package manager needs of our environment to reach its registry: never credentials. */
const passedOn = [
  ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"],
  ["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "JAVA_HOME"],
].flat();
/** Where this process is told to look for packages: what a package manager is asked for its own settings with. */
const registries = [
  ["npm_config_registry", "NPM_CONFIG_REGISTRY", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"],
  ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX"],
  ["UV_EXTRA_INDEX_URL", "XDG_CONFIG_HOME"],
].flat();
const mostLocks = 200;
const askMs = 30_000;
const askLimits: BumpLimits = { timeMs: askMs, disk: 1_048_576, memory: 1_073_741_824, output: 65_536 };
const outside = /(?:^|\/)(?:node_modules|vendor|\.git|\.venv|testdata)$/;

/** A bumper with its folder `dir`, which it alone writes; `env` is this process's. */
export function createBumper({
  dir,
  env,
  hidden = [],
}: {
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folders that a package manager has nothing to look for in. */
  readonly hidden?: readonly string[];
}): Bumper {
  const base: Record<string, string> = { LC_ALL: "C.UTF-8" };
  for (const name of passedOn) {
    const value = env[name];
    // A proxy with a password is a secret.
    if (value !== undefined && !/\/\/[^/@]*@/.test(value)) base[name] = value;
  }
  const named: Record<string, string> = { ...base };
  for (const name of registries) {
    const value = env[name];
    if (value !== undefined) named[name] = value;
  }
  const asked = new Map<string, Promise<ToolFacts | string>>();
  let namespaces: Promise<Isolation> | undefined;
  let swept: Promise<void> | undefined;
  const empty = join(dir, "empty");
  const isolationFor = async ({ container, programs = {} }: BumpRequest): Promise<Isolation> => {
    await mkdir(empty, { recursive: true, mode: 0o700 });
    if (container === undefined)
      return (namespaces ??= findNamespaces(hidden, empty).then((found) => found ?? processGroup));
    const docker = programs["docker"] ?? "docker";
    await (swept ??= removeContainers(docker, dir));
    return inContainer(container, docker);
  };
  const factsOf = async (tool: PackageTool, request: BumpRequest): Promise<ToolFacts | string> => {
    const { programs = {}, container } = request;
    await mkdir(empty, { recursive: true, mode: 0o700 });
    const key = JSON.stringify([tool.program, programs, container]);
    // What a person set on this machine is asked there; in a container, what its image says.
    const place = {
      cwd: empty,
      container,
      env: named,
      isolation: container === undefined ? processGroup : await isolationFor(request),
    };
    const known = asked.get(key) ?? askTool(tool, programs, place);
    asked.set(key, known);
    const facts = await known;
    // It may be installed meanwhile.
    if (typeof facts === "string") asked.delete(key);
    return facts;
  };
  /** The first of a lock file's package managers that can be run here; a text says which are missing. */
  const pick = async (tools: readonly PackageTool[], request: BumpRequest): Promise<Picked | string> => {
    const missing: string[] = [];
    for (const tool of tools) {
      const facts = await factsOf(tool, request);
      if (typeof facts !== "string") return { tool, facts };
      missing.push(facts);
    }
    return missing.join("; ");
  };

  return {
    findLocks: async (tree, subdirectory) => {
      const reader = createTreeReader(tree);
      const paths = await reader.list(subdirectory ?? "", isLockFile, (path) => !outside.test(path));
      if (paths.length > mostLocks) throw new BumpError("TOO_LARGE", `there are more than ${mostLocks} lock files`);
      const found = new Map<string, LockFile>();
      const poms = new Map<string, string>();
      for (const path of paths) {
        const bytes = await reader.read(path);
        if (bytes === undefined) continue;
        const lock = path.endsWith("pom.xml") ? undefined : parseLockFile(path, bytes.toString());
        if (lock !== undefined) found.set(path, lock);
        else poms.set(path, bytes.toString());
      }
      for (const [path, lock] of findPomLocks(poms)) found.set(path, lock);
      return found;
    },
    keyOf: async (request) => {
      const reader = createTreeReader(request.tree);
      const text = (await reader.read(request.file))?.toString() ?? "";
      const collected = await toolsFor(request.file, text)[0]?.collect(reader, request);
      if (collected === undefined || typeof collected === "string") return undefined;
      const files = [...collected.files].map(([path, bytes]) => [path, sha256(bytes)]);
      return digestHex(sha256(canonicalJson([request.file, request.package, request.moves, files])));
    },
    bump: async (request, signal) => {
      try {
        const reader = createTreeReader(request.tree);
        const tools = toolsFor(request.file, (await reader.read(request.file))?.toString() ?? "");
        const collected = await tools[0]?.collect(reader, request);
        if (collected === undefined)
          return { kind: "refused", reason: `no package manager here writes ${request.file}: change it by hand` };
        if (typeof collected === "string") return { kind: "refused", reason: collected };
        const { limits, programs = {} } = request;
        const picked = await pick(tools, request);
        if (typeof picked === "string") return { kind: "failed", reason: picked };
        const { tool, facts } = picked;
        const options = { dir, base, limits, programs, isolation: await isolationFor(request), signal };
        return await inSandbox(options, collected.files, (sandbox) => make(sandbox, tool, request, collected, facts));
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof BumpError) return { kind: "refused", reason: error.message, code: error.code };
        throw error;
      }
    },
  };
}

interface Picked {
  readonly tool: PackageTool;
  readonly facts: ToolFacts;
}

async function make(
  sandbox: Sandbox,
  tool: PackageTool,
  request: BumpRequest,
  collected: ToolFiles,
  { env, name }: ToolFacts,
): Promise<BumpEnd> {
  const fault = await tool.change(sandbox, request, collected, env);
  if (fault !== undefined && fault.kind !== "resolved") return fault;
  const after = new Map<string, Buffer>();
  const changed = new Map<string, Buffer>();
  for (const [path, bytes] of collected.files) {
    const now = await sandbox.read(path);
    if (now === undefined) return { kind: "refused", reason: `${tool.program} took ${printable(path)} away` };
    after.set(path, now);
    if (now.equals(bytes)) continue;
    if (!collected.mayChange.includes(path))
      return {
        kind: "refused",
        reason: `${tool.program} changed ${printable(path)}, which is neither a manifest nor a lock file`,
      };
    changed.set(path, now);
  }
  const strange = (await createTreeReader(sandbox.work).list("", (path) => !collected.files.has(path)))[0];
  if (strange !== undefined)
    return { kind: "refused", reason: `${tool.program} made a file of its own: ${printable(strange)}` };
  return prove(tool, request, fault, { had: collected.files, after, changed }, name);
}

interface Trees {
  readonly had: Files;
  readonly after: Files;
  readonly changed: Files;
}

function prove(
  tool: PackageTool,
  request: BumpRequest,
  resolved: Resolved | undefined,
  { had, after, changed }: Trees,
  name: string,
): BumpEnd {
  const { file } = request;
  const [text, fresh] = [had, after].map((files) => files.get(file)?.toString() ?? "");
  const before = resolved?.before ?? parseLockFile(file, text ?? "");
  const now = resolved?.after ?? parseLockFile(file, fresh ?? "");
  if (before === undefined || now === undefined) throw new Error(`${file} is no lock file`);
  const mayGo = tool.mayGo(before, now, text ?? "", fresh ?? "");
  const proof = proveBump(request, { before, after: now, mayGo });
  if (proof.kind === "refused") return proof;
  const wrong = tool.check(had, after, request);
  if (wrong !== undefined) return { kind: "refused", reason: wrong };
  return { kind: "made", changed, before: had, changes: proof.changes, tool: name };
}

interface AskPlace {
  readonly cwd: string;
  readonly container: BumpContainer | undefined;
  readonly env: Env;
  readonly isolation: Isolation;
}

interface ToolFacts {
  /** Where it looks for packages. */
  readonly env: Env;
  /** `npm 11.19.1`. */
  readonly name: string;
}

/** The version of a program and its settings on this machine, asked in an empty folder: what a repository says of them counts for nothing. A text says why it cannot be used. */
async function askTool(
  tool: PackageTool,
  programs: Env,
  { cwd, container, env: base, isolation }: AskPlace,
): Promise<ToolFacts | string> {
  const ask = async (command: readonly string[]): Promise<string | undefined> => {
    let text = "";
    const onOutput = (piece: Buffer, stream: string): void => {
      if (stream === "stdout" && text.length < 65_536) text += piece.toString();
    };
    const { command: wrapped, env } = isolation.wrap(command, { root: cwd, cwd, env: base, limits: askLimits });
    const ended = await runInGroup({ command: wrapped, cwd, env, timeoutMs: askMs, onOutput });
    await isolation.end(cwd);
    return ended.kind === "ended" && ended.status === 0 ? text.trim() : undefined;
  };
  const program = programs[tool.program] ?? tool.program;
  const version = await ask([program, ...tool.versionArguments]);
  if (version === undefined && container !== undefined)
    return `${program} cannot be run in a container of ${container.image}: its image, the network and docker have to be there`;
  if (version === undefined)
    return `${program} cannot be run on this machine: install it, or name it by \`tools: { ${tool.program}: PATH }\``;
  const answers: Record<string, string> = {};
  for (const [variable, command] of Object.entries(tool.settings)) {
    const value = await ask(command);
    if (value === undefined || ["", "undefined", "null"].includes(value)) continue;
    answers[variable] = value;
  }
  const env = tool.readSettings?.(answers) ?? answers;
  if (Object.values(env).some((value) => /\/\/[^/@\s]*@/.test(value)))
    return `the registry of ${tool.program} is set with a password, and none is handed to it`;
  return { env, name: `${tool.program} ${printable(/\d+\.\d[\w.+-]*/.exec(version)?.[0] ?? "").slice(0, 30)}`.trim() };
}
