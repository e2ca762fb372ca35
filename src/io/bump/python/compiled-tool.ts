import { reachesOut } from "../error.ts";
import { explainRun } from "../explain-run.ts";
import { isInside } from "../tree-reader.ts";
import type { BumpRequest, PackageTool, Sandbox, ToolFault, ToolFiles, TreeReader } from "../types.ts";
import { headOf, readCompileHeader, sourcesOf, type CompileHeader } from "./compile-header.ts";
import { refuseStray } from "./pyproject.ts";
import { guardedRun, pipSettings, uvRun, uvSettings } from "./python-env.ts";
import { readIncludes } from "./read-includes.ts";
import { readRequirementLines } from "./requirement-lines.ts";

/** A `requirements.txt` that uv has compiled of other files: it is compiled anew by the same command, with the one package brought to its version. */
export const compiledByUv: PackageTool = {
  program: "uv",
  versionArguments: ["--version"],
  ...uvSettings,
  collect,
  change: async (sandbox, request, files, env) => {
    const header = headerOf(request, files);
    return compile(sandbox, request, files, ["uv", "pip", "compile", "--quiet"], uvRun(sandbox, env, header.folder));
  },
  check: () => undefined,
  // What nobody needs any more goes; the tool knows, for it resolves all of it.
  mayGo: () => () => true,
};

/** The same by pip-compile: it resolves for the Python that it runs on, which therefore has to be the one of the file. */
export const compiledByPipTools: PackageTool = {
  ...compiledByUv,
  program: "pip-compile",
  ...pipSettings,
  change: async (sandbox, request, files, env) => {
    const header = headerOf(request, files);
    const emit = header.args.includes("--no-emit-options") ? [] : ["--no-emit-options"];
    return compile(
      sandbox,
      request,
      files,
      ["pip-compile", "--quiet", "--no-config", ...emit],
      await guardedRun(sandbox, env, header.folder),
    );
  },
};

async function collect(reader: TreeReader, { file }: BumpRequest): Promise<ToolFiles | string> {
  const bytes = await reader.read(file);
  if (bytes === undefined) return `there is no file ${file}`;
  const header = readCompileHeader(file, bytes.toString());
  if (header === undefined || typeof header === "string") return header ?? `${file} was not compiled`;
  const files = new Map([[file, bytes]]);
  for (const source of sourcesOf(header)) {
    if (!isInside(source)) reachesOut(`${file} is compiled from ${source.slice(0, 200)}, outside of the repository`);
    if (source.endsWith(".toml")) {
      const manifest = await reader.read(source);
      if (manifest === undefined) return `there is no file ${source}`;
      refuseStray(source, manifest.toString());
      files.set(source, manifest);
      continue;
    }
    const found = await readIncludes(reader, source);
    if (typeof found === "string") return found;
    for (const [path, content] of found.files) files.set(path, content);
  }
  for (const [path, content] of files) {
    if (path.endsWith(".toml")) continue;
    const stray = readRequirementLines(content.toString()).find(({ kind }) => kind === "other");
    if (stray?.kind === "other")
      reachesOut(
        `${path} says ${stray.text.slice(0, 100)}, and only what a registry has is looked up, at the one that this machine names: change it by hand`,
      );
  }
  return { files, mayChange: [file] };
}

async function compile(
  sandbox: Sandbox,
  request: BumpRequest,
  files: ToolFiles,
  program: readonly string[],
  options: Parameters<Sandbox["run"]>[1],
): Promise<ToolFault | undefined> {
  const { file, package: name, moves } = request;
  const header = headerOf(request, files);
  const before = files.files.get(file)?.toString() ?? "";
  const wanted = moves.flatMap(({ to }) => ["--upgrade-package", `${name}==${to}`]);
  const ended = await sandbox.run(
    [...program, ...header.args, ...wanted, "--output-file", header.output, ...header.sources],
    options,
  );
  const fault = explainRun(header.program, ended);
  if (fault !== undefined) return fault;
  const made = (await sandbox.read(file))?.toString() ?? "";
  const python = / with Python (\d+\.\d+)/.exec(headOf(made))?.[1];
  if (header.python !== undefined && python !== undefined && header.python !== python)
    return {
      kind: "refused",
      reason: `${file} was compiled by Python ${header.python}, and pip-compile runs on Python ${python} here: name another one by \`tools:\``,
    };
  // The command that it was made by stays the one that a person runs.
  const lines = headOf(before).replaceAll("\r\n", "\n") + made.slice(headOf(made).length);
  await sandbox.write(file, before.includes("\r\n") ? lines.replaceAll(/\r?\n/g, "\r\n") : lines);
  return undefined;
}

function headerOf({ file }: BumpRequest, { files }: ToolFiles): CompileHeader {
  const header = readCompileHeader(file, files.get(file)?.toString() ?? "");
  if (header === undefined || typeof header === "string") throw new Error(`${file} was not compiled`);
  return header;
}
