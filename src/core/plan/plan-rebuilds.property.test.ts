import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PackageUpdate, Plan, PlanBase, PlanFacts, PlanImage, PlannedRebuild } from "./facts.ts";
import { planRebuilds } from "./plan-rebuilds.ts";
import { anyFacts, madeUpdate, now, policy } from "./testdata/made-facts.ts";

const minute = 60_000;

function rebuildsOf(plan: Plan): PlannedRebuild[] {
  return plan.waves.flat();
}

function imageOf(facts: PlanFacts, name: string): PlanImage {
  return facts.images.find((one) => one.name === name) ?? expect.fail(`no image ${name}`);
}

/** What the design says of one image, in as many words: looks at everything, remembers nothing. Versions are whole numbers here. */
class Oracle {
  readonly facts: PlanFacts;

  constructor(facts: PlanFacts) {
    this.facts = facts;
  }

  isReady({ security, baseline, urgent, firstSeen }: PackageUpdate): boolean {
    return security || baseline || urgent || this.facts.now - firstSeen >= this.facts.policy.coolDown;
  }

  /** For what an update may go in before its ordinary cool-down has ended. */
  hurries({ closes, firstSeen }: PackageUpdate, from: string): readonly string[] {
    const closed = closes?.get(from);
    const isShort = this.facts.now - firstSeen >= this.facts.policy.securityCoolDown;
    return (isShort ? closed?.advisories : closed?.exploited) ?? [];
  }

  /** Of every package the version that may go in now: the newest that need not wait, or the lowest above it that closes most of what it may hurry for and that one leaves open. */
  updatesOf(image: PlanImage): PackageUpdate[] {
    const packages = (image.current?.inventories ?? []).flatMap((key) => this.facts.inventories.get(key) ?? []);
    return packages.flatMap((one) => {
      const newer = this.facts.updates.filter(
        (update) =>
          update.name === one.name &&
          update.architecture === one.architecture &&
          Number(update.version) > Number(one.version) &&
          !(image.takesSome && this.isBlocked(image, update)),
      );
      const newest = Math.max(
        0,
        ...newer.filter((update) => this.isReady(update)).map(({ version }) => Number(version)),
      );
      const left = (version: number): number => {
        const all = newer
          .filter((update) => Number(update.version) > newest)
          .flatMap((update) => this.hurries(update, one.version));
        const at = newer.filter((update) => Number(update.version) === version);
        const closed = at.flatMap((update) =>
          version === newest ? (update.closes?.get(one.version)?.advisories ?? []) : this.hurries(update, one.version),
        );
        return new Set(all.filter((id) => !closed.includes(id))).size;
      };
      const later = newer.map(({ version }) => Number(version)).filter((version) => version > newest);
      const least = Math.min(left(newest), ...later.map(left));
      const chosen = left(newest) === least ? newest : Math.min(...later.filter((version) => left(version) === least));
      return newer.filter(({ version }) => Number(version) === chosen).slice(0, 1);
    });
  }

  isOpen({ readyAt, isBlocked }: PlanBase): boolean {
    return readyAt <= now && isBlocked !== true;
  }

  isBlocked(image: PlanImage, update: PackageUpdate): boolean {
    const keyOf = (one: PlanImage["blocked"][number]): string => `${one.name}:${one.architecture}:${one.version}`;
    return image.blocked.some((one) => keyOf(one) === keyOf(update));
  }

  causesOf(image: PlanImage): Set<string> {
    const causes = new Set(this.updatesOf(image).map((one) => `package:${one.source}:${one.sourceVersion}`));
    if (image.current?.recipeKey !== image.recipeKey) causes.add(`source:${image.recipeKey}`);
    for (const { who, reason } of image.requests) causes.add(`person:${who}:${reason}`);
    for (const name of image.parents) if (this.fateOf(name) === "rebuild") causes.add(`parent:${name}`);
    for (const base of image.bases)
      if (image.current !== undefined && base.from !== base.to && (base.from === undefined || this.isOpen(base)))
        causes.add(`base:${base.name}:${base.to}`);
    return causes;
  }

