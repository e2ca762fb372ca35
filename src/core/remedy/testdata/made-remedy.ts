import * as fc from "fast-check";
import type { Finding } from "../../advisory/index.ts";
import type { Digest } from "../../../lib/index.ts";
import type { MovedBase, PackageOffers, RemedyBase, RemedyFacts, RemedyImage } from "../facts.ts";

export const now = 1_800_000_000_000;
const day = 86_400_000;

export function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

/** The layer that image number `at` of a lineage adds. */
export function layerOf(at: number): Digest {
  return digest(`${at}`);
}

export function madeFinding(over: Partial<Finding> = {}): Finding {
  return {
    id: "CVE-2099-0001",
    aliases: [],
    upstream: [],
    package: "libssl3",
    type: "deb",
    architecture: "amd64",
    source: "openssl",
    version: "1",
    state: "affected",
    fixed: "3",
    published: now - 30 * day,
    summary: "",
    layer: layerOf(0),
    ...over,
  };
}

/** An image that stands on nothing and has no offers; its own layers brought everything. */
export function madeImage(name: string, over: Partial<RemedyImage> = {}): RemedyImage {
  return {
    name,
    recipe: "packages",
    base: { kind: "none" },
    inherits: () => false,
    renews: () => false,
    mayRebase: false,
    patches: "none",
    find: () => undefined,
    offers: () => ({ kind: "asked", versions: [] }),
    ...over,
  };
}

/** What suites offer: versions from the newest on, each whether it waits. */
export function offersOf(...versions: readonly (readonly [version: string, isWaiting?: boolean])[]): PackageOffers {
  return {
    kind: "asked",
    versions: versions.map(([version, isWaiting = false]) => ({
      version,
      sourceVersion: version,
      from: "debian/security",
      since: now - day,
      isWaiting,
    })),
  };
}

/** Facts of one vulnerability that is cured from version `fixed` on; versions are whole numbers here, and 0 is one that nobody can compare. */
export function madeFacts(lineage: RemedyFacts["lineage"], fixed = 3, over: Partial<RemedyFacts> = {}): RemedyFacts {
  return {
    now,
    lineage,
    judge: (_, { sourceVersion }) =>
      sourceVersion === "0" ? "unknown" : Number(sourceVersion) >= fixed ? "clear" : "affected",
    support: {
      kind: "supported",
      release: { product: "Debian", version: "12", codename: "bookworm" },
      until: now + 400 * day,
      successor: { product: "Debian", version: "13", codename: "trixie" },
    },
    sourceCure: () => ({ kind: "none", reason: "no version of it that cures it is known" }),
    ...over,
  };
}

const version = fc.constantFrom("0", "1", "2", "3", "4");

const anyOffers: fc.Arbitrary<PackageOffers> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ kind: "not-asked" as const }) },
  {
    weight: 5,
    arbitrary: fc
      .uniqueArray(fc.tuple(version, fc.boolean()), { selector: ([one]) => one, maxLength: 3 })
      .map((all) => offersOf(...all.toSorted(([a], [b]) => Number(b) - Number(a)))),
  },
);

const anyMoved: fc.Arbitrary<MovedBase | undefined> = fc.option(
  fc.option(fc.option(version, { nil: undefined }), { nil: null }).map((held) => ({
    digest: digest("e"),
    since: now - day,
    find: held === null ? undefined : () => (held === undefined ? undefined : { version: held, sourceVersion: held }),
  })),
  { nil: undefined },
);

/** What one image of a lineage is made up of. */
export interface Level {
  readonly recipe: RemedyImage["recipe"];
  readonly offers: PackageOffers;
  readonly renews: boolean;
  readonly mayRebase: boolean;
  readonly patches: RemedyImage["patches"];
  /** What it holds now; undefined where it is gone there. The image that the finding is in holds version 1. */
  readonly held: string | undefined;
  /** Whether the package came with what it stands on. */
  readonly inherits: boolean;
}

const level: fc.Arbitrary<Level> = fc.record({
  recipe: fc.constantFrom("packages", "dockerfile", "upstream", "external", "unknown"),
  offers: anyOffers,
  renews: fc.boolean(),
  mayRebase: fc.boolean(),
  patches: fc.constantFrom("none", "security", "all"),
  held: fc.option(version, { nil: undefined, freq: 6 }),
  inherits: fc.boolean(),
});

const bottom: fc.Arbitrary<RemedyBase> = fc.oneof(
  fc.constant({ kind: "none" as const }),
  fc.constant({ kind: "unknown" as const }),
  anyMoved.map((moved) => ({ kind: "others" as const, name: "docker.io/library/debian:12", moved })),
);

/** A lineage of up to four images, what is made up of each, and a finding in the first. */
export interface Case {
  readonly finding: Finding;
  readonly levels: readonly Level[];
  readonly base: RemedyBase;
  readonly facts: RemedyFacts;
}

export const anyCase: fc.Arbitrary<Case> = fc
  .record({
    levels: fc.array(level, { minLength: 1, maxLength: 4 }),
    base: bottom,
    type: fc.constantFrom("deb", "deb", "deb", "apk", "rpm", "npm", "pypi", "golang", "maven"),
    fixed: fc.constantFrom(2, 3, 4, 5),
    knownFix: fc.boolean(),
    judgement: fc.option(fc.constantFrom("no-dsa", "ignored", "end-of-life", "undetermined"), { nil: undefined, freq: 2 }),
    isEnded: fc.boolean(),
    accepted: fc.option(fc.constantFrom(undefined, now - 1, now, now + 1), { nil: null, freq: 2 }),
    bump: fc.boolean(),
    published: fc.option(fc.constant(now - day), { nil: undefined }),
  })
  .map(({ levels, base, type, fixed, knownFix, judgement, isEnded, accepted, bump, published }): Case => {
    const images = levels.map((one, at): RemedyImage => ({
      name: `image${at}`,
      recipe: one.recipe,
      base: at + 1 < levels.length ? { kind: "own", digest: digest("d"), since: now - day } : base,
      inherits: () => one.inherits,
      renews: () => one.renews,
      mayRebase: one.mayRebase,
      patches: one.patches,
      find: (place) =>
        one.held === undefined
          ? undefined
          : { ...place, version: one.held, sourceVersion: one.held, layer: layerOf(at) },
      offers: () => one.offers,
    }));
    const [first = madeImage("image0"), ...others] = images;
    const finding = madeFinding({
      type,
      fixed: knownFix ? `${fixed}` : undefined,
      published,
      ...(judgement === undefined ? {} : { judgement }),
      ...(accepted === null
        ? {}
        : { vex: { status: "not_affected", by: "ann", reason: "not reachable", since: undefined, until: accepted } }),
    });
    const facts = madeFacts([first, ...others], fixed, {
      sourceCure: () =>
        bump
          ? { kind: "bump", version: `${fixed}`, from: finding.id, since: undefined, file: "package.json", dependants: [], isCompatible: undefined }
          : { kind: "none", reason: "no version cures it" },
      ...(isEnded
        ? { support: { kind: "ended", release: { product: "Debian", version: "9", codename: "stretch" }, since: now - day, successor: undefined } }
        : {}),
    });
    return { finding, levels, base, facts };
  });
