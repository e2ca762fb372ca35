import { distroOf } from "../../core/config/index.ts";
import { debsOf, type Inventory } from "../../core/inventory/index.ts";
import { withoutVersions, withRecords, type PackageRecord, type PackageUniverse } from "../../core/packages/index.ts";
import type { PackageChange, PlannedRebuild } from "../../core/plan/index.ts";
import { compareDebText } from "../../core/version/index.ts";
import { AppError } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { SuiteQuestion } from "./patch/types.ts";

export class OffersError extends AppError<
  /** No upstream of the configuration has the packages of its release. */
  | "NO_SUITES"
  /** What is held back can only be left out by going back to something older. */
  | "KEPT_OUT"
> {}

/** What a patch must not take, as the plan wrote it down. */
interface Bounds {
  /** Updates that wait, or are kept out: these packages stay at `from`. */
  readonly holdBack: readonly PackageChange[];
  /** Versions that must not come. */
  readonly keepOut: PlannedRebuild["keepOut"];
}

export interface PatchOffers {
  /** What the suites of a release offer within the bounds. Throws NO_SUITES. */
  readonly universeFor: (question: SuiteQuestion) => Promise<PackageUniverse>;
  /** The records of what was taken from them: remembered, so that it can be kept when no suite offers it any more. */
  readonly recordsOf: (changes: readonly PackageChange[]) => readonly PackageRecord[];
  /** Throws KEPT_OUT where something that was to stay as it is went back. */
  readonly refuseOlder: (made: readonly Inventory[]) => void;
}

/** What there is to patch an original with, which holds `original`: the suites of its release, and what is remembered of those, without what is held back. */
export async function openPatchOffers(
  ctx: Context,
  image: string,
  original: readonly Inventory[],
  detail: Readonly<Record<string, unknown>>,
): Promise<PatchOffers> {
  const bounds = boundsOf(detail);
  const remembered = await ctx.store.loadPackageRecords(
    bounds.holdBack.flatMap(({ name, architecture, from }) =>
      from === undefined ? [] : [{ name, architecture, version: from }],
    ),
  );
  const opened: PackageUniverse[] = [];
  return {
    universeFor: async (question) => {
      const universe = bound(await openSuites(ctx, image, question, remembered), bounds, original);
      opened.push(universe);
      return universe;
    },
    recordsOf: (changes) =>
      changes.flatMap(({ name, architecture, to }) => {
        const offered = opened.flatMap((universe) => universe.versions(name));
        return offered.find((one) => one.version === to && one.architecture === architecture) ?? [];
      }),
    refuseOlder: (made) => refuseOlder(image, bounds.holdBack, made),
  };
}

function boundsOf(detail: Readonly<Record<string, unknown>>): Bounds {
  const { holdBack, keepOut } = detail;
  return {
    holdBack: Array.isArray(holdBack) ? (holdBack as Bounds["holdBack"]) : [],
    keepOut: Array.isArray(keepOut) ? (keepOut as Bounds["keepOut"]) : [],
  };
}

async function openSuites(
  ctx: Context,
  image: string,
  { codename, architecture }: SuiteQuestion,
  remembered: readonly PackageRecord[],
): Promise<PackageUniverse> {
  const upstream = distroOf(ctx.config, image, codename);
  const sources = ctx.suites.get(upstream ?? "") ?? [];
  const found = await Promise.all(sources.map(({ name }) => ctx.distro.generation(name)));
  const generations = found.filter((one) => one !== undefined);
  if (generations.length === 0) {
    throw new OffersError("NO_SUITES", `${image}: no upstream of the configuration offers packages of ${codename}`, {
      hint: `Declare one: \`upstreams: { ${codename}: { kind: debian, codename: ${codename} } }\`.`,
      retry: upstream !== undefined,
    });
  }
  const universe = await ctx.distro.universe(generations, architecture);
  // What another suite offered once is not taken from this one's mirror.
  const own = remembered.filter(({ origin }) => sources.some(({ name }) => name === origin));
  return withRecords(universe, own);
}

/** Without what is to stay out. What waits comes all the same where it is all there is: a package never goes back to wait. */
function bound(
  universe: PackageUniverse,
  { holdBack, keepOut }: Bounds,
  original: readonly Inventory[],
): PackageUniverse {
  if (holdBack.length === 0 && keepOut.length === 0) return universe;
  const keyOf = (one: { readonly name: string; readonly architecture: string }): string =>
    `${one.name}:${one.architecture}`;
  const has = new Map(original.flatMap(debsOf).map((one) => [keyOf(one), one.version]));
  const highest = new Map<string, string>();
  const out = new Set(keepOut.map((one) => `${keyOf(one)} ${one.version}`));
  for (const { name, architecture, from = "", to } of holdBack) {
    const key = keyOf({ name, architecture });
    const held = has.get(key);
    const offered = universe.versions(name).filter((one) => one.architecture === architecture);
    const canStay =
      (held !== undefined && compareDebText(held, from) >= 0) || offered.some(({ version }) => version === from);
    if (canStay) highest.set(key, from);
    else if (offered.some(({ version }) => version !== to && compareDebText(version, from) >= 0))
      out.add(`${key} ${to ?? ""}`);
  }
  return withoutVersions(universe, (record) => {
    const most = highest.get(keyOf(record));
    return out.has(`${keyOf(record)} ${record.version}`) || (most !== undefined && isNewer(record.version, most));
  });
}

function isNewer(version: string, most: string): boolean {
  return compareDebText(version, most) > 0;
}

function refuseOlder(image: string, holdBack: readonly PackageChange[], made: readonly Inventory[]): void {
  const held = made.flatMap(debsOf);
  const older = holdBack.flatMap(({ name, architecture, from }) => {
    const now = held.find((one) => one.name === name && one.architecture === architecture);
    if (from === undefined || now === undefined || compareDebText(now.version, from) >= 0) return [];
    return [`${name} from ${from} to ${now.version}`];
  });
  if (older.length === 0) return;
  throw new OffersError("KEPT_OUT", `${image} would take ${older.slice(0, 5).join(", ")}: what it has cannot be kept`, {
    hint: "It waits for a newer version than the one that is held back. `tidemill why` says what was wrong with that.",
  });
}
