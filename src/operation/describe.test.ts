import { describe, expect, it } from "vitest";
import { describeCause, describeReasons } from "./index.ts";
import { cause as schema } from "./shapes.ts";

const packageCause = {
  kind: "package",
  source: "openssl",
  to: "3.0.17-1~deb12u2",
  packages: [{ name: "libssl3", architecture: "amd64", from: "3.0.16-1", to: "3.0.17-1~deb12u2" }],
  origin: "bookworm-security",
  firstSeen: Date.UTC(2026, 0, 2),
  security: true,
  advisories: ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3", "CVE-2026-4"],
} as const;

describe("describeCause", () => {
  it("says what came, from where, and what hangs on it", () => {
    const view = describeCause({ ...packageCause, confirmed: ["CVE-2026-1"] });
    expect(view.summary).toBe(
      "openssl 3.0.16-1 → 3.0.17-1~deb12u2 from bookworm-security (CVE-2026-1, CVE-2026-2, CVE-2026-3 and 1 more)",
    );
    expect(view).toMatchObject({ firstSeen: "2026-01-02T00:00:00.000Z", advisories: [{ source: "feed" }, {}, {}, {}] });
    const sources = view.kind === "package" ? view.advisories.map(({ source }) => source) : [];
    expect(sources).toEqual(["feed", "changelog", "changelog", "changelog"]);
  });

  it.each([
    [packageCause],
    [{ kind: "parent", image: "base", digest: undefined }],
    [{ kind: "source", from: undefined, to: "abc" }],
    [{ kind: "schedule", at: 0 }],
    [{ kind: "person", who: "ada", reason: "drill" }],
  ] as const)("keeps to the contract: $kind", (cause) => {
    expect(schema.parse(describeCause(cause))).toEqual(describeCause(cause));
  });
});

describe("describeReasons", () => {
  it("names two and counts the rest", () => {
    const causes = ["a", "b", "c"].map((image) => describeCause({ kind: "parent", image, digest: undefined }));
    expect(describeReasons(causes)).toBe("a is rebuilt; b is rebuilt; and 1 more");
    expect(describeReasons(causes.slice(0, 1))).toBe("a is rebuilt");
  });
});
