import { describe, expect, it } from "vitest";
import type { Digest } from "../../lib/index.ts";
import { isReverificationDue } from "./judge-reverification.ts";

const digest: Digest = `sha256:${"a".repeat(64)}`;
const other: Digest = `sha256:${"b".repeat(64)}`;
const day = 86_400_000;
const last = (at: number, advisories = "1", of = digest) => ({ digest: of, at, advisories });

describe("isReverificationDue", () => {
  it.each([
    ["it came just now", 10 * day, undefined, false],
    ["it came a day ago", 9 * day, undefined, true],
    ["it was verified again lately", 0, last(10 * day - 1), false],
    ["it was verified again a day ago", 0, last(9 * day), true],
    ["advisories changed since", 0, last(10 * day - 1, "0"), true],
    ["another digest was verified again lately", 0, last(10 * day - 1, "1", other), true],
    ["another digest was verified, and it came just now", 10 * day, last(0, "0", other), false],
    ["the clock was set back", 0, last(11 * day), true],
  ])("where %s: %s %o %s", (_, since, before, expected) =>
    expect(isReverificationDue({ every: day }, { digest, since }, before, { at: 10 * day, advisories: "1" })).toBe(
      expected,
    ),
  );
});
