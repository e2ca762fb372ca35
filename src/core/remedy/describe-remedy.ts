import { shortDigest, type Instant } from "../../lib/index.ts";
import type { Offered, Remedy } from "./types.ts";

/** A remedy as one line for people: what to do, where, with what, and by which proof. */
export function describeRemedy(remedy: Remedy): string {
  switch (remedy.kind) {
    case "rebase": {
      const onto = remedy.onto === undefined ? "a newer base" : shortDigest(remedy.onto);
      return `rebase ${remedy.image} onto ${onto}${proof(remedy.offered)}`;
    }
    case "rebuild":
    case "patch":
      return `${remedy.kind} ${remedy.image}${proof(remedy.offered)}`;
    case "bump-source":
      return `bump ${remedy.file ?? remedy.image} to ${remedy.offered.version ?? "none"}${describeRange(remedy)}`;
    case "wait-upstream":
      return `wait: ${remedy.reason}`;
    case "replace-base": {
      const by = remedy.successor === undefined ? "" : ` by ${remedy.successor}`;
      return `replace the base of ${remedy.image}${by}: ${remedy.reason}`;
    }
    case "accepted": {
      const until = remedy.until === undefined ? "" : `, until ${dayOf(remedy.until)}`;
      return `accepted by ${remedy.by}: ${remedy.reason}${until}`;
    }
  }
}

function describeRange({
  declared,
  isCompatible,
  dependants,
}: Extract<Remedy, { readonly kind: "bump-source" }>): string {
  const [first] = dependants;
  if (isCompatible === true) return declared === undefined || declared === "" ? "" : `, which ${declared} allows`;
  if (isCompatible === undefined || first === undefined) return "";
  return `, which ${first.name} does not allow (${first.range})`;
}

function proof({ version, from, since }: Offered): string {
  const at = since === undefined ? "" : ` since ${dayOf(since)}`;
  return version === undefined ? `: it is gone from ${from}${at}` : `: ${version} from ${from}${at}`;
}

function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
