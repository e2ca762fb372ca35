import { lstat, readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { maxComposeSet, parseComposeSet } from "../../core/compose/index.ts";
import { maxJobManifest, parseJobManifest } from "../../core/job/index.ts";
import {
  parseConfig,
  placeMistakes,
  policyDigest,
  sourceOf,
  type CheckConfig,
  type Config,
  type Mistake,
} from "../../core/config/index.ts";
import { findRing } from "../../core/plan/index.ts";
import { AppError, messageOf, readTextFile } from "../../lib/index.ts";
import { readDockerfile, usesOf } from "../../loop/sources.ts";
import type { OperationHandlers } from "../../operation/index.ts";

export interface ValidateDeps {
  /** Where variables that the configuration names come from; their values appear nowhere. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that a relative name starts from; undefined where the asker's files are not to be looked at. */
  readonly cwd: string | undefined;
}

const maxEntries = 20_000;

/** Every mistake of a configuration with its place: of its text, and of the files that it names. */
export function createValidate({ env, cwd }: ValidateDeps): OperationHandlers["validate"] {
  return async ({ name, text }) => {
    const parsed = parseConfig(text, env);
    const problems =
      parsed.kind === "invalid"
        ? parsed.problems
        : cwd === undefined
          ? []
          : placeMistakes(text, await findFileMistakes(parsed.config, dirname(resolve(cwd, name))));
    return {
      name,
      ok: problems.length === 0,
      images: parsed.kind === "ok" ? Object.keys(parsed.config.images).length : 0,
      policy: parsed.kind === "ok" ? policyDigest(parsed.config) : null,
      problems: problems.map((problem) => ({ ...problem, hint: problem.hint ?? null })),
    };
  };
}

/** What of `files:` cannot go into an image, and keyrings that cannot be read. */
async function findFileMistakes(config: Config, home: string): Promise<Mistake[]> {
  const mistakes: Mistake[] = [];
  for (const [upstream, { keyrings = [] }] of Object.entries(config.upstreams)) {
    for (const [at, path] of keyrings.entries()) {
      const isFile = await stat(resolve(home, path))
        .then((found) => found.isFile())
        .catch(() => false);
      const hint = `Paths of keyrings are relative to the configuration: ${resolve(home, path)}.`;
      if (!isFile)
        mistakes.push({ path: ["upstreams", upstream, "keyrings", at], message: `there is no keyring ${path}`, hint });
    }
  }
  mistakes.push(...(await findDockerfileMistakes(config, home)), ...(await findPatternMistakes(config)));
  mistakes.push(...(await findSetMistakes(config, home)));
  for (const [image, declared] of Object.entries(config.images)) {
    for (const [at, file] of (declared.recipe === "packages" ? declared.files : []).entries()) {
      if (!("from" in file)) continue;
      const mistake = await findFileMistake(resolve(home, file.from), file.from);
      if (mistake !== undefined) mistakes.push({ path: ["images", image, "files", at, "from"], ...mistake });
    }
  }
  return mistakes;
}

/** Compose files and manifests of Jobs that cannot be read, or reach for more than is let. */
async function findSetMistakes(config: Config, home: string): Promise<Mistake[]> {
  const mistakes: Mistake[] = [];
  for (const { at, checks } of checkOwners(config))
    for (const [index, check] of checks.entries()) {
      const named = fileOf(check);
      if (named === undefined) continue;
      const { file, what, limit } = named;
      const path = [...at, "checks", index, ...named.at];
      try {
        const problems = named.problemsOf(await readTextFile(resolve(home, file), limit));
        for (const problem of problems) mistakes.push({ path, message: `${file}:${problem}` });
      } catch (error) {
        const hint = `${what} are relative to the configuration: ${resolve(home, file)}.`;
        mistakes.push({ path, message: `${file} cannot be read: ${messageOf(error)}`, hint });
      }
    }
  return mistakes;
}

/** A file that a check names. */
interface NamedFile {
  readonly at: readonly string[];
  readonly file: string;
  readonly what: string;
  readonly limit: number;
  readonly problemsOf: (text: string) => readonly string[];
}

function fileOf(check: CheckConfig): NamedFile | undefined {
  if ("job" in check && check.job.manifest !== undefined) {
    const problemsOf = (text: string): readonly string[] => {
      const parsed = parseJobManifest(text);
      return parsed.kind === "invalid" ? parsed.problems : [];
    };
    const { manifest: file } = check.job;
    return { at: ["job", "manifest"], file, what: "Manifests", limit: maxJobManifest, problemsOf };
  }
  if (!("compose" in check)) return undefined;
  const problemsOf = (text: string): readonly string[] => {
    const parsed = parseComposeSet(text);
    if (parsed.kind === "invalid") return parsed.problems;
    return [check.service, ...check.probes.map(({ service }) => service)]
      .filter((service) => !Object.hasOwn(parsed.set.services, service))
      .map((service) => `1:1: there is no service ${service} in it`);
  };
  return { at: ["compose"], file: check.compose, what: "Compose files", limit: maxComposeSet, problemsOf };
}

function checkOwners(config: Config): { readonly at: (string | number)[]; readonly checks: readonly CheckConfig[] }[] {
  return [
    ...Object.entries(config.images).map(([name, { checks }]) => ({ at: ["images", name], checks })),
    ...config.environments.map(({ checks }, index) => ({ at: ["environments", index], checks })),
  ];
}

/** Expressions of `contains` and `lacks` that are none. What reads them is large, and loaded only where there are any. */
async function findPatternMistakes(config: Config): Promise<Mistake[]> {
  const files = checkOwners(config).flatMap(({ at, checks }) =>
    checks.flatMap((check, index) =>
      ("structure" in check ? check.structure.files : []).map((file, nth) => ({
        file,
        path: [...at, "checks", index, "structure", "files", nth],
      })),
    ),
  );
  const asking = files.filter(({ file }) => file.contains !== undefined || file.lacks !== undefined);
  if (asking.length === 0) return [];
  const { wrongPatterns } = await import("../../core/structure-tests/index.ts");
  return asking.flatMap(({ file, path }) =>
    wrongPatterns(file).map((wrong) => ({ path: [...path, ...wrong.path], message: wrong.message })),
  );
}

/** Dockerfiles that cannot be read or understood, and images that they make each other's parents; those in repositories are not fetched for this. */
async function findDockerfileMistakes(config: Config, home: string): Promise<Mistake[]> {
  const mistakes: Mistake[] = [];
  const images: { name: string; parents: readonly string[] }[] = [];
  for (const [name, image] of Object.entries(config.images)) {
    let parents = image.recipe === "packages" && image.parent !== undefined ? [image.parent] : [];
    const source = sourceOf(image);
    if (source?.context !== undefined && source.dockerfile !== undefined) {
      try {
        const text = await readDockerfile(resolve(home, source.context), name, source.dockerfile);
        const { uses } = usesOf(config, name, source, text);
        parents = uses.flatMap(({ own }) => own ?? []);
      } catch (error) {
        const hint = error instanceof AppError ? error.hint : undefined;
        const at = ["images", name, "context"];
        mistakes.push({ path: at, message: messageOf(error), ...(hint === undefined ? {} : { hint }) });
      }
    }
    images.push({ name, parents });
  }
  const ring = findRing(images);
  const [first] = ring ?? [];
  // A ring of `parent:` alone is told where that is checked.
  if (ring === undefined || first === undefined || mistakes.length > 0) return mistakes;
  const message = `images are each other's parents: ${[...ring, first].join(" → ")}`;
  const hint = "Own images are meant by a FROM without a registry: name the one that is meant in full.";
  return [{ path: ["images", first], message, hint }];
}

/** Why `path`, or something below it, cannot be copied; undefined where it can. */
async function findFileMistake(path: string, from: string): Promise<Pick<Mistake, "message" | "hint"> | undefined> {
  const waiting = [path];
  for (let seen = 0; waiting.length > 0; seen += 1) {
    const next = waiting.pop();
    if (next === undefined) return undefined;
    if (seen >= maxEntries) return { message: `${from} has more than ${maxEntries} files` };
    try {
      const info = await lstat(next);
      if (info.isDirectory()) waiting.push(...(await readdir(next)).map((name) => join(next, name)));
      else if (!info.isFile()) {
        const hint = "Links and devices are not copied. Name the file itself.";
        return { message: `${next === path ? from : next} is neither a file nor a folder`, hint };
      }
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const hint = `Paths of \`files:\` are relative to the configuration: ${path}.`;
      return { message: isMissing ? `there is no file ${from}` : messageOf(error), hint };
    }
  }
  return undefined;
}
