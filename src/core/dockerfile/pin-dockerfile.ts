import { isDigest, printable, type Digest } from "../../lib/index.ts";
import { DockerfileError } from "./error.ts";
import { usesPackageIndex } from "./package-index.ts";
import { parseDockerfile } from "./parse-dockerfile.ts";
import { readInstructions } from "./read-instructions.ts";
import type { DockerfileInput, ImageUse, Stage } from "./types.ts";

/** The argument that carries the key of the planned packages; engines take it out of what they record of the build. */
export const packagesArgument = "TIDEMILL_PACKAGES";

export interface PinOptions extends DockerfileInput {
  /** The digest of every image that is needed, by the name that parseDockerfile gives it. */
  readonly digests: ReadonlyMap<string, Digest>;
  /** Where an image lies that is named otherwise, `host/repository` by that name: own images, which a Dockerfile may name by their repository alone. */
  readonly places?: ReadonlyMap<string, string>;
  /** A key of the planned package versions: letters, digits and `._:+-`, 128 at most. Without it no cache is given up. */
  readonly bust?: string;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The Dockerfile with every image by digest (`name:tag@sha256:…`), and nothing else changed; with `bust`, an argument of
 * that value before the first step of each needed stage that uses a package index, so that exactly that step and what
 * follows it lose their cache when the key changes. Throws what parseDockerfile throws, and NOT_PINNED, naming the image,
 * where a needed one has no digest.
 */
export function pinDockerfile(text: string, options: PinOptions): string {
  const { digests, places, bust, ...input } = options;
  const parsed = parseDockerfile(text, input);
  const edits = parsed.images.flatMap((use) => pinUse(text, use, digests, places) ?? []);
  if (bust !== undefined) {
    if (!/^[A-Za-z0-9._:+-]{1,128}$/.test(bust))
      throw new DockerfileError("NOT_PINNED", `"${printable(bust.slice(0, 140))}" cannot be the key of its packages`);
    edits.push(...parsed.stages.flatMap((stage) => bustStage(text, stage, bust) ?? []));
  }
  edits.sort((a, b) => a.start - b.start);
  let pinned = "";
  let at = 0;
  for (const edit of edits) {
    pinned += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return pinned + text.slice(at);
}

/** The line of the user's file that `line` of a pinned one was, counting from 1. */
export function originalLine(pinned: string, line: number): number {
  const above = pinned.split("\n", line - 1);
  return line - above.filter((each) => each.startsWith(`ARG ${packagesArgument}=`)).length;
}

/**
 * The instruction that an engine names when a step of a pinned Dockerfile fails: by its number, all instructions counted,
 * or by its words as the engine prints them. Gives its line in the user's file and its first words; undefined where
 * nothing fits.
 */
export function locateStep(
  pinned: string,
  said: { readonly number: number } | { readonly words: string },
): { readonly line: number; readonly words: string } | undefined {
  const file = readInstructions(pinned);
  const plain = (words: string): string => words.replaceAll(/\s+/g, " ").trim();
  const described = file.instructions.map((each) => ({ each, words: plain(`${each.keyword} ${each.text}`) }));
  const wanted = "words" in said ? plain(said.words) : "";
  const start = wanted.replace(/\.\.\.$/, "");
  const found =
    "number" in said
      ? described[said.number - 1]
      : (described.find(({ words }) => words === wanted) ??
        (start.length < 4
          ? undefined
          : described.find(({ words }) => words.startsWith(start) || start.startsWith(words))));
  if (found === undefined) return undefined;
  const { line } = file.placeOf(found.each.start);
  return { line: originalLine(pinned, line), words: printable(found.words.slice(0, 200)) };
}

function pinUse(
  text: string,
  use: ImageUse,
  digests: ReadonlyMap<string, Digest>,
  places: ReadonlyMap<string, string> | undefined,
): Edit | undefined {
  const digest = digests.get(use.name) ?? use.reference.digest;
  if (digest === undefined && !use.needed) return undefined;
  if (digest === undefined || !isDigest(digest))
    throw new DockerfileError(
      "NOT_PINNED",
      `${printable(use.name)} has no digest`,
      use.place,
      "It has to be looked up before the build is planned.",
    );
  const named = places?.get(use.name) ?? use.name.split("@", 1)[0] ?? "";
  // A name that goes on over several lines keeps them: what an engine says of a line stays true.
  const breaks = text.slice(use.start, use.end).match(/[\\`][ \t]*\r?\n/g) ?? [];
  return { start: use.start, end: use.end, text: [`${named}@${digest}`, ...breaks].join("") };
}

function bustStage(text: string, stage: Stage, bust: string): Edit | undefined {
  const step = stage.needed ? stage.instructions.find(usesPackageIndex) : undefined;
  if (step === undefined) return undefined;
  const start = text.lastIndexOf("\n", step.start - 1) + 1;
  const feed = text.indexOf("\n", step.start);
  const ending = feed > 0 && text[feed - 1] === "\r" ? "\r\n" : "\n";
  return { start, end: start, text: `ARG ${packagesArgument}=${bust}${ending}` };
}