  fateOf(
    name: string,
  ): "rebuild" | "untouched" | "source" | "cool-down" | "hold" | "parent" | "quarantine" | "breaker" | "backoff" {
    const image = this.facts.images.find((one) => one.name === name);
    if (image === undefined) return "untouched";
    const causes = this.causesOf(image);
    const asked = image.requests.length > 0;
    const isKnown = (known: { readonly recipeKey: string; readonly causes: readonly string[] } | undefined): boolean =>
      known !== undefined &&
      known.recipeKey === image.recipeKey &&
      [...causes].every((key) => known.causes.includes(key));
    if (image.broken !== undefined) return "source";
    if (causes.size === 0) {
      if (this.isAnyNewer(image, (update) => !(image.takesSome && this.isBlocked(image, update)))) return "cool-down";
      const isBarred = image.bases.some(
        ({ from, to, isBlocked }) => isBlocked === true && from !== undefined && from !== to,
      );
      if (isBarred && image.current !== undefined) return "quarantine";
      return this.isAnyNewer(image, () => true) ? "quarantine" : "untouched";
    }
    if (isKnown(image.settled) && !asked) return "untouched";
    const { holds } = this.facts;
    if (holds.some((one) => (one.image === null || one.image === name) && (one.until === null || one.until > now)))
      return "hold";
    const fates = image.parents.map((parent) => this.fateOf(parent));
    const isStopped = image.parents.some((parent, at) => {
      const fate = fates[at];
      const above = this.facts.images.find((one) => one.name === parent);
      const takesSome = above?.takesSome === true || (above !== undefined && this.causesOf(above).size === 0);
      return !(
        fate === "rebuild" ||
        fate === "untouched" ||
        fate === "cool-down" ||
        (fate === "quarantine" && takesSome)
      );
    });
    if (isStopped) return "parent";
    if (asked) return "rebuild";
    if (this.updatesOf(image).some((update) => this.isBlocked(image, update))) return "quarantine";
    if (image.recent >= policy.maxRebuildsPerHour) return "breaker";
    const { failure } = image;
    const isKeptOut =
      image.takesSome &&
      failure !== undefined &&
      this.facts.updates.some(
        (update) =>
          this.isBlocked(image, update) &&
          this.hasNewer(image, (one) => one === update) &&
          !this.isOvertaken(update, causes) &&
          !causes.has(`package:${update.source}:${update.sourceVersion}`) &&
          failure.causes.includes(`package:${update.source}:${update.sourceVersion}`),
      );
    if (failure !== undefined && isKnown(failure) && !isKeptOut && now < failure.at + minute * 2 ** (failure.count - 1))
      return "backoff";
    return "rebuild";
  }

  /** Whether a version above it goes: then keeping it out changes nothing. */
  isOvertaken(update: PackageUpdate, causes: ReadonlySet<string>): boolean {
    return this.facts.updates.some(
      ({ name, architecture, version, source, sourceVersion }) =>
        name === update.name &&
        architecture === update.architecture &&
        Number(version) > Number(update.version) &&
        causes.has(`package:${source}:${sourceVersion}`),
    );
  }

  isAnyNewer(image: PlanImage, counts: (update: PackageUpdate) => boolean): boolean {
    const isMoved = image.bases.some(
      ({ from, to, readyAt, isBlocked }) => from !== undefined && from !== to && readyAt > now && isBlocked !== true,
    );
    return (isMoved && image.current !== undefined) || this.hasNewer(image, counts);
  }

  hasNewer(image: PlanImage, counts: (update: PackageUpdate) => boolean): boolean {
    const packages = (image.current?.inventories ?? []).flatMap((key) => this.facts.inventories.get(key) ?? []);
    return packages.some((one) =>
      this.facts.updates.some(
        (update) =>
          update.name === one.name &&
          update.architecture === one.architecture &&
          Number(update.version) > Number(one.version) &&
          counts(update),
      ),
    );
  }
}

const runs = { numRuns: 1500 };

