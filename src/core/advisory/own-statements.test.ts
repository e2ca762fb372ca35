import { describe, expect, it } from "vitest";
import { applyOwnStatements, type OwnStatement } from "./own-statements.ts";
import { madeFinding } from "./testdata/made.ts";
import type { Finding } from "./types.ts";

const now = Date.UTC(2026, 0, 5);
const day = 86_400_000;
const base: OwnStatement = {
  vulnerability: "CVE-2024-0001",
  package: undefined,
  image: undefined,
  status: "not_affected",
  justification: "component_not_present",
  reason: "built without it",
  author: "ada",
  at: now - day,
  until: undefined,
};
const deb = madeFinding("CVE-2024-0001", {
  package: "libssl3",
  source: "openssl",
  version: "3.0-1",
  aliases: ["DSA-1-1", "GHSA-a"],
});
const npm = madeFinding("CVE-2024-0001", { type: "npm", package: "@a/b", source: "@a/b", version: "1.0.0" });
const say = (statements: OwnStatement[], finding: Finding = deb, image: string | undefined = "web") =>
  applyOwnStatements([finding], statements, image, now)[0]?.vex;

describe("applyOwnStatements", () => {
  it.each<[Partial<OwnStatement>, boolean]>([
    [{}, true],
    [{ vulnerability: "GHSA-a" }, true],
    [{ vulnerability: "CVE-2024-0002" }, false],
    [{ package: "libssl3" }, true],
    [{ package: "openssl" }, true],
    [{ package: "libssl" }, false],
    [{ package: "pkg:deb/debian/libssl3" }, true],
    [{ package: "pkg:deb/debian/libssl3@3.0-1" }, true],
    [{ package: "pkg:deb/debian/libssl3@3.0-2" }, false],
    [{ package: "pkg:npm/libssl3" }, false],
    [{ package: "pkg:" }, false],
    [{ image: "web" }, true],
    [{ image: "api" }, false],
    [{ until: now }, false],
    [{ until: now + 1 }, true],
  ])("%o: %s", (more, expected) => expect(say([{ ...base, ...more }]) !== undefined).toBe(expected));

  it("names a scoped package by its purl", () => {
    expect(say([{ ...base, package: "pkg:npm/%40a/b" }], npm)).toMatchObject({ by: "ada" });
    expect(say([{ ...base, package: "pkg:npm/%40c/b" }], npm)).toBeUndefined();
  });

  it("says nothing of an image that is not of the fleet, where it is of one that is", () => {
    expect(applyOwnStatements([deb], [{ ...base, image: "web" }], undefined, now)[0]?.vex).toBeUndefined();
  });

  it("takes the latest, before whatever a document says", () => {
    const vex = { status: "affected", by: "a document", reason: "", since: now, until: undefined } as const;
    const later = { ...base, status: "under_investigation", justification: undefined, at: now, author: "bob" } as const;
    expect(say([base, later], { ...deb, vex })).toEqual({
      status: "under_investigation",
      by: "bob",
      reason: "built without it",
      since: now,
      until: undefined,
    });
    expect(say([], { ...deb, vex })).toBe(vex);
  });
});
