import { type Digest, shortDigest } from "../lib/index.ts";
import { OperationError } from "./error.ts";

/** The one of `candidates` that is `text` or begins with it. Throws NOT_FOUND for none and BAD_INPUT for several, naming `what`. */
export function matchDigest(text: string, candidates: Iterable<Digest>, what: string): Digest {
  const matches = new Set<Digest>();
  for (const candidate of candidates) {
    if (candidate.startsWith(text) || candidate.slice(7).startsWith(text)) matches.add(candidate);
  }
  const [first, ...others] = matches;
  if (first === undefined) {
    throw new OperationError("NOT_FOUND", `${what} has no digest ${text}`, {
      hint: `\`tidemill history ${what}\` shows those it has.`,
    });
  }
  if (others.length > 0) {
    const named = [...matches].slice(0, 3).map(shortDigest).join(", ");
    throw new OperationError("BAD_INPUT", `${what} has ${matches.size} digests that begin with ${text}: ${named}`, {
      hint: "Give more of its digits.",
    });
  }
  return first;
}
