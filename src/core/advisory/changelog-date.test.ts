import { describe, expect, it } from "vitest";
import { changelogDate } from "./changelog-date.ts";

const text = `openssl (3.0-2) bookworm-security; urgency=high

  * Fix (3.0-1) for real.

 -- A Person <a@example.invalid>  Sun, 04 Jan 2026 10:00:00 +0100

openssl (3.0-1) unstable; urgency=medium

  * New.

 -- A <Person> <a@example.invalid>  not a date

`;

describe("changelogDate", () => {
  it.each([
    ["3.0-2", Date.UTC(2026, 0, 4, 9)],
    ["3.0-1", undefined],
    ["3.0", undefined],
  ])("of %s is %s", (version, at) => expect(changelogDate(text, version)).toBe(at));

  it("is unknown where the text ends before it, or is none", () => {
    expect(changelogDate(text.slice(0, 80), "3.0-2")).toBeUndefined();
    expect(changelogDate("", "")).toBeUndefined();
  });
});
