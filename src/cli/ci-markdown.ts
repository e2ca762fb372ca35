import { createHash } from "node:crypto";
import { codeSpan as code, cutLines } from "../core/report/index.ts";
import type { Diff, Scan } from "../operation/index.ts";
import { packageTable } from "./diff-markdown.ts";
import { plural, showDigest } from "./wording.ts";

/** Comments have 65,536 characters at most (GitHub, Gitea), pages of jobs 1 MiB. */
const longestComment = 65_536;
/** Of those, for packages. */
const longestPackages = 12_000;
const mostSummaryBytes = 1_048_576;

/** What is compared, and with what. */
export interface CiFacts {
  /** What stays the same from run to run: an image's name, or a reference without tag and digest. */
  readonly key: string;
  readonly scan: Scan;
  /** What the scan was compared with: production, or what `--against` named. */
  readonly against: string | undefined;
  readonly diff: Diff | undefined;
  readonly notes: readonly string[];
  readonly runUrl: string | undefined;
}

/** By what the comment of an image is found again. It says nothing but which image it is, and nobody's text stands in it. */
export function commentMarker(key: string): string {
  return `<!-- tidemill:ci ${createHash("sha256").update(key).digest("hex").slice(0, 24)} -->`;
}

/** One line for people: what a status says as well. */
export function ciLine({ scan: { verdict, platforms, comparison }, against }: CiFacts): string {
  const open = platforms.flatMap(({ findings }) => findings).filter(({ ignored }) => ignored === null);
  const isUnknown = platforms.some(({ state }) => state === "unknown");
  const told = verdict.kind === "none" ? [] : [verdict.kind === "passed" ? "passed" : "refused by policy"];
  const than =
    comparison === null
      ? []
      : [
          `${comparison.added.length} new, ${comparison.gone.length} gone ${against === undefined ? "" : `since ${against}`}`,
        ];
  return [...told, ...than, plural(open.length, "finding"), ...(isUnknown ? ["not everything could be told"] : [])]
    .map((part) => part.trim())
    .join("; ");
}

/**
 * The comment of a pull request, which is also what the page of a job shows: the verdict, what is new against production, packages that differ, then all findings. Names and titles of others stand in code spans, as
 * `formatMarkdown` has them; addresses are the system's own.
 */
export function formatCiMarkdown(facts: CiFacts): string {
  const { key, scan, against, diff, notes, runUrl } = facts;
  const run = runUrl === undefined ? "" : ` ([job](<${runUrl.replaceAll(/[<>\s]/g, encodeURIComponent)}>))`;
  const lines = [
    commentMarker(key),
    `## Tidemill: ${code(key)}`,
    "",
    `${code(ciLine(facts))}${run}`,
    "",
    ...(against === undefined ? [] : [`Compared with ${code(against)}${digestOf(scan)}.`, ""]),
    ...notes.flatMap((note) => [`- ${code(note)}`]),
    ...(notes.length === 0 ? [] : [""]),
    ...packageLines(diff),
    ...(scan.documents.markdown ?? "").trimEnd().split("\n"),
  ];
  return `${cutLines(lines)
    .join("\n")
    .trimEnd()
    .slice(0, longestComment - 1)}\n`;
}

/** Packages that differ, folded up; of many the first, so that findings have their room. */
function packageLines(diff: Diff | undefined): string[] {
  const count = diff?.packages.length ?? 0;
  if (diff === undefined || count === 0) return [];
  let left = longestPackages;
  const shown = diff.packages.filter((one) => {
    left -= packageTable([one]).at(-2)?.length ?? 0;
    return left >= 0;
  });
  const more = count - shown.length;
  return [
    `<details><summary>${plural(count, "package")} differ</summary>`,
    "",
    ...packageTable(shown),
    ...(more > 0 ? [`And ${more} more.`, ""] : []),
    "</details>",
    "",
  ];
}

/** The part of `markdown` for which there is still room on the page of a job that has `used` bytes: whole lines. */
export function fitSummary(markdown: string, used: number): string {
  const kept: string[] = [];
  let left = mostSummaryBytes - used - 1;
  for (const line of markdown.split("\n")) {
    left -= Buffer.byteLength(line) + 1;
    if (left < 0) break;
    kept.push(line);
  }
  return kept.length === 0 ? "" : `${kept.join("\n")}\n`;
}

function digestOf({ comparison }: Scan): string {
  const digest = comparison?.digest ?? null;
  return digest === null ? "" : `, ${code(showDigest(digest))}`;
}
