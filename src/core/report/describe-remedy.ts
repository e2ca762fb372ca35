import { shortDigest, type Instant } from "../../lib/index.ts";
import type { Offered, Remedy } from "../remedy/index.ts";

/** A cure as one line for people: what to do, with what, and how it is known. */
export function describeRemedy(remedy: Remedy): string {
  switch (remedy.kind) {
    case "rebase":
      return `rebase ${remedy.image} onto ${baseOf(remedy)}${proof(remedy.offered)}`;
    case "rebuild":
      return `rebuild ${remedy.image}${proof(remedy.offered)}`;
    case "patch":
      return `patch ${remedy.image}${proof(remedy.offered)}`;
    case "bump-source": {
      const { offered, file, declared, isCompatible } = remedy;
      const range =
        declared === undefined || declared === "" || isCompatible === undefined
          ? ""
          : `, which the declared ${declared} ${isCompatible ? "allows" : "does not allow"}`;
      return `bump to ${offered.version ?? "a version without it"}${file === undefined ? "" : ` in ${file}`}${range}`;
    }
    case "wait-upstream":
      return `wait: ${remedy.reason}${since(remedy.since)}`;
    case "replace-base":
      return `replace the base of ${remedy.image}${remedy.successor === undefined ? "" : ` by ${remedy.successor}`}: ${remedy.reason}`;
    case "accepted":
      return `accepted by ${remedy.by}: ${remedy.reason}${remedy.until === undefined ? "" : `, until ${day(remedy.until)}`}`;
  }
}

/** Findings of one group are cured together: by the same deed on the same image. */
export function remedyGroup(remedy: Remedy): string {
  switch (remedy.kind) {
    case "rebase":
      return `rebase ${remedy.image} onto ${baseOf(remedy)}`;
    case "rebuild":
    case "patch":
      return `${remedy.kind} ${remedy.image}`;
    case "bump-source":
      return `change the source${remedy.file === undefined ? "" : `: ${remedy.file}`}`;
    case "wait-upstream":
      return `wait: ${remedy.reason}`;
    case "replace-base":
      return describeRemedy(remedy);
    case "accepted":
      return `accepted by ${remedy.by}`;
  }
}

function baseOf({ onto }: Extract<Remedy, { kind: "rebase" }>): string {
  return onto === undefined ? "a newer base" : shortDigest(onto);
}

function proof({ version, from, since: at }: Offered): string {
  return version === undefined ? `: ${from} has it no more${since(at)}` : `: ${from} has ${version}${since(at)}`;
}

function since(at: Instant | undefined): string {
  return at === undefined ? "" : ` since ${day(at)}`;
}

function day(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
