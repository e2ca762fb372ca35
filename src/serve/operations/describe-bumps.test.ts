import { describe, expect, it } from "vitest";
import type { BumpProposal } from "../../core/bump/index.ts";
import type { Bump } from "../../io/store/index.ts";
import type { PackageDifferenceView } from "../../operation/index.ts";
import { describeBumps } from "./describe-bumps.ts";

const closes = [
  { id: "CVE-1", image: "web", severity: "high", exploited: true },
  { id: "CVE-1", image: "jobs", severity: "high", exploited: true },
] as const;
const merged: BumpProposal = {
  url: "https://forge.example/1",
  moves: [{ from: "2.0.0", to: "2.0.1" }],
  closes,
  openedAt: "2026-03-01T00:00:00.000Z",
  endedAt: "2026-03-02T00:00:00.000Z",
  end: "merged",
};
const open: BumpProposal = {
  ...merged,
  url: "https://forge.example/2",
  openedAt: "2026-03-03T00:00:00.000Z",
  endedAt: null,
  end: null,
};
const bump = (...proposals: readonly BumpProposal[]): Bump =>
  ({
    type: "pypi",
    package: "Jinja_2",
    repository: "https://forge.example/shop",
    file: "uv.lock",
    state: "proposed",
    proposals,
  }) as unknown as Bump;
const change = (from: string | null): PackageDifferenceView =>
  ({ type: "pypi", name: "jinja-2", from, to: "2.0.1" }) as unknown as PackageDifferenceView;

describe("the changes of a source that a digest knows", () => {
  const urls = (bumps: readonly Bump[], packages: readonly PackageDifferenceView[], isCurrent: boolean) =>
    describeBumps("web", bumps, packages, isCurrent).map(({ url, brought }) => [url, brought]);

  it.each<[string, readonly PackageDifferenceView[], boolean, unknown[]]>([
    [
      "what brought its version, and what waits",
      [change("2.0.0")],
      true,
      [
        [open.url, false],
        [merged.url, true],
      ],
    ],
    ["only what brought its version, where it is an old one", [change("2.0.0")], false, [[merged.url, true]]],
    ["only what waits, where it has no other version", [change("1.0.0"), change(null)], true, [[open.url, false]]],
  ])("are %s", (_, packages, isCurrent, expected) => {
    expect(urls([bump(merged, open)], packages, isCurrent)).toEqual(expected);
  });

  it("close the findings of this image", () => {
    expect(describeBumps("web", [bump(merged)], [change("2.0.0")], true)).toMatchObject([
      {
        openedAt: merged.openedAt,
        endedAt: merged.endedAt,
        end: "merged",
        closes: [{ id: "CVE-1", severity: "high", exploited: true }],
      },
    ]);
  });
});
