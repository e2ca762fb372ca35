import { posix } from "node:path";
import { isSameVersion, spelledName } from "../../../core/bump/index.ts";
import { explainRun } from "../explain-run.ts";
import { folderOf, inFolder } from "../tree-reader.ts";
import type { BumpRequest, Env, PackageTool, Sandbox, ToolFault, ToolFiles, TreeReader } from "../types.ts";
import { pipSettings, uvRun, uvSettings } from "./python-env.ts";
import { readIncludes } from "./read-includes.ts";
import { hasHashes, moveRequirement, readRequirementLines, readResolved } from "./requirement-lines.ts";

type Resolved = ReturnType<typeof readResolved>;
/** What is asked for, and what is only said of versions, as one line each. */
interface Asked {
  readonly lines: readonly string[];
  readonly constraints: readonly string[];
  readonly python: string | undefined;
  readonly withHashes: boolean;
}
type Resolve = (sandbox: Sandbox, asked: Asked, env: Env) => Promise<Resolved | ToolFault>;

const pythonVersion = ".python-version";

/**
 * A `requirements.txt` that a person, or `pip freeze`, has written: its lines are changed, once a resolver has found that all of them can be had together. It is given the names, ranges and markers alone, and no line of the file, so that
 * none of its options or addresses counts. What the new version needs and the file does not have is added where it had all before.
 */
export const requirementsByUv: PackageTool = {
  program: "uv",
  versionArguments: ["--version"],
  ...uvSettings,
  collect,
  change: (sandbox, request, files, env) => changeLines(sandbox, request, files, env, resolveByUv),
  check: () => undefined,
  mayGo: () => () => false,
};

/** The same by pip, where there is no uv: for this machine's Python alone, and without checksums, for it tells only those of the file that it would install. */
export const requirementsByPip: PackageTool = {
  ...requirementsByUv,
  program: "pip",
  ...pipSettings,
  change: (sandbox, request, files, env) => changeLines(sandbox, request, files, env, resolveByPip),
};

async function collect(reader: TreeReader, { file }: BumpRequest): Promise<ToolFiles | string> {
  const found = await readIncludes(reader, file);
  if (typeof found === "string") return found;
  const python = inFolder(folderOf(file), pythonVersion);
  const version = await reader.read(python);
  const files = version === undefined ? found.files : new Map([...found.files, [python, version]]);
  return { files, mayChange: [file] };
}

async function changeLines(
  sandbox: Sandbox,
  request: BumpRequest,
  { files }: ToolFiles,
  env: Env,
  resolve: Resolve,
): Promise<ToolFault | undefined> {
  const { file, package: name, moves } = request;
  const before = files.get(file)?.toString() ?? "";
  const withHashes = hasHashes(before);
  const unsure = moveRequirement(before, name, moves, () => ["sha256:0"]);
  if (typeof unsure !== "string") return { kind: "refused", reason: unsure.refused };
  const had = askedOf(request, files, before, withHashes);
  const resolved = await resolve(sandbox, askedOf(request, files, unsure, withHashes), env);
  if ("reason" in resolved) return resolved;
  const own = resolved.get(spelledName("pypi", name)) ?? [];
  const missing = moves.find(({ to }) => !own.some(({ text }) => isSameVersion("pypi", versionIn(text), to)));
  if (missing !== undefined)
    return {
      kind: "refused",
      reason: `${name} ${missing.to} was not looked at: its marker does not hold on this machine`,
    };
  const moved = moveRequirement(
    before,
    name,
    moves,
    (version) => own.find(({ text }) => isSameVersion("pypi", versionIn(text), version))?.hashes,
  );
  if (typeof moved !== "string") return { kind: "refused", reason: moved.refused };
  const named = new Set(namesOf(had));
  const fresh = [...resolved].filter(([one]) => !named.has(one));
  const missed = fresh.length === 0 ? undefined : await findMissed(sandbox, had, named, env, resolve);
  // With checksums pip takes nothing that the file does not have.
  const isWhole = missed !== undefined && (withHashes || !missed.isAny);
  const added = isWhole ? fresh.filter(([one]) => !missed.names.has(one)).flatMap(([, list]) => list) : [];
  await sandbox.write(file, added.length === 0 ? moved : append(moved, added, withHashes));
  return undefined;
}

