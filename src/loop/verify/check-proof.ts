import { formatPlatform } from "../../core/image/index.ts";
import { debsOf, type Inventory } from "../../core/inventory/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import { compareDebText } from "../../core/version/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { CheckResult } from "./types.ts";

/** What a candidate is made of, by its own layers and by what was put down when it was made. */
export interface ProofOrigin {
  readonly bases: Readonly<Record<string, Digest>>;
  /** Of the layers that its base is said to have brought. */
  readonly baseLayers: readonly Digest[];
  /** Diff IDs, lowest first. */
  readonly layers: readonly Digest[];
}

/** Whether each cause had its effect in what the candidate really holds; a message names package, platform and layer. */
export function checkProof(
  causes: readonly Cause[],
  inventory: Inventory,
  origin: ProofOrigin | undefined,
): Pick<CheckResult, "verdict" | "messages"> {
  const platform = formatPlatform(inventory.platform);
  const debs = debsOf(inventory);
  const messages: string[] = newestMoves(causes).flatMap((cause) => checkBase(cause, platform, origin));
  for (const cause of causes) {
    if (cause.kind !== "package") continue;
    if (inventory.system === "unknown") messages.push(`${platform}: ${inventory.problems.join("; ")}`);
    for (const { name, architecture, to } of cause.packages) {
      const held = debs.find((entry) => entry.name === name && entry.architecture === architecture);
      if (held === undefined || to === undefined) continue;
      if (compareDebText(held.version, to) >= 0) continue;
      messages.push(`${platform}: ${name} is ${held.version}, not at least ${to}, in layer ${held.layer}`);
    }
  }
  return { verdict: messages.length > 0 ? "failed" : "passed", messages };
}

type BaseCause = Extract<Cause, { kind: "base" }>;

/** Of each base the move that was seen last: a rebuild that waited may have been joined by a newer one. */
function newestMoves(causes: readonly Cause[]): BaseCause[] {
  const newest = new Map<string, BaseCause>();
  for (const cause of causes) {
    if (cause.kind !== "base") continue;
    const known = newest.get(cause.name);
    if (known === undefined || known.firstSeen <= cause.firstSeen) newest.set(cause.name, cause);
  }
  return [...newest.values()];
}

/** Whether it was made of the digest that a base moved to, and begins with the layers that its base brings. */
function checkBase({ name, to }: BaseCause, platform: string, origin: ProofOrigin | undefined): string[] {
  const used = origin?.bases[name];
  // A base that the recipe no longer names has nothing to prove.
  if (origin === undefined || used === undefined) return [];
  if (used !== to) return [`${platform}: it is made of ${name} at ${used}, not at ${to}`];
  const foreign = origin.baseLayers.find((layer, at) => origin.layers[at] !== layer);
  return foreign === undefined
    ? []
    : [`${platform}: it does not begin with the layers of its base: ${foreign} is missing`];
}
