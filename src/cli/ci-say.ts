import { appendFile, stat, writeFile } from "node:fs/promises";
import type { CiPlace } from "../core/ci/index.ts";
import { maskSecrets, printable } from "../lib/index.ts";
import type { ForgeReportRequest } from "../operation/index.ts";
import { ciLine, commentMarker, fitSummary, type CiFacts } from "./ci-markdown.ts";
import { tokenFor } from "./ci-place.ts";
import type { Asked, CommandContext } from "./command.ts";

/** What was done of one thing, or why not. */
export interface Deed {
  readonly what: "comment" | "status" | "check" | "summary" | "outputs" | "sarif" | "junit";
  readonly state: "done" | "skipped" | "failed" | "would";
  readonly detail: string;
}

/** What is to be said, and where. */
export interface Saying {
  readonly context: CommandContext;
  readonly asked: Asked;
  readonly place: CiPlace;
  readonly facts: CiFacts;
  readonly markdown: string;
  readonly secrets: readonly string[];
}

/** Writes the files that were asked for, and those that the system gives a job. */
export async function writeFiles({ asked, place, facts, markdown, secrets }: Saying): Promise<Deed[]> {
  const { documents, verdict, digest, platforms, comparison } = facts.scan;
  const isDry = asked.flag("dry-run");
  const deeds: Deed[] = [];
  const put = async (what: Deed["what"], path: string, write: () => Promise<void>): Promise<void> => {
    if (!isDry) await write();
    deeds.push({ what, state: isDry ? "would" : "done", detail: path });
  };
  for (const format of ["sarif", "junit"] as const) {
    const path = asked.text(format);
    const text = documents[format];
    if (path !== undefined && text !== null) await put(format, path, () => writeFile(path, maskSecrets(text, secrets)));
  }
  const { summaryFile, outputFile } = place;
  if (summaryFile !== undefined)
    await put("summary", "the page of the job", async () => {
      const used = await stat(summaryFile).then(
        ({ size }) => size,
        () => 0,
      );
      await appendFile(summaryFile, fitSummary(markdown, used));
    });
  if (outputFile !== undefined)
    await put("outputs", "verdict, digest, findings, new", () => {
      const findings = platforms.flatMap((one) => one.findings).filter(({ ignored }) => ignored === null).length;
      const values = { verdict: verdict.kind, digest: digest ?? "", findings, new: comparison?.added.length ?? "" };
      const lines = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
      return appendFile(outputFile, lines.join(""));
    });
  return deeds;
}

/** Puts the one comment of the pull request. */
export async function putComment({ context, asked, place, facts, markdown }: Saying): Promise<Deed> {
  const { pull } = place;
  const skipped = (detail: string): Deed => ({ what: "comment", state: "skipped", detail });
  if (!asked.flag("comment")) return skipped("--no-comment");
  if (pull === undefined) return skipped("this job is for no pull request that a token may be sent to");
  const where = `${pull.kind} ${pull.repository} #${pull.number}`;
  if (asked.flag("dry-run")) return { what: "comment", state: "would", detail: where };
  return tell("comment", context, place, pull, {
    kind: "comment",
    pull: pull.number,
    marker: commentMarker(facts.key),
    body: markdown,
  });
}

/** Sets the status of the commit, or puts its check run where that is asked for; a token that may not, or a forge that has none, gets the status after all. */
export async function sayOfCommit({ context, asked, place, facts, markdown, secrets }: Saying): Promise<Deed[]> {
  const { commit } = place;
  const what = asked.flag("check-run") ? "check" : "status";
  const skipped = (detail: string): Deed[] => [{ what, state: "skipped", detail }];
  if (!asked.flag("status")) return skipped("--no-status");
  if (commit === undefined) return skipped("no commit of a forge that a token may be sent to is known");
  if (asked.flag("dry-run")) return [{ what, state: "would", detail: `of ${commit.sha.slice(0, 12)}` }];
  const state = facts.scan.verdict.kind === "failed" ? "failure" : "success";
  const name = printable(`tidemill (${facts.key})`).slice(0, 200);
  const line = printable(maskSecrets(ciLine(facts), secrets));
  const common = { sha: commit.sha, state, ...(place.runUrl === undefined ? {} : { url: place.runUrl }) } as const;
  const deeds: Deed[] = [];
  if (what === "check") {
    const put = await tell("check", context, place, commit, {
      kind: "check",
      ...common,
      name,
      title: line,
      summary: markdown,
    });
    deeds.push(put);
    if (put.state === "done") return deeds;
  }
  const status = { kind: "status", ...common, context: name, description: line } as const;
  return [...deeds, await tell("status", context, place, commit, status)];
}

/** Tells a forge; what it does not take is said, and nothing else fails by it. */
async function tell(
  what: Deed["what"],
  context: CommandContext,
  { isFork }: CiPlace,
  place: ForgeReportRequest["place"],
  say: ForgeReportRequest["say"],
): Promise<Deed> {
  const { token, names } = tokenFor(process.env, place.kind);
  if (token === undefined) return { what, state: "skipped", detail: `there is no token: ${names}` };
  const app = await context.load();
  const answer = await app.reportToForge({ place, token, say, signal: context.stop });
  if (answer.kind === "done") return { what, state: "done", detail: [answer.what, answer.url ?? ""].join(" ").trim() };
  if (answer.denied && isFork)
    return {
      what,
      state: "skipped",
      detail: "the pull request comes from a fork, whose jobs get a token that only reads",
    };
  return { what, state: "failed", detail: [answer.reason, answer.hint ?? ""].join(". ") };
}
