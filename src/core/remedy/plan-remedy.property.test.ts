import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Finding } from "../advisory/index.ts";
import { planRemedy, startsRebuild } from "./plan-remedy.ts";
import { anyCase, now, type Case, type Level } from "./testdata/made-remedy.ts";

const runs = { numRuns: 3000 };
const distros = new Set(["deb", "apk", "rpm"]);

/** What the design says, looked up plainly: which images of the lineage a rebuild of which would bring a cured version. */
class Oracle {
  readonly one: Case;
  readonly isDistro: boolean;

  constructor(one: Case) {
    this.one = one;
    this.isDistro = distros.has(one.finding.type);
  }

  isCured(version: string | undefined): boolean {
    if (version === undefined) return true;
    return this.one.facts.judge(this.one.finding, { version, sourceVersion: version }) === "clear";
  }

  /** Versions that a rebuild of a level would take from where its packages come from. */
  brings({ offers }: Level): string[] {
    const { fixed } = this.one.finding;
    if (offers.kind === "not-asked") return fixed === undefined ? [] : [fixed];
    const ready = offers.versions.filter(({ isWaiting }) => !isWaiting).map(({ version }) => Number(version));
    const waiting = offers.versions.filter(({ isWaiting }) => isWaiting).map(({ version }) => Number(version));
    return [ready, waiting].flatMap((some) => (some.length === 0 ? [] : [`${Math.max(...some)}`]));
  }

  /** Images that the package came from or through, from the finding's own down. */
  way(): number[] {
    const way = [0];
    for (let at = 0; ; at += 1) {
      const [here, below] = [this.one.levels[at], this.one.levels[at + 1]];
      if (here?.inherits !== true || below === undefined) return way;
      if (this.isCured(below.held)) return way;
      way.push(at + 1);
    }
  }

  cures(at: number): boolean {
    const { levels, base } = this.one;
    const here = levels[at];
    if (here === undefined) return false;
    const isOffered = this.isDistro && this.brings(here).some((version) => this.isCured(version));
    if (!here.inherits) return isOffered;
    const below = levels[at + 1];
    if (below !== undefined) {
      if (this.isCured(below.held)) return true;
    } else if (base.kind === "others" && base.moved?.find !== undefined) {
      const place = { type: "deb", name: "libssl3", architecture: "amd64", layer: undefined } as const;
      if (this.isCured(base.moved.find(place)?.version)) return true;
    } else if (base.kind === "unknown" && isOffered) return true;
    const isPatched = here.recipe === "upstream" && here.patches !== "none";
    return (isPatched || here.renews) && isOffered;
  }

  /** The lowest that cures. */
  lowest(): number | undefined {
    return this.way().findLast((at) => this.cures(at));
  }
}

/** The same finding, of which nobody said anything. */
function unsaid(finding: Finding): Finding {
  const { vex: _, ...rest } = finding;
  return rest;
}

describe("planRemedy, over made-up lineages", () => {
  it("gives every finding one remedy, and always the same", () => {
    fc.assert(
      fc.property(anyCase, ({ finding, facts }) => {
        const remedy = planRemedy(finding, facts);
        expect(planRemedy(finding, facts)).toEqual(remedy);
        const kinds = ["rebase", "rebuild", "patch", "bump-source", "wait-upstream", "replace-base", "accepted"];
        expect(kinds).toContain(remedy.kind);
      }),
      runs,
    );
  });

  it("takes a rebuild where one cures, at the lowest image that does, and nowhere else", () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const { facts } = one;
        const remedy = planRemedy(unsaid(one.finding), facts);
        const oracle = new Oracle(one);
        const at = oracle.lowest();
        const owner = oracle.way().at(-1) ?? 0;
        const mayBump = !oracle.isDistro && one.levels[owner]?.inherits === false;
        if (mayBump && facts.sourceCure(one.finding).kind === "bump") {
          expect(remedy).toMatchObject({ kind: "bump-source", image: `image${owner}` });
        } else if (at === undefined) {
          expect(startsRebuild(remedy)).toBe(false);
        } else {
          expect(startsRebuild(remedy)).toBe(true);
          expect(remedy).toMatchObject({ image: `image${at}` });
        }
      }),
      runs,
    );
  });

  it("offers no version that is touched, or of which nothing is certain", () => {
    fc.assert(
      fc.property(anyCase, (one) => {
        const remedy = planRemedy(one.finding, one.facts);
        if (!startsRebuild(remedy) || !("offered" in remedy)) return;
        expect(new Oracle(one).isCured(remedy.offered.version)).toBe(true);
      }),
      runs,
    );
  });

  it("stands on what a person said, until that expires", () => {
    fc.assert(
      fc.property(anyCase, ({ finding, facts }) => {
        const { vex } = finding;
        const remedy = planRemedy(finding, facts);
        if (vex !== undefined && (vex.until === undefined || vex.until > now))
          expect(remedy).toEqual({ kind: "accepted", by: vex.by, reason: vex.reason, until: vex.until });
        else expect(remedy).toEqual(planRemedy(unsaid(finding), facts));
        const open = {
          ...finding,
          vex: { status: "affected", by: "ann", reason: "", since: undefined, until: undefined },
        } as const;
        expect(planRemedy(open, facts)).toEqual(planRemedy(unsaid(finding), facts));
      }),
      runs,
    );
  });

  it("leaves a language's package to its source, and a distribution's to its suites", () => {
    fc.assert(
      fc.property(anyCase, ({ finding, facts }) => {
        const remedy = planRemedy(unsaid(finding), facts);
        if (distros.has(finding.type)) expect(remedy.kind).not.toBe("bump-source");
        else expect(["patch", "replace-base"]).not.toContain(remedy.kind);
      }),
      runs,
    );
  });
});
