import { locateStep } from "../../../core/dockerfile/index.ts";
import { formatBytes, printable } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";
import type { BuildLimits } from "./types.ts";

/** What is known when an engine's program has ended with an error. */
export interface Failure {
  readonly name: string;
  readonly engine: string;
  readonly dockerfile: string;
  readonly limits: BuildLimits;
  /** The last thing that the engine itself said; what a step said is in `tail`. */
  readonly said: string;
  /** The step it was at, by its number or words. */
  readonly step: { readonly number: number } | { readonly words: string } | undefined;
  /** Set where the engine told that a step was killed. */
  readonly killed?: boolean;
  readonly tail: readonly string[];
}

const stepEnded =
  /(?:returned a non-zero code: |did not complete successfully: exit code: |^(?:.*: )?executor failed running [^]*: exit code: |while running runtime: exit status )(\d+)/;
/** What BuildKit puts before every error. */
const prefix = /^(?:error: )?(?:failed to solve(?: with frontend [\w.]+)?: )?/i;
const noSpace = /no space left on device|disk quota exceeded/i;
const noMemory = /cannot allocate memory|out of memory/i;
const noEngine =
  /cannot connect to the docker daemon|is the docker daemon running|error during connect|failed to dial|code = Unavailable|dial unix|listing workers|error reading from server|closing transport|unexpected EOF|^EOF$|no active session|context canceled|the daemon's BuildKit is not/i;
const noBase =
  /manifest unknown|name unknown|pull access denied|repository does not exist|@sha256:[0-9a-f]{64}(?:: [^"]*)?:? not found/i;
const noRegistry =
  /failed to do request|pinging container registry|dial tcp|no such host|i\/o timeout|TLS handshake|x509:|unauthorized|authentication required|access denied|denied:|toomanyrequests|too many requests|unexpected status|gave HTTP response|deadline exceeded|connection reset/i;
const badText =
  /dockerfile parse error|unknown instruction|unknown flag|requires BuildKit|mount type|resolving mountpoints|syntax error|bad substitution|invalid reference format|failed to create LLB definition|failed to parse/i;

/** The one error that stands for what an engine said: the same for the same cause, whatever the engine's words. */
export function explainFailure(failure: Failure): BuildError {
  const { name, engine, dockerfile, limits, tail, killed = false } = failure;
  const said = printable(failure.said.trim().slice(0, 2000)).replace(prefix, "");
  const found = failure.step === undefined ? undefined : locateStep(dockerfile, failure.step);
  const step =
    found ??
    (failure.step !== undefined && "words" in failure.step
      ? { line: undefined, words: printable(failure.step.words) }
      : undefined);
  const where =
    step === undefined
      ? ""
      : ` at ${step.words.slice(0, 120)}${step.line === undefined ? "" : ` (line ${step.line} of the Dockerfile)`}`;
  const detail = { step, tail };
  const status = stepEnded.exec(said)?.[1];

  if (status !== undefined || killed) {
    const output = tail.join("\n");
    if (status === "137" || killed || noMemory.test(output))
      return new BuildError(
        "OUT_OF_MEMORY",
        `${name}: a step was killed${where}, most likely for its memory (${formatBytes(limits.memoryBytes)} are allowed)`,
        {
          ...detail,
          hint: "Allow a build more memory, or let the step do less at once.",
        },
      );
    if (noSpace.test(output)) return diskFull(name, where, detail);
    const last = tail.filter((line) => line.trim() !== "" && !isNoise(line)).slice(-3);
    const quoted = last.length === 0 ? "" : `; it said last: ${last.join(" | ").slice(0, 600)}`;
    return new BuildError("BUILD_FAILED", `${name}: the build failed${where} with status ${status}${quoted}`, {
      ...detail,
      hint: "The step itself failed: its output says why.",
    });
  }
  if (noSpace.test(said)) return diskFull(name, where, detail);
  const isDownload = step?.words.startsWith("ADD ") === true;
  if (!isDownload && noBase.test(said))
    return new BuildError(
      "BASE_NOT_FOUND",
      `${name}: an image that the Dockerfile names is not there${where}: ${said}`,
      {
        ...detail,
        hint: "Was it deleted from its registry, or does it need a login?",
      },
    );
  if (noEngine.test(said))
    return new BuildError("ENGINE_UNAVAILABLE", `${name}: ${engine} was not there, or went away${where}: ${said}`, {
      ...detail,
      retry: true,
      hint: `Is ${engine} running?`,
    });
  if (!isDownload && noRegistry.test(said))
    return new BuildError(
      "BASE_UNAVAILABLE",
      `${name}: a registry did not give an image that the Dockerfile names${where}: ${said}`,
      {
        ...detail,
        retry: true,
        hint: "Can this machine reach the registry, and is it logged in?",
      },
    );
  if (badText.test(said))
    return new BuildError("BAD_DOCKERFILE", `${name}: ${engine} cannot read the Dockerfile${where}: ${said}`, {
      ...detail,
      hint: "An older engine does not know what newer Dockerfiles use.",
    });
  return new BuildError(
    "BUILD_FAILED",
    `${name}: the build failed${where}: ${said === "" ? "the engine does not say why" : said}`,
    detail,
  );
}

function diskFull(name: string, where: string, detail: object): BuildError {
  return new BuildError("DISK_FULL", `${name}: no space was left${where}`, {
    ...detail,
    retry: true,
    hint: "Free space where the engine keeps its images, or let the build write less.",
  });
}

/** Lines of an engine about itself. */
function isNoise(line: string): boolean {
  return /^(?:#\d+ (?:ERROR|sha256:|DONE|CACHED)|-{3,}|\s*>|Removing intermediate container|The command |Error: building at STEP|time=|\s*\d+ \| |Dockerfile:\d+|error: failed to solve|ERROR: failed to |executor failed|failed to solve)/i.test(
    line,
  );
}
