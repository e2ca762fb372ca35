import { bumpBranch, movesMark, readBumpMark } from "../../core/bump/index.ts";
import type { BumpSource } from "../../core/config/index.ts";
import type { BumpLease } from "../../io/store/index.ts";
import type { Context } from "../context.ts";

/** What became of a bump that is not needed any more: its pull request was merged, or it is closed with a comment that says why. */
export async function endBump(
  ctx: Context,
  lease: BumpLease,
  source: BumpSource,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const { bump } = lease;
  const { store, bumps } = ctx;
  const head = bump.head ?? bumpBranch(bump);
  const forge = bumps.forgeOf(source);
  const wasPushed = bump.state === "intent" || bump.state === "proposed" || bump.state === "closing";
  if (!wasPushed) {
    await store.saveBump(lease, { state: "ended", reason });
    return;
  }
  if (forge === undefined) {
    await store.saveBump(lease, { state: "committed", reason: `${source.branch} has it` });
    return;
  }
  const pull = await forge.find({ head, base: source.branch }, signal);
  const mark = pull === undefined ? undefined : readBumpMark(pull.body);
  if (pull?.state === "merged" && mark?.moves === movesMark(bump.moves)) {
    const by = pull.endedBy === undefined ? "" : ` by ${pull.endedBy}`;
    await store.saveBump(lease, { state: "merged", reason: `${pull.url} was merged${by}`, url: pull.url });
  } else {
    // From here on a closed one is not taken for a person's word.
    await store.saveBump(lease, { state: "closing", reason });
    if (pull?.state === "open" && mark?.key === bump.key) await forge.close(pull.number, `${reason}.`, signal);
    await store.saveBump(lease, { state: "ended", reason });
  }
  await bumps.branches.withdraw({ url: source.url, head, email: source.rules.author.email }, signal);
}
