import { parseReference } from "../image/index.ts";
import { messageOf, printable } from "../../lib/index.ts";
import { DockerfileError, type Place } from "./error.ts";
import { expandWord, type Lookup } from "./expand.ts";
import { readFlags, readSources } from "./flags.ts";
import { platformArguments } from "./platform-arguments.ts";
import { readInstructions, type Instruction, type ReadDockerfile } from "./read-instructions.ts";
import type { DockerfileInput, ImageUse, ParsedDockerfile, Stage, UseKind } from "./types.ts";

/** A place that names something, before it is known what the target needs. */
interface Named {
  readonly kind: UseKind;
  readonly name: string;
  readonly unset: readonly string[];
  readonly stage: number | undefined;
  readonly platform?: string | undefined;
  readonly start: number;
  readonly end: number;
  /** Set where only stages on top of this one run it. */
  readonly trigger?: boolean;
}

interface Draft extends Omit<Stage, "needed" | "instructions"> {
  readonly from: Named;
  readonly instructions: Instruction[];
}

/**
 * The stages of a Dockerfile and every image that it names: FROM with the arguments before the first one replaced,
 * `COPY --from`, `ADD --from`, `RUN --mount=from`, `# syntax=`. The name of a stage is no image, nor is `scratch`. Which
 * are needed is told for `input.target`. Throws DockerfileError; a name that cannot be read is an error only where it is
 * needed. Dockerfile reference: FROM, Multi-stage builds, Understand how ARG and FROM interact.
 */
export function parseDockerfile(text: string, input: DockerfileInput = {}): ParsedDockerfile {
  const file = readInstructions(text);
  const drafts = readStages(file, input);
  const target = findTarget(drafts, input.target);
  const named = drafts.flatMap((draft) => [draft.from, ...readUses(draft, file)]);
  const links = linkStages(drafts, named, file);
  const needed = reach(drafts, links, target, file);

  const images: ImageUse[] = [];
  const { syntax } = file.directives;
  if (syntax !== undefined) {
    const end = syntax.start + syntax.name.length;
    const use: Named = { kind: "syntax", name: syntax.name, unset: [], stage: undefined, start: syntax.start, end };
    images.push(describeUse(use, true, file));
  }
  for (const each of named) {
    if (links.has(each) || each.name === "scratch") continue;
    const stage = each.stage ?? 0;
    // What an ONBUILD keeps for other Dockerfiles belongs to their builds.
    if (each.trigger === true && !isBaseOfNeeded(drafts, stage, needed)) continue;
    const needs = needed.has(stage);
    if (needs || isReadable(each)) images.push(describeUse(each, needs, file));
  }
  const bottom = chainOf(drafts, target).at(-1);
  return {
    stages: drafts.map(({ index, name, base, instructions }) => ({
      index,
      name,
      base,
      instructions,
      needed: needed.has(index),
    })),
    target,
    images,
    base: images.find(({ kind, stage }) => kind === "from" && stage === bottom),
  };
}

function readStages(file: ReadDockerfile, input: DockerfileInput): Draft[] {
  const given = input.args ?? {};
  const global = new Map<string, string | undefined>(
    Object.entries(platformArguments(input)).map(([name, value]) => [name, given[name] ?? value]),
  );
  const { escape } = file.directives;
  const drafts: Draft[] = [];
  for (const instruction of file.instructions) {
    const place = file.placeOf(instruction.start);
    const current = drafts.at(-1);
    if (instruction.keyword === "FROM") {
      drafts.push(readFrom(instruction, drafts, (name) => global.get(name), file));
    } else if (current !== undefined) current.instructions.push(instruction);
    else if (instruction.keyword === "ARG") declareArguments(instruction, global, given, escape, place);
    else
      throw new DockerfileError(
        "BAD_DOCKERFILE",
        `${instruction.keyword} stands before the first FROM`,
        place,
        "Only ARG may come before FROM.",
      );
  }
  if (drafts.length === 0)
    throw new DockerfileError("BAD_DOCKERFILE", "it has no FROM", undefined, "Is this a Dockerfile?");
  return drafts;
}

function declareArguments(
  instruction: Instruction,
  global: Map<string, string | undefined>,
  given: Readonly<Record<string, string>>,
  escape: string,
  place: Place,
): void {
  for (const [word] of instruction.text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+/gs)) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const value =
      equals < 0
        ? global.get(name)
        : expandWord(word.slice(equals + 1), escape, (each) => global.get(each), place).text;
    global.set(name, Object.hasOwn(given, name) ? given[name] : value);
  }
}

function readFrom(instruction: Instruction, drafts: readonly Draft[], lookup: Lookup, file: ReadDockerfile): Draft {
  const place = file.placeOf(instruction.start);
  const { flags, rest } = readFlags(instruction.text);
  const words = [...instruction.text.slice(rest).matchAll(/\S+/g)];
  const [image, as, alias] = words;
  const wrong = words.length !== 1 && !(words.length === 3 && as?.[0].toLowerCase() === "as");
  if (image === undefined || wrong)
    throw new DockerfileError("BAD_DOCKERFILE", "FROM takes an image, or an image, AS and a name", place);
  const name = alias?.[0].toLowerCase();
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(name))
    throw new DockerfileError("BAD_DOCKERFILE", `${printable(name.slice(0, 80))} cannot be the name of a stage`, place);
  const { escape } = file.directives;
  const at = rest + image.index;
  const found = expandWord(image[0], escape, lookup, file.placeOf(instruction.offset(at)));
  const platform = flags.find((flag) => flag.name === "platform")?.value;
  const index = drafts.length;
  const stage = drafts.findLast((each) => each.name === found.text.toLowerCase())?.index;
  const base: Draft["base"] =
    stage !== undefined
      ? { kind: "stage", stage }
      : found.text === "scratch"
        ? { kind: "scratch" }
        : { kind: "image", name: found.text };
  const from: Named = {
    kind: "from",
    name: found.text,
    unset: found.unset,
    stage: index,
    platform: platform === undefined ? undefined : expandWord(platform, escape, lookup, place).text,
    start: instruction.offset(at),
    end: instruction.offset(at + image[0].length - 1) + 1,
  };
  return { index, name, base, from, instructions: [] };
}