describe("planRebuilds, over made-up fleets", () => {
  it("rebuilds, holds and leaves alone exactly what the rules say, each image once", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const plan = planRebuilds(facts);
        const oracle = new Oracle(facts);
        const fates = [
          ...rebuildsOf(plan).map(({ image }) => `${image}: rebuild`),
          ...plan.held.map(({ image, kind }) => `${image}: ${kind}`),
          ...plan.untouched.map(({ image }) => `${image}: untouched`),
        ];
        const expected = facts.images.map(({ name }) => `${name}: ${oracle.fateOf(name)}`);
        expect(fates.sort()).toEqual(expected.sort());
      }),
      runs,
    );
  });

  it("names every cause, and each once", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const oracle = new Oracle(facts);
        for (const { image, causes } of rebuildsOf(planRebuilds(facts))) {
          const keys = causes.map(({ key, cause }) => (cause.kind === "parent" ? `parent:${cause.image}` : key));
          expect(keys.length).toBeGreaterThan(0);
          expect(new Set(causes.map(({ key }) => key)).size).toBe(causes.length);
          expect(keys.sort()).toEqual([...oracle.causesOf(imageOf(facts, image))].sort());
          const packages = causes.flatMap(({ cause }) =>
            cause.kind === "package" ? [`${cause.source} ${cause.to}`] : [],
          );
          expect(new Set(packages).size).toBe(packages.length);
        }
      }),
      runs,
    );
  });

  it("brings parents in the wave before their children", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { waves } = planRebuilds(facts);
        const waveOf = new Map(waves.flatMap((wave, at) => wave.map(({ image }) => [image, at] as const)));
        for (const wave of waves) expect(wave.length).toBeGreaterThan(0);
        for (const { image, parents } of waves.flat()) {
          const above = imageOf(facts, image).parents.filter((name) => waveOf.has(name));
          expect(parents).toEqual(above);
          expect(waveOf.get(image)).toBe(Math.max(-1, ...above.map((name) => waveOf.get(name) ?? NaN)) + 1);
        }
      }),
      runs,
    );
  });

  it("is the same whatever the order of the facts", () => {
    const shuffled = anyFacts.chain((facts) => {
      const mix = <T>(list: readonly T[]): fc.Arbitrary<T[]> =>
        fc.shuffledSubarray([...list], { minLength: list.length });
      return fc.record({
        facts: fc.constant(facts),
        images: mix(facts.images),
        updates: mix(facts.updates),
        holds: mix(facts.holds),
        inventories: mix([...facts.inventories]).map(
          (list) => new Map(list.map(([key, all]) => [key, all.toReversed()])),
        ),
      });
    });
    fc.assert(
      fc.property(shuffled, ({ facts, images, updates, holds, inventories }) => {
        const turned = images.map((image) => ({
          ...image,
          requests: image.requests.toReversed(),
          blocked: image.blocked.toReversed(),
          current: image.current && { ...image.current, inventories: image.current.inventories.toReversed() },
        }));
        expect(planRebuilds({ ...facts, images: turned, updates, holds, inventories })).toEqual(planRebuilds(facts));
      }),
      runs,
    );
  });

  it("lets no update in before its time, and holds each one back once, at a version that the build may take", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const oracle = new Oracle(facts);
        for (const { causes, holdBack, image } of rebuildsOf(planRebuilds(facts))) {
          const updates = [
            ...facts.updates.filter((one) => oracle.isReady(one)),
            ...oracle.updatesOf(imageOf(facts, image)),
          ];
          const isReady = (name: string, architecture: string, version: string | undefined): boolean =>
            updates.some((one) => one.name === name && one.architecture === architecture && one.version === version);
          const taken = causes.flatMap(({ cause }) => (cause.kind === "package" ? cause.packages : []));
          for (const { name, architecture, to } of taken) expect(isReady(name, architecture, to)).toBe(true);

          const ids = holdBack.map(({ name, architecture }) => `${name}:${architecture}`);
          expect(new Set(ids).size).toBe(ids.length);
          const packages = imageOf(facts, image).current?.inventories.flatMap(
            (key) => facts.inventories.get(key) ?? [],
          );
          for (const { name, architecture, from, to } of holdBack) {
            expect(Number(to)).toBeGreaterThan(Number(from));
            const has = packages?.some(
              (one) => one.name === name && one.architecture === architecture && one.version === from,
            );
            expect(has === true || isReady(name, architecture, from)).toBe(true);
            for (const one of taken)
              if (one.name === name && one.architecture === architecture)
                expect(Number(from)).toBeGreaterThanOrEqual(Number(one.to));
          }
        }
      }),
      runs,
    );
  });

  it("says until when the first waiting update waits: then it goes, and not a millisecond sooner", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        for (const { image, kind, until } of planRebuilds(facts).held) {
          if (kind !== "cool-down") continue;
          const alone = (at: number) =>
            planRebuilds({ ...facts, now: at, images: [{ ...imageOf(facts, image), parents: [] }], holds: [] });
          expect(until).toBeGreaterThan(now);
          expect(alone((until ?? 0) - 1).held).toMatchObject([{ image, kind: "cool-down" }]);
          expect(alone(until ?? 0).held.filter((one) => one.kind === "cool-down")).toEqual([]);
        }
      }),
      runs,
    );
  });

  it("needs no other rebuild for causes that changed nothing, until there is another cause", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const rebuilds = new Map(rebuildsOf(planRebuilds(facts)).map((one) => [one.image, one]));
        const images = facts.images.map((image) => {
          const made = rebuilds.get(image.name);
          if (made === undefined) return image;
          return {
            ...image,
            requests: [],
            settled: { recipeKey: made.recipeKey, causes: made.causes.map(({ key }) => key) },
          };
        });
        const again = planRebuilds({ ...facts, images });
        expect(rebuildsOf(again).filter(({ image }) => rebuilds.has(image))).toEqual([]);

        const newer = ["amd64", "arm64", "all"].flatMap((architecture) =>
          ["p", "q", "r"].map((name) => madeUpdate(name, "9", { architecture })),
        );
        const after = planRebuilds({ ...facts, images, updates: [...facts.updates, ...newer] });
        const touched = new Set(after.untouched.map(({ image }) => image));
        for (const image of images) {
          const holds = image.current?.inventories.some((key) => (facts.inventories.get(key)?.length ?? 0) > 0);
          if (holds === true) expect(touched.has(image.name)).toBe(false);
        }
      }),
      runs,
    );
  });

  it("tries what failed again after a pause that doubles, up to six hours, and at once when the recipe changes", () => {
    const unasked = anyFacts.map((facts) => ({
      ...facts,
      images: facts.images.map((image) => ({ ...image, requests: [] })),
    }));
    fc.assert(
      fc.property(unasked, fc.integer({ min: 1, max: 60 }), (facts, count) => {
        const rebuilds = new Map(rebuildsOf(planRebuilds(facts)).map((one) => [one.image, one]));
        const failed = (image: PlanImage, recipeKey: string): PlanImage => {
          const made = rebuilds.get(image.name);
          if (made === undefined) return image;
          return { ...image, failure: { at: now, count, recipeKey, causes: made.causes.map(({ key }) => key) } };
        };
        const images = facts.images.map((image) => failed(image, image.recipeKey));
        const until = now + Math.min(360 * minute, minute * 2 ** (count - 1));
        const paused = planRebuilds({ ...facts, images });
        expect(rebuildsOf(paused).filter(({ image }) => rebuilds.has(image))).toEqual([]);
        for (const one of paused.held) {
          const causes = rebuilds.get(one.image)?.causes ?? [];
          if (causes.some(({ cause }) => cause.kind === "package" || cause.kind === "source"))
            expect(["backoff", "parent"]).toContain(one.kind);
          if (causes.length > 0 && one.kind === "backoff") expect(one.until).toBe(until);
        }
        for (const { image, kind } of planRebuilds({ ...facts, images, now: until }).held)
          if (rebuilds.has(image)) expect(kind).not.toBe("backoff");
        const changed = facts.images.map((image) => failed(image, "another"));
        const names = (plan: Plan) => rebuildsOf(plan).map(({ image }) => image);
        expect(names(planRebuilds({ ...facts, images: changed }))).toEqual(names(planRebuilds(facts)));
      }),
      runs,
    );
  });
});
