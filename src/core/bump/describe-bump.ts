import { canonicalJson, digestHex, printable, sha256 } from "../../lib/index.ts";
import type { LockChange } from "./prove-bump.ts";
import type { BumpFinding, BumpMove, LockedBump } from "./types.ts";

/** A bump that was made, and all that is told of it. */
export interface MadeBump extends LockedBump {
  /** What tells it from the bumps of all other packages, lock files and branches. */
  readonly key: string;
  /** What else is another version now. */
  readonly changes: readonly LockChange[];
  /** What made it: `npm 11.19.1`. */
  readonly tool: string;
}

export const bumpTrailer = "Tidemill-Bump";
const mostShown = 50;
const longestTitle = 200;

/** Which versions a proposal brings, short: what is proposed again is known by it. */
export function movesMark(moves: readonly BumpMove[]): string {
  return digestHex(sha256(canonicalJson(moves))).slice(0, 16);
}

/** `Bump minimist from 1.2.5 to 1.2.6 in web`, on one line. */
export function bumpTitle({ package: name, moves, file }: Pick<LockedBump, "package" | "moves" | "file">): string {
  const from = moves.map((one) => one.from).join(" and ");
  const to = [...new Set(moves.map((one) => one.to))].join(" and ");
  const folder = file.includes("/") ? ` in ${file.slice(0, file.lastIndexOf("/"))}` : "";
  return printable(`Bump ${name} from ${from} to ${to}${folder}`).slice(0, longestTitle);
}

/** The message of the commit: what it closes, and by which trailer it is known as ours. */
export function bumpMessage(bump: MadeBump): string {
  const ids = [...new Set(bump.findings.map(({ id }) => printable(id)))];
  const more = ids.length > mostShown ? `, and ${ids.length - mostShown} more` : "";
  const closes = ids.length === 0 ? "" : `Closes ${ids.slice(0, mostShown).join(", ")}${more}.\n\n`;
  return `${bumpTitle(bump)}\n\n${closes}Made by ${printable(bump.tool)}.\n\n${bumpTrailer}: ${bump.key} ${movesMark(bump.moves)}\n`;
}

/** What a pull request says: which findings it closes, how it was made, and what else comes along. Nothing that comes from outside is a mention, a link or HTML in it. */
export function bumpBody(bump: MadeBump): string {
  const { file, findings, changes, tool, key, moves } = bump;
  const parts = [
    `Brings ${moves.map(({ from, to }) => `${code(bump.package)} from ${code(from)} to ${code(to)}`).join(", ")} in ${code(file)}.`,
    `It closes:\n\n${table(["finding", "severity", "known to be exploited", "fixed in", "image"], findings.map(rowOf))}`,
  ];
  const along = changes.slice(1);
  if (along.length > 0)
    parts.push(
      `Along with it comes:\n\n${table(
        ["package", "from", "to"],
        along.map(({ name, from, to }) => [name, versions(from), versions(to)]),
      )}`,
    );
  parts.push(
    `Made by ${code(tool)}, without running any script of a package. In the new lock file the vulnerable version is gone, and nothing else goes back.`,
    "Merge it, and the images are rebuilt from it; close it, and it is not proposed again until another version is needed.",
  );
  return `${parts.join("\n\n")}\n\n<!-- tidemill-bump: ${key} ${movesMark(moves)} -->\n`;
}

const mark = /^<!-- tidemill-bump: ([0-9a-f]{16}) ([0-9a-f]{16}) -->\s*$/m;

/** Which bump and which versions a pull request is of; undefined where it is none of ours. */
export function readBumpMark(body: string): { readonly key: string; readonly moves: string } | undefined {
  const [, key, moves] = mark.exec(body) ?? [];
  return key === undefined || moves === undefined ? undefined : { key, moves };
}

function rowOf({ id, severity, exploited, fixed, image }: BumpFinding): string[] {
  return [id, severity, exploited ? "yes" : "no", fixed ?? "", image];
}

function versions(list: readonly string[]): string {
  return list.length === 0 ? "" : list.join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const left = rows.length > mostShown ? `\n\nand ${rows.length - mostShown} more` : "";
  const lines = rows
    .slice(0, mostShown)
    .map((row) => `| ${row.map((cell) => (cell === "" ? "" : code(cell))).join(" | ")} |`);
  return [`| ${head.join(" | ")} |`, `|${" --- |".repeat(head.length)}`, ...lines].join("\n") + left;
}

/** A text as it is, on one line. A code span ends at a backtick, and a cell at a bar. CommonMark 6.1; GitHub Flavored Markdown 4.10. */
function code(text: string): string {
  return `\`${printable(text).replaceAll(/[`|]/g, "'").slice(0, 200)}\``;
}