function readUses(draft: Draft, file: ReadDockerfile): Named[] {
  return draft.instructions.flatMap((instruction) =>
    readSources(instruction, file).map(({ kind, written, at }) => ({
      kind,
      name: written,
      // No builder but Buildah replaces variables here, and it is not told which value it took.
      unset: [...written.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name),
      stage: draft.index,
      start: instruction.offset(at),
      end: instruction.offset(at + written.length - 1) + 1,
      trigger: instruction.keyword === "ONBUILD",
    })),
  );
}

function findTarget(drafts: readonly Draft[], target: string | undefined): number {
  if (target === undefined || target === "") return drafts.length - 1;
  const found = findStage(drafts, target);
  if (found !== undefined) return found;
  const names = drafts.flatMap(({ name }) => name ?? []).slice(0, 20);
  throw new DockerfileError(
    "UNKNOWN_STAGE",
    `it has no stage ${printable(target.slice(0, 80))}`,
    undefined,
    names.length === 0 ? "No stage of it has a name." : `It has ${names.join(", ")}.`,
  );
}

/** The stage of a name, the last where several have it, or of a number. */
function findStage(drafts: readonly Draft[], written: string): number | undefined {
  const name = written.toLowerCase();
  const byName = drafts.findLast((each) => each.name === name)?.index;
  if (byName !== undefined) return byName;
  return /^\d{1,6}$/.test(written) && Number(written) < drafts.length ? Number(written) : undefined;
}

/** Which places name a stage of the file, and which one. */
function linkStages(drafts: readonly Draft[], named: readonly Named[], file: ReadDockerfile): Map<Named, number> {
  const links = new Map<Named, number>();
  for (const each of named) {
    const { base } = drafts[each.stage ?? 0] as Draft;
    if (each.kind === "from") {
      if (base.kind === "stage") links.set(each, base.stage);
      continue;
    }
    const stage = findStage(drafts, each.name);
    if (stage !== undefined) links.set(each, stage);
    else if (/^\d+$/.test(each.name))
      throw new DockerfileError("UNKNOWN_STAGE", `it has no stage ${each.name.slice(0, 20)}`, file.placeOf(each.start));
  }
  return links;
}

/** The stages that `target` needs, itself among them. Throws STAGE_CYCLE. */
function reach(
  drafts: readonly Draft[],
  links: ReadonlyMap<Named, number>,
  target: number,
  file: ReadDockerfile,
): Set<number> {
  const next = new Map<number, { readonly to: number; readonly at: number }[]>();
  for (const [{ stage = 0, start, trigger }, to] of links)
    if (trigger !== true) next.set(stage, [...(next.get(stage) ?? []), { to, at: start }]);
  const done = new Set<number>();
  const open = new Set([target]);
  const path: { readonly stage: number; at: number }[] = [{ stage: target, at: 0 }];
  while (path.length > 0) {
    const top = path.at(-1) as { stage: number; at: number };
    const step = next.get(top.stage)?.[top.at++];
    if (step === undefined) {
      done.add(top.stage);
      open.delete(top.stage);
      path.pop();
    } else if (open.has(step.to)) {
      const names = [...open, step.to].map((index) => drafts[index]?.name ?? String(index)).slice(-8);
      throw new DockerfileError(
        "STAGE_CYCLE",
        `its stages need one another: ${names.join(" → ")}`,
        file.placeOf(step.at),
      );
    } else if (!done.has(step.to)) {
      open.add(step.to);
      path.push({ stage: step.to, at: 0 });
    }
  }
  return done;
}

/** A stage and those it stands on, down to an image or nothing. */
function chainOf(drafts: readonly Draft[], from: number): number[] {
  const chain = [from];
  for (;;) {
    const { base } = drafts[chain.at(-1) as number] as Draft;
    if (base.kind !== "stage") return chain;
    chain.push(base.stage);
  }
}

function isBaseOfNeeded(drafts: readonly Draft[], stage: number, needed: ReadonlySet<number>): boolean {
  return drafts.some(({ index, base }) => needed.has(index) && base.kind === "stage" && base.stage === stage);
}

function isReadable({ name, unset }: Named): boolean {
  if (unset.length > 0) return false;
  try {
    parseReference(name);
    return true;
  } catch {
    return false;
  }
}

function describeUse(use: Named, needed: boolean, file: ReadDockerfile): ImageUse {
  const { kind, name, stage, platform, start, end, unset } = use;
  const place = file.placeOf(start);
  const [lacks] = unset;
  if (lacks !== undefined && kind !== "from")
    throw new DockerfileError(
      "NO_VALUE",
      `builders replace no variable here, and ${printable(lacks)} is one`,
      place,
      "Give the image a stage of its own (FROM … AS name) and name that.",
    );
  // An empty value in an image's name means another image, or none.
  if (lacks !== undefined)
    throw new DockerfileError(
      "NO_VALUE",
      `the image of FROM needs ${printable(lacks)}, which has no value`,
      place,
      `Give ARG ${printable(lacks)} a default before the first FROM, or a value among the build arguments.`,
    );
  try {
    return { kind, name, reference: parseReference(name), stage, platform, needed, place, start, end };
  } catch (error) {
    throw new DockerfileError("BAD_DOCKERFILE", messageOf(error), place);
  }
}
