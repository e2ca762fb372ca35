import { describe, expect, it } from "vitest";
import { decideMovedTag, type KnownMove, type MovedTagFacts } from "./decide-moved-tag.ts";
import { digest, now } from "./testdata/made-facts.ts";

const [old, named, other] = [digest("a"), digest("b"), digest("c")];
const move = (over: Partial<KnownMove> = {}): KnownMove => ({
  digest: old,
  state: "confirmed",
  createdAt: now - 1000,
  ended: false,
  takenOver: false,
  ...over,
});
const decide = (over: Partial<MovedTagFacts>) =>
  decideMovedTag(
    {
      found: old,
      named,
      moves: [move(), move({ digest: named })],
      passed: new Set([old]),
      quarantined: new Set(),
      ...over,
    },
    now,
  );

describe("decideMovedTag", () => {
  it.each([
    ["what it should name", { found: named }, "ours"],
    [
      "what an open intent is about to make it name",
      { found: other, moves: [move({ digest: other, state: "intent" })] },
      "ours",
    ],
    ["a digest that ran there before", {}, "moved-back"],
    ["the same, which was only a candidate", { moves: [] }, "foreign"],
    ["the same, which somebody made a conflict of", { moves: [move({ state: "conflict" })] }, "foreign"],
    ["what was refused and never done", { moves: [move({ state: "refused" })] }, "foreign"],
    ["what an intent that was ended may have done", { moves: [move({ state: "refused", ended: true })] }, "ours"],
    [
      "what ran before, and may be a late write of one that was taken over",
      { moves: [move({ takenOver: true })] },
      "ours",
    ],
    ["the same, long ago", { moves: [move({ takenOver: true, createdAt: now - 86_400_000 })] }, "moved-back"],
    [
      "what ran before, and an ended intent named lately",
      { moves: [move(), move({ state: "refused", ended: true })] },
      "ours",
    ],
    ["what ran before and is in quarantine", { quarantined: new Set([old]) }, "ours"],
    ["what ran before, of which no verification is known", { passed: new Set<never>() }, "foreign"],
    ["what is none of ours", { found: other }, "foreign"],
  ] as const)("%s", (_, over, expected) => expect(decide(over)).toBe(expected));
});
