import { bumpKey, locateBumps, wantBumps, type BumpFinding, type LockedBump } from "../../core/bump/index.ts";
import { bumpSourceOf, type BumpSource } from "../../core/config/index.ts";
import type { LockFile } from "../../core/inventory/index.ts";
import { messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";

/** A bump that is wanted, where, and of which images. */
export interface FoundBump extends LockedBump {
  readonly key: string;
  readonly images: readonly string[];
  readonly source: BumpSource;
  /** Folder of the branch's tree as it is now. */
  readonly tree: string;
}

/** A repository and a branch that images of the configuration are made from, as it is now. */
export interface BumpPlace {
  /** Without credentials. */
  readonly repository: string;
  readonly source: BumpSource;
  /** Lock files of all subdirectories that were looked at. */
  readonly locks: ReadonlyMap<string, LockFile>;
}

export interface FoundBumps {
  readonly bumps: readonly FoundBump[];
  readonly places: readonly BumpPlace[];
}

const alarmCode = "bump-failing";

/** Looks into every repository of which something is wanted, or was. One that cannot be read raises an alarm, and stops no other. */
export async function findBumps(ctx: Context): Promise<FoundBumps> {
  const [rows, known] = await Promise.all([ctx.store.loadImageRemedies(), ctx.store.loadBumps()]);
  const bumps = new Map<string, FoundBump>();
  const places: BumpPlace[] = [];
  for (const { source, images } of groupSources(ctx)) {
    const { url, branch, rules } = source;
    const repository = ctx.bumps.publicUrl(url);
    const excluded = new Set(rules.exclude);
    const own = rows.filter(({ image }) => images.includes(image));
    const wanted = wantBumps(own, rules.packages).filter((one) => !excluded.has(one.package));
    const isOpen = known.some((row) => row.repository === repository && row.branch === branch && isLive(row.state));
    const alarm = { code: alarmCode, subject: `${repository}#${branch}` };
    if (wanted.length === 0 && !isOpen) {
      await ctx.store.saveAlarmCleared(alarm);
      continue;
    }
    try {
      const { tree, locks } = await openSource(ctx, source);
      places.push({ repository, source, locks });
      for (const bump of locateBumps(wanted, locks)) {
        const key = bumpKey(repository, branch, bump);
        const before = bumps.get(key);
        const own = {
          ...bump,
          key,
          source,
          tree,
          images: [...new Set(bump.findings.map(({ image }) => image))].sort(),
        };
        bumps.set(key, before === undefined ? own : mergeBumps(before, own));
      }
      await ctx.store.saveAlarmCleared(alarm);
    } catch (error) {
      ctx.signal.throwIfAborted();
      const message = `${repository} cannot be read for bumps: ${messageOf(error)}`;
      const raised = await ctx.store.saveAlarm({ ...alarm, severity: "warning", message });
      if (raised.isNew) ctx.emit({ kind: "alarm", message });
    }
  }
  return { bumps: [...bumps.values()], places };
}

/** Whether something of it may have to be taken back or recorded. */
export function isLive(state: string): boolean {
  return ["waiting", "intent", "proposed", "closing", "refused"].includes(state);
}

async function openSource(ctx: Context, { url, branch, subdirectory }: BumpSource) {
  const { git, bumper } = ctx.bumps;
  const ref = `refs/heads/${branch}`;
  const commit = await git.look({ url, ref }, ctx.signal);
  const tree = await git.fetch({ url, ref, commit }, ctx.signal);
  return { tree, locks: await bumper.findLocks(tree, subdirectory) };
}

/** Images that are made from the same folder of the same branch share what is done there; the rules are those of the first. */
function groupSources({ config }: Context): { readonly source: BumpSource; readonly images: readonly string[] }[] {
  const groups = new Map<string, { readonly source: BumpSource; readonly images: string[] }>();
  for (const image of Object.keys(config.images).sort()) {
    const source = bumpSourceOf(config, image);
    if (source === undefined) continue;
    const key = JSON.stringify([source.url, source.branch, source.subdirectory]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { source, images: [image] });
    else group.images.push(image);
  }
  return [...groups.values()];
}

/** What images of different folders want of the same lock file. */
function mergeBumps(a: FoundBump, b: FoundBump): FoundBump {
  const moves = [...a.moves, ...b.moves.filter(({ from }) => !a.moves.some((one) => one.from === from))];
  const idOf = ({ id, image }: BumpFinding): string => `${id} ${image}`;
  const known = new Set(a.findings.map(idOf));
  const findings = [...a.findings, ...b.findings.filter((one) => !known.has(idOf(one)))];
  return { ...a, moves, findings, images: [...new Set([...a.images, ...b.images])].sort() };
}
