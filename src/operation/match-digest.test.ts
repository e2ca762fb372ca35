import { describe, expect, it } from "vitest";
import type { Digest } from "../lib/index.ts";
import { matchDigest } from "./index.ts";

const digests = ["aaaa11", "aaaa22", "bbbb33"].map((start): Digest => `sha256:${start.padEnd(64, "0")}`);

describe("matchDigest", () => {
  it.each([["bbbb33"], ["sha256:bbbb33"], [digests[2] ?? ""]])("%s is the third", (text) => {
    expect(matchDigest(text, digests, "web")).toBe(digests[2]);
  });
  it("takes the same digest twice as one", () => {
    expect(matchDigest("bbbb33", [...digests, ...digests], "web")).toBe(digests[2]);
  });
  it.each([
    ["aaaa", "BAD_INPUT"],
    ["cccccc", "NOT_FOUND"],
  ])("%s is %s", (text, code) => {
    expect(() => matchDigest(text, digests, "web")).toThrow(expect.objectContaining({ code }));
  });
});
