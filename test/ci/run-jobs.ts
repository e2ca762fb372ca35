import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

const launcher = fileURLToPath(new URL("../../bin/tidemill.js", import.meta.url));
const folderOf = (name: string): string => fileURLToPath(new URL(`../../ci/${name}`, import.meta.url));

type Env = Readonly<Record<string, string | undefined>>;
type Inputs = Readonly<Record<string, string | boolean>>;

export interface JobEnded {
  readonly status: number | null;
  readonly out: string;
  /** By name, as the action or the component declares them. */
  readonly outputs: Readonly<Record<string, string>>;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: {
    readonly using: string;
    readonly steps: readonly {
      readonly id?: string;
      readonly uses?: string;
      readonly shell?: string;
      readonly run?: string;
      readonly env?: Record<string, string>;
    }[];
  };
}

export async function readAction(): Promise<Action> {
  return parse(await readFile(join(folderOf("github"), "action.yml"), "utf8")) as Action;
}

/** Runs the composite action as a runner does: every step by bash with `-eo pipefail`, its environment evaluated, files for outputs and summary. GitHub Actions, Metadata syntax; Workflow commands, environment files. */
export async function runAction(work: string, inputs: Inputs, env: Env): Promise<JobEnded> {
  const action = await readAction();
  for (const name of Object.keys(inputs)) if (!(name in action.inputs)) throw new Error(`there is no input ${name}`);
  const steps: Record<string, Record<string, string>> = {};
  const evaluate = (text: string): string =>
    text.replaceAll(/\$\{\{\s*(.+?)\s*\}\}/g, (_, expression: string) => {
      const [, input] = /^inputs\.([\w-]+)$/.exec(expression) ?? [];
      if (input !== undefined) return String(inputs[input] ?? evaluate(action.inputs[input]?.default ?? ""));
      if (expression === "github.token") return env["TOKEN_OF_JOB"] ?? "";
      const [, step = "", output = ""] = /^steps\.([\w-]+)\.outputs\.([\w-]+)$/.exec(expression) ?? [];
      if (step === "") throw new Error(`this runner does not know ${expression}`);
      return steps[step]?.[output] ?? "";
    });
  let ended: Omit<JobEnded, "outputs"> = { status: 0, out: "" };
  for (const { id = "", shell, run = "", env: own = {}, uses } of action.runs.steps) {
    if (uses !== undefined || shell !== "bash") throw new Error("this runner has steps of bash alone");
    const output = join(work, `output-${id}`);
    await writeFile(output, "");
    const given = Object.entries(own).map(([name, value]) => [name, evaluate(value)] as const);
    const script = evaluate(run);
    ended = await runBash(work, script, { ...env, ...Object.fromEntries(given), GITHUB_OUTPUT: output });
    steps[id] = readAssignments(await readFile(output, "utf8"));
    if (ended.status !== 0) break;
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, evaluate(value)] as const);
  return { ...ended, outputs: Object.fromEntries(outputs) };
}

interface Component {
  readonly variables: Readonly<Record<string, string>>;
  readonly script: readonly string[];
  readonly artifacts: { readonly paths: readonly string[]; readonly reports: Readonly<Record<string, string>> };
}

/** Runs the job of the component as a runner does: inputs in its text, variables of the pipeline in its own, then its script. GitLab, CI/CD components; CI/CD inputs; Where variables can be used. */
export async function runComponent(work: string, inputs: Inputs, env: Env): Promise<JobEnded> {
  const text = await readFile(join(folderOf("gitlab"), "templates", "tidemill.yml"), "utf8");
  const [head] = parseAllDocuments(text);
  const spec = head?.toJS() as { spec: { inputs: Record<string, { default: string | boolean; options?: string[] }> } };
  const known = spec.spec.inputs;
  for (const name of Object.keys(inputs)) if (!(name in known)) throw new Error(`there is no input ${name}`);
  const body = text
    .slice(text.indexOf("\n---\n") + 5)
    .replaceAll(/\$\[\[\s*inputs\.([\w-]+)\s*\]\]/g, (_, name: string) => {
      const value = inputs[name] ?? known[name]?.default;
      if (value === undefined) throw new Error(`there is no input ${name}`);
      if (known[name]?.options?.includes(`${inputs[name] ?? ""}`) === false && inputs[name] !== undefined)
        throw new Error(`${name} is none of its options`);
      return `${value}`;
    });
  const [job] = Object.values(parse(body) as Record<string, Component>);
  if (job === undefined) throw new Error("the component has no job");
  const expand = (value: string): string =>
    value.replaceAll(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced: string | undefined, bare: string | undefined) => env[braced ?? bare ?? ""] ?? "",
    );
  const variables = Object.entries(job.variables).map(([name, value]) => [name, expand(value)] as const);
  const ended = await runBash(work, job.script.join("\n"), { ...env, ...Object.fromEntries(variables) });
  const dotenv = await readFile(join(work, job.artifacts.reports["dotenv"] ?? ""), "utf8").catch(() => "");
  return { ...ended, outputs: readAssignments(dotenv) };
}

function readAssignments(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Runs a script as runners do. The registry of packages is this checkout: `npx` runs it where the package and the version are the ones that are meant. */
async function runBash(work: string, script: string, env: Env): Promise<Omit<JobEnded, "outputs">> {
  const programs = join(work, "bin");
  await mkdir(programs, { recursive: true });
  const npx = join(programs, "npx");
  await writeFile(
    npx,
    `#!/bin/bash\n[[ "$1 $2 $3 $4 $5" == "--yes --package tidemill@0.1.0 -- tidemill" ]] || { echo "npx: $*" >&2; exit 97; }\nshift 5\nexec "${process.execPath}" "${launcher}" "$@"\n`,
  );
  await chmod(npx, 0o755);
  const file = join(work, "step.sh");
  await writeFile(file, script);
  const child = spawn("/bin/bash", ["--noprofile", "--norc", "-eo", "pipefail", file], {
    cwd: work,
    env: { ...env, PATH: `${programs}:${process.env["PATH"]}` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  const keep = (piece: Buffer): void => void (out += piece.toString("utf8"));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, out }));
  });
}
