import type { Cause } from "../core/plan/index.ts";
import type { Instant } from "../lib/index.ts";
import type { AdvisoryRef, CauseView } from "./shapes.ts";

type PackageCause = Extract<Cause, { kind: "package" }>;

/** A moment as the contract writes it. */
export function formatInstant(at: Instant): string {
  return new Date(at).toISOString();
}

/** The advisories of a cause, each with whose word it is. */
export function advisoriesOf({ advisories, confirmed = [] }: PackageCause): AdvisoryRef[] {
  const byFeed = new Set(confirmed);
  return advisories.map((id) => ({ id, source: byFeed.has(id) ? "feed" : "changelog" }));
}

/** A cause in the shape of the contract. */
export function describeCause(cause: Cause): CauseView {
  if (cause.kind === "package") return describePackage(cause);
  if (cause.kind === "parent") {
    return { kind: "parent", summary: `${cause.image} is rebuilt`, image: cause.image, digest: cause.digest ?? null };
  }
  if (cause.kind === "base") {
    const { name, from, to, firstSeen } = cause;
    const summary = `${name} moved to ${to.slice(0, 19)}`;
    return { kind: "base", summary, name, from: from ?? null, to, firstSeen: formatInstant(firstSeen) };
  }
  if (cause.kind === "source") {
    const summary = cause.from === undefined ? "never built" : "its recipe changed";
    return { kind: "source", summary, from: cause.from ?? null, to: cause.to };
  }
  if (cause.kind === "schedule") return { kind: "schedule", summary: "its schedule", at: formatInstant(cause.at) };
  return { kind: "person", summary: `${cause.who}: ${cause.reason}`, who: cause.who, reason: cause.reason };
}

function describePackage(cause: PackageCause): CauseView {
  const named = cause.advisories.slice(0, 3).join(", ");
  const more = cause.advisories.length > 3 ? ` and ${cause.advisories.length - 3} more` : "";
  const from = cause.packages.find((change) => change.from !== undefined)?.from;
  return {
    kind: "package",
    summary:
      `${cause.source} ${from === undefined ? "" : `${from} → `}${cause.to} from ${cause.origin}` +
      (named === "" ? "" : ` (${named}${more})`) +
      (cause.coolDown === undefined ? "" : ", by the short cool-down of what feeds call a security fix"),
    source: cause.source,
    to: cause.to,
    packages: cause.packages.map((change) => ({ ...change, from: change.from ?? null, to: change.to ?? null })),
    origin: cause.origin,
    firstSeen: formatInstant(cause.firstSeen),
    security: cause.security,
    advisories: advisoriesOf(cause),
  };
}

/** Several causes as one line: the first two, and how many more there are. */
export function describeReasons(causes: readonly CauseView[]): string {
  const lines = causes.slice(0, 2).map((cause) => cause.summary);
  return causes.length > 2 ? `${lines.join("; ")}; and ${causes.length - 2} more` : lines.join("; ");
}
