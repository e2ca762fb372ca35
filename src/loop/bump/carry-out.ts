import { resolve } from "node:path";
import {
  bumpBranch,
  bumpDue,
  bumpMessage,
  bumpBody,
  bumpTitle,
  movesMark,
  readBumpMark,
  type MadeBump,
} from "../../core/bump/index.ts";
import { shortCoolDown } from "../../core/plan/index.ts";
import type { BumpEnd } from "../../io/bump/index.ts";
import type { Forge, PullRequest } from "../../io/forge/index.ts";
import type { BranchWriter } from "../../io/git/index.ts";
import type { BumpLease, BumpStep } from "../../io/store/index.ts";
import { canonicalJson, digestHex, printable, sha256 } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { FoundBump } from "./find-bumps.ts";

/** What the work at one bump is given. */
interface Work {
  readonly ctx: Context;
  readonly lease: BumpLease;
  readonly found: FoundBump;
  readonly head: string;
  readonly signal: AbortSignal;
  readonly confirm: () => Promise<void>;
}

type Made = Extract<BumpEnd, { readonly kind: "made" }>;

const failedAgainMs = 900_000;
const refusedAgainMs = 86_400_000;

/** Brings one bump as far as it goes now. Where a process was killed, the same work again has the same end: the branch and the pull request are found, and not made twice. */
export async function carryOut(
  ctx: Context,
  lease: BumpLease,
  found: FoundBump,
  { signal, confirm }: Pick<Work, "signal" | "confirm">,
): Promise<void> {
  const { bump } = lease;
  const { source } = found;
  if (bump.state === "declined") return;
  const work: Work = { ctx, lease, found, head: bumpBranch(bump), signal, confirm };
  const due = bumpDue(bump, source.rules.coolDown ?? shortCoolDown(ctx.config.policies));
  if (due > ctx.clock.now())
    return save(work, { state: "waiting", reason: `in cool-down until ${new Date(due).toISOString()}` });
  const forge = ctx.bumps.forgeOf(source);
  const pull = await forge?.find({ head: work.head, base: source.branch }, signal);
  const ended = endOf(work, pull);
  if (ended !== undefined) {
    await save(work, ended);
    if (ended.state === "declined" && forge !== undefined) await withdraw(work);
    return;
  }
  const request = requestOf(found);
  const inputs = inputsOf(await ctx.bumps.bumper.keyOf(request), found);
  const isSame = bump.inputs === inputs;
  if (isSame && bump.state === "refused" && (bump.retryAt ?? 0) > ctx.clock.now()) return;
  if (isSame && bump.state === "proposed" && pull?.state === "open" && isOf(pull, found)) return;
  const made = await ctx.bumps.bumper.bump(request, signal);
  if (made.kind !== "made") {
    const pause = made.kind === "failed" ? failedAgainMs : refusedAgainMs;
    const code = made.code === undefined ? {} : { code: made.code };
    return save(work, { state: "refused", reason: made.reason, inputs, retryAt: ctx.clock.now() + pause, ...code });
  }
  await save(work, { state: "intent", reason: "it is being pushed", inputs: null, head: work.head });
  await confirm();
  if (forge === undefined) return commit(work, made, inputs);
  return propose(work, made, inputs, forge, pull);
}

/** What a person has said of these very versions; undefined where there is something to do. */
function endOf({ lease: { bump }, found }: Work, pull: PullRequest | undefined): BumpStep | undefined {
  const { branch } = found.source;
  if (bump.state === "merged" || bump.state === "committed")
    return { state: "declined", reason: `${branch} had it, and has the old version again: somebody took it back` };
  if (pull === undefined || !isOf(pull, found)) return undefined;
  const by = pull.endedBy === undefined ? "" : ` by ${printable(pull.endedBy).slice(0, 100)}`;
  // The branch is looked at before the forge: it may have been merged between the two.
  if (pull.state === "merged") return { state: "merged", reason: `${pull.url} was merged${by}`, url: pull.url };
  const isOurs = ["closing", "ended"].includes(bump.state) || (bump.state === "intent" && bump.url === null);
  if (pull.state === "closed" && !isOurs)
    return { state: "declined", reason: `${pull.url} was closed${by}`, url: pull.url };
  return undefined;
}

function isOf(pull: PullRequest, { key, moves }: Pick<FoundBump, "key" | "moves">): boolean {
  const mark = readBumpMark(pull.body);
  return mark?.key === key && mark.moves === movesMark(moves);
}

