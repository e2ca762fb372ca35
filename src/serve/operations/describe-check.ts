import { debsOf } from "../../core/inventory/index.ts";
import { printable } from "../../lib/index.ts";
import type { ImageCheck, PlatformCheck } from "../../loop/match/index.ts";
import { formatInstant, type Check } from "../../operation/index.ts";
import type { AskedSuite } from "./find-suites.ts";

const maxProblems = 50;

/** A check in the shape of the contract. Whatever could not be compared makes its platform `unknown`. */
export function describeCheck(
  reference: string,
  check: ImageCheck,
  asked: readonly AskedSuite[],
  notes: readonly string[],
): Check {
  const isPartial = asked.some(({ problem }) => problem !== undefined);
  const platforms = check.platforms.map((platform) => describePlatform(platform, isPartial, notes));
  return {
    reference,
    digest: check.digest,
    advisories: { state: "unknown", reason: "no feed", asOf: null },
    platforms,
    suites: asked.map(({ name, date, problem }) => ({
      name,
      date: date === undefined ? null : formatInstant(date),
      problem: problem ?? null,
    })),
    remedy: describeRemedy(
      check,
      platforms,
      asked.some(({ isQuiet }) => isQuiet),
    ),
  };
}

function describePlatform(
  check: PlatformCheck,
  isPartial: boolean,
  notes: readonly string[],
): Check["platforms"][number] {
  const { inventory, outdated } = check;
  const isDebian = inventory.os?.id === "debian";
  const unknown = [...check.reasons, ...(isDebian ? uncompared(check) : [])];
  const remarks =
    isDebian && check.suitesFrom === "release"
      ? ["its apt sources name no suite of its release: the usual ones were asked"]
      : [];
  const status = check.state === "unknown" || (isPartial && isDebian) || unknown.length > 0 ? "unknown" : "complete";
  return {
    platform: check.platform,
    os: inventory.os === undefined ? null : printable((inventory.os.prettyName ?? inventory.os.id).slice(0, 200)),
    status,
    problems: atMost(
      [...new Set([...unknown, ...remarks, ...inventory.problems, ...(isDebian ? notes : [])])],
      maxProblems,
    ),
    packages: inventory.packages.length,
    updates: outdated.map((update) => ({
      name: update.name,
      architecture: update.architecture,
      from: update.installed,
      to: update.offered,
      source: update.source,
      origin: update.origin,
      security: update.origin.endsWith("-security"),
      since: update.since === undefined ? null : formatInstant(update.since),
      advisories: update.hints.map((id) => ({ id, source: "changelog" as const })),
      layer: update.layer,
    })),
  };
}

/** Packages of which the suites that were asked cannot tell whether they are old. */
function uncompared({ unknownPackages, inventory }: PlatformCheck): string[] {
  const backports = debsOf(inventory)
    .filter(({ version }) => /~bpo\d/.test(version))
    .map(({ name }) => name);
  return [
    ...(unknownPackages.length === 0 ? [] : [`no suite that was asked has ${someOf(unknownPackages)}`]),
    ...(backports.length === 0 ? [] : [`backports are not compared: ${someOf(backports)}`]),
  ];
}

/** What would cure it, as one line. */
function describeRemedy({ platforms: checks }: ImageCheck, platforms: Check["platforms"], isQuiet: boolean): string {
  const outdated = checks.flatMap((check) => check.outdated);
  const isUnknown = platforms.some(({ status }) => status === "unknown");
  if (outdated.length === 0 && !isQuiet) {
    return isUnknown
      ? "unknown: nothing older was found, but not everything could be compared"
      : "nothing: every package is the newest that its suites offer";
  }
  const names = (kind: "base" | "rebuild") => [
    ...new Set(outdated.filter(({ cure }) => cure.kind === kind).map(({ name }) => name)),
  ];
  const [base, own] = [names("base"), names("rebuild")];
  const parts = [
    ...(isQuiet ? ["`replace-base` by a release that is supported"] : []),
    ...(base.length === 0 ? [] : [`\`rebase\` onto a newer base, whose layer brought ${someOf(base)}`]),
    ...(own.length === 0 ? [] : [`\`rebuild\` without cached layers, for ${someOf(own)}`]),
  ];
  return `${parts.join("; and ")}${isUnknown ? "; not everything could be compared" : ""}`;
}

function someOf(names: readonly string[]): string {
  const shown = printable(names.slice(0, 5).join(", "));
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

function atMost(lines: readonly string[], limit: number): string[] {
  return lines.length <= limit ? [...lines] : [...lines.slice(0, limit), `and ${lines.length - limit} more`];
}
