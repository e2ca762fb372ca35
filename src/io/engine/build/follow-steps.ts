import { printable } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";
import type { BuildLog } from "./build-log.ts";
import type { Job } from "./create-build-engine.ts";
import { explainFailure } from "./explain-failure.ts";

/** Which step a build is at, as far as its output tells. */
export interface Steps {
  /** Takes what the engine's program itself writes to standard error. */
  heard(chunk: Buffer): void;
  failed(): { readonly number: number } | { readonly words: string } | undefined;
  /** The last that the engine said. */
  said(): string;
  killed(): boolean;
}

type Style = "buildkit" | "classic" | "buildah";

const keptBytes = 16_384;

/** Follows the lines of a build. A step can print what looks like a step: then an error names another one, no more. */
export function startSteps(log: BuildLog, style: Style): Steps {
  const vertices = new Map<string, string>();
  let current: { number: number } | { words: string } | undefined;
  let failed: string | undefined;
  let raw = "";
  log.onLine((line) => {
    if (style === "classic") {
      const step = /^Step (\d+)\/\d+ : /.exec(line)?.[1];
      if (step !== undefined) current = { number: Number(step) };
      return;
    }
    if (style === "buildah") {
      const words = /^(?:\[\d+\/\d+\] )?STEP \d+(?:\/\d+)?: (.*)$/.exec(line)?.[1];
      if (words !== undefined) current = { words };
      return;
    }
    const [, id = "", words = ""] = /^#(\d+) \[[^\]]*\] (.*)$/.exec(line) ?? [];
    if (id !== "") {
      if (vertices.size < 5000) vertices.set(id, words.replace(/^load metadata for /, "FROM "));
      return;
    }
    failed = /^#(\d+) ERROR: /.exec(line)?.[1] ?? failed;
  });
  const lines = (): string[] =>
    raw
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== "");
  return {
    heard: (chunk) => {
      raw = (raw + chunk.toString("utf8")).slice(-keptBytes);
    },
    failed: () => {
      if (style !== "buildkit") return current;
      const words = failed === undefined ? undefined : vertices.get(failed);
      return words === undefined ? undefined : { words };
    },
    said: () => lines().at(-1) ?? "",
    killed: () => style === "buildah" && lines().at(-2) === "container exited on killed",
  };
}

/** The errors that all engines share. */
export const failBuild = {
  unavailable: (engine: string, why: string): BuildError =>
    new BuildError("ENGINE_UNAVAILABLE", `${engine} cannot be used: ${printable(why)}`, {
      retry: true,
      hint: `Install or start ${engine}, or choose another engine.`,
    }),
  explained: (job: Job, engine: string, steps: Steps): BuildError =>
    explainFailure({
      name: job.request.name,
      engine,
      dockerfile: job.target.dockerfile,
      limits: job.request.limits,
      said: steps.said(),
      step: steps.failed(),
      killed: steps.killed(),
      tail: job.log.tail(),
    }),
  noResult: (job: Job, engine: string): BuildError =>
    new BuildError(
      "BAD_RESULT",
      `${job.request.name}: ${engine} has built the image and does not give it out: ${job.log.tail().at(-1) ?? ""}`,
      {
        retry: true,
        tail: job.log.tail(),
      },
    ),
};