function requestOf({ tree, file, type, package: name, moves, source: { rules } }: FoundBump) {
  const { limits, tools, container } = rules;
  const { time, disk, memory, output } = limits;
  return {
    tree,
    file,
    type,
    package: name,
    moves,
    limits: { timeMs: time, disk, memory, output },
    programs: tools,
    container,
  };
}

/** What a change was made of, and what is said with it: the same again need not be made again. */
function inputsOf(files: string | undefined, { moves, findings }: FoundBump): string {
  return digestHex(
    sha256(canonicalJson([files ?? null, moves, findings.map((one) => ({ ...one, fixed: one.fixed ?? null }))])),
  );
}

async function propose(
  work: Work,
  made: Made,
  inputs: string,
  forge: Forge,
  pull: PullRequest | undefined,
): Promise<void> {
  const { ctx, found, head, signal } = work;
  const { url, branch, rules } = found.source;
  const { edit, hasMoved } = editor(work, made);
  const end = await ctx.bumps.branches.propose({ url, branch, head, paths: [...made.changed.keys()] }, edit, signal);
  if (hasMoved() || end.kind === "nothing")
    return save(work, { state: "waiting", reason: `${branch} moved meanwhile` });
  if (end.kind === "foreign") {
    const { commit: id, author } = end.by;
    const reason = `${head} has the commit ${id.slice(0, 12)} by ${author}, which is none of ours: nothing is pushed over it`;
    return save(work, { state: "refused", reason, inputs, retryAt: ctx.clock.now() + failedAgainMs });
  }
  await work.confirm();
  const text = { title: bumpTitle(found), body: bumpBody(describe(found, made)) };
  let at = pull?.url;
  if (pull?.state === "open") {
    if (pull.title !== text.title || plain(pull.body) !== plain(text.body))
      await forge.update(pull.number, text, signal);
  } else {
    const labels = rules.pullRequest?.labels ?? [];
    at = (await forge.open({ head, base: branch }, { ...text, labels }, signal)).url;
  }
  await save(work, { state: "proposed", reason: `${at} waits to be merged`, inputs, url: at ?? null, retryAt: null });
}

async function commit(work: Work, made: Made, inputs: string): Promise<void> {
  const { ctx, found, signal } = work;
  const { url, branch } = found.source;
  const { edit, hasMoved } = editor(work, made);
  const end = await ctx.bumps.branches.edit({ url, branch, paths: [...made.changed.keys()] }, edit, signal);
  if (hasMoved()) return save(work, { state: "waiting", reason: `${branch} moved meanwhile` });
  const reason = `${branch} has it since ${end.commit.slice(0, 12)}`;
  await save(work, { state: "committed", reason, inputs, retryAt: null });
}

type Edit = Parameters<BranchWriter["edit"]>[1];

/** Puts the new files in the place of those that they were made of; where the branch has others by now, nothing. */
function editor({ ctx, found, confirm }: Work, made: Made): { readonly edit: Edit; readonly hasMoved: () => boolean } {
  const { rules } = found.source;
  const key = rules.signingKey;
  const signing = key === undefined ? {} : { signingKey: resolve(ctx.home, key) };
  let moved = false;
  const edit: Edit = async (tip) => {
    moved = [...made.changed.keys()].some(
      (path) => made.before.get(path)?.equals(tip.files.get(path) ?? nothing) !== true,
    );
    if (moved) return undefined;
    await confirm();
    return { files: made.changed, message: bumpMessage(describe(found, made)), author: rules.author, ...signing };
  };
  return { edit, hasMoved: () => moved };
}

const nothing = Buffer.alloc(0);

function describe(found: FoundBump, { changes, tool }: Made): MadeBump {
  return { ...found, changes, tool };
}

/** Forges keep line ends as a browser sends them. */
function plain(text: string): string {
  return text.replaceAll("\r\n", "\n").trim();
}

async function withdraw({ ctx, found, head, signal }: Work): Promise<void> {
  const { url, rules } = found.source;
  await ctx.bumps.branches.withdraw({ url, head, email: rules.author.email }, signal);
}

async function save({ ctx, lease, found }: Work, step: BumpStep): Promise<void> {
  const { bump } = lease;
  await ctx.store.saveBump(lease, step);
  if (bump.state === step.state && bump.reason === step.reason) return;
  for (const image of found.images)
    ctx.emit({ kind: "note", image, message: `${bumpTitle(found)}: ${step.state}, ${step.reason}` });
}