/** What a file did not name before of what it takes to install it: nothing where `pip freeze` wrote it, but for what other systems than its own need. */
async function findMissed(
  sandbox: Sandbox,
  had: Asked,
  named: ReadonlySet<string>,
  env: Env,
  resolve: Resolve,
): Promise<{ readonly names: ReadonlySet<string>; readonly isAny: boolean }> {
  const resolved = await resolve(sandbox, { ...had, withHashes: false }, env);
  if ("reason" in resolved) return { names: new Set(), isAny: true };
  const missed = [...resolved].filter(([one]) => !named.has(one));
  return {
    names: new Set(missed.map(([one]) => one)),
    isAny: missed.some(([, list]) => list.some(({ text }) => !text.includes(";"))),
  };
}

function askedOf({ file }: BumpRequest, files: ToolFiles["files"], text: string, withHashes: boolean): Asked {
  const lines: string[] = [];
  const constraints: string[] = [];
  const done = new Set<string>();
  const add = (path: string, content: string, into: string[]): void => {
    if (done.has(path)) return;
    done.add(path);
    for (const line of readRequirementLines(content)) {
      if (line.kind === "named") into.push(line.text);
      if (line.kind !== "file") continue;
      const target = [...files.keys()].find((one) => one === posix.join(folderOf(path), line.path));
      if (target !== undefined)
        add(target, files.get(target)?.toString() ?? "", line.isConstraint ? constraints : into);
    }
  };
  add(file, text, lines);
  const said = files.get(inFolder(folderOf(file), pythonVersion))?.toString();
  return { lines, constraints, python: /^\s*(3(?:\.\d{1,3}){1,2})\s*$/m.exec(said ?? "")?.[1], withHashes };
}

function namesOf({ lines }: Asked): string[] {
  return lines.map((line) => spelledName("pypi", /^[\w.-]+/.exec(line)?.[0] ?? ""));
}

function versionIn(text: string): string {
  return /={2,3}\s*([^\s;]+)/.exec(text)?.[1] ?? "";
}

function append(
  text: string,
  fresh: Resolved extends Map<string, infer List> ? List : never,
  withHashes: boolean,
): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = fresh.map((one) =>
    [one.text, ...(withHashes ? one.hashes.map((sum) => `    --hash=${sum}`) : [])].join(` \\${end}`),
  );
  return `${text}${text === "" || text.endsWith("\n") ? "" : end}${lines.map((line) => line + end).join("")}`;
}

async function resolveByUv(sandbox: Sandbox, { lines, constraints, python, withHashes }: Asked, env: Env) {
  const input = await sandbox.putHome("requirements.in", lines.map((line) => `${line}\n`).join(""));
  const limits = await sandbox.putHome("constraints.in", constraints.map((line) => `${line}\n`).join(""));
  const output = `${sandbox.home}/resolved.txt`;
  const ended = await sandbox.run(
    [
      ["uv", "pip", "compile", input, "--constraint", limits, "--output-file", output, "--quiet", "--no-config"],
      ["--universal", "--no-header", "--no-annotate", "--upgrade", "--no-emit-index-url"],
      withHashes ? ["--generate-hashes"] : [],
      python === undefined ? [] : ["--python-version", python],
    ].flat(),
    // Apart from the files of the repository: uv looks beside it for a Python to run.
    uvRun(sandbox, env, "../home"),
  );
  return explainRun("uv", ended) ?? readResolved((await sandbox.readHome("resolved.txt")).toString());
}

async function resolveByPip(sandbox: Sandbox, { lines, constraints, withHashes }: Asked, env: Env) {
  if (withHashes)
    return {
      kind: "failed",
      reason: "the file has checksums, which pip does not tell of: install uv, or name it by `tools:`",
    } as const;
  const input = await sandbox.putHome("requirements.in", lines.map((line) => `${line}\n`).join(""));
  const limits = await sandbox.putHome("constraints.in", constraints.map((line) => `${line}\n`).join(""));
  const report = `${sandbox.home}/report.json`;
  const ended = await sandbox.run(
    [
      ["pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary", ":all:"],
      ["--report", report, "--requirement", input, "--constraint", limits],
    ].flat(),
    {
      folder: "../home",
      env: {
        ...env,
        PIP_CONFIG_FILE: "/dev/null",
        PIP_NO_INPUT: "1",
        PIP_CACHE_DIR: `${sandbox.home}/cache`,
        PIP_DISABLE_PIP_VERSION_CHECK: "1",
      },
    },
  );
  return explainRun("pip", ended) ?? readReport((await sandbox.readHome("report.json")).toString());
}

/** pip, Installation Report. */
function readReport(text: string): Resolved {
  const report = JSON.parse(text) as {
    readonly install?: readonly { readonly metadata?: { readonly name?: unknown; readonly version?: unknown } }[];
  };
  const lines = (report.install ?? []).map(
    ({ metadata }) => `${String(metadata?.name)}==${String(metadata?.version)}\n`,
  );
  return readResolved(lines.join(""));
}
