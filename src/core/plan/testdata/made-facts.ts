import * as fc from "fast-check";
import type { Digest } from "../../../lib/index.ts";
import type { PackageUpdate, PlanBase, PlanFacts, PlanHold, PlanImage, PlanPackage } from "../facts.ts";

export const now = 1_800_000_000_000;
export const policy: PlanFacts["policy"] = {
  coolDown: 3000,
  securityCoolDown: 1000,
  exempt: ["exploited", "critical", "security-suites"],
  maxRebuildsPerHour: 2,
};

export function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

/** An image that stands as its recipe says, with one inventory of its own name. */
export function madeImage(name: string, over: Partial<PlanImage> = {}): PlanImage {
  return {
    name,
    parents: [],
    bases: [],
    broken: undefined,
    securityOnly: false,
    inherited: undefined,
    recipeKey: "recipe",
    current: { digest: digest("a"), recipeKey: "recipe", inventories: [name] },
    requests: [],
    failure: undefined,
    settled: undefined,
    recent: 0,
    blocked: [],
    takesSome: false,
    ...over,
  };
}

export function madePackage(name: string, version: string, over: Partial<PlanPackage> = {}): PlanPackage {
  return { name, version, architecture: "amd64", source: sourceOf(name), ...over };
}

/** A security update that was seen just now. */
export function madeUpdate(name: string, version: string, over: Partial<PackageUpdate> = {}): PackageUpdate {
  return {
    name,
    architecture: "amd64",
    version,
    source: sourceOf(name),
    sourceVersion: version,
    origin: "debian/security",
    security: true,
    urgent: false,
    firstSeen: now,
    baseline: false,
    advisories: [],
    ...over,
  };
}

export function madeFacts(over: Partial<PlanFacts> = {}): PlanFacts {
  return { now, images: [], inventories: new Map(), updates: [], holds: [], policy, ...over };
}

/** `libssl3` and `openssl` come from `openssl`, as `q` and `r` do from one source. */
function sourceOf(name: string): string {
  return { libssl3: "openssl", q: "qr", r: "qr" }[name] ?? name;
}

const imageNames = ["a", "b", "c", "d", "e", "f"];
const versions = ["1", "2", "3", "4"];
const packageName = fc.constantFrom("p", "q", "r");
const architecture = fc.constantFrom("amd64", "arm64", "all");
const keys = ["source:new", "source:old", "person:ann:why", ...["p", "qr"].flatMap((source) => ["2", "3", "4"].map((to) => `package:${source}:${to}`))];

const update: fc.Arbitrary<PackageUpdate> = fc
  .record({
    name: packageName,
    architecture,
    version: fc.constantFrom(...versions),
    origin: fc.constantFrom("main", "extra", "security"),
    urgent: fc.boolean(),
    age: fc.constantFrom(0, 1, policy.securityCoolDown - 1, policy.securityCoolDown, policy.coolDown - 1, policy.coolDown, 2 * policy.coolDown),
    baseline: fc.integer({ max: 4, min: 0 }).map((dice) => dice === 0),
    advisories: fc.subarray(["DSA-1", "CVE-1", "CVE-2"]),
  })
  .map(({ name, version, age, origin, ...rest }) =>
    madeUpdate(name, version, { origin, security: origin === "security", firstSeen: now - age, ...rest }),
  );

const inventory: fc.Arbitrary<PlanPackage[]> = fc.uniqueArray(
  fc
    .record({ name: packageName, architecture, version: fc.constantFrom(...versions) })
    .map(({ name, version, architecture }) => madePackage(name, version, { architecture })),
  { selector: (one) => `${one.name}:${one.architecture}`, maxLength: 5 },
);

const recipe = fc.constantFrom("new", "new", "old");

const anyBase: fc.Arbitrary<PlanBase> = fc.record({
  name: fc.constantFrom("debian:12", "alpine:3"),
  from: fc.constantFrom(undefined, digest("a"), digest("b")),
  to: fc.constantFrom(digest("a"), digest("a"), digest("b")),
  firstSeen: fc.constant(now - 1),
  readyAt: fc.constantFrom(now - 1, now, now + 1),
  isBlocked: fc.constantFrom(false, false, true),
});

function image(name: string, parents: readonly string[]): fc.Arbitrary<PlanImage> {
  return fc.record({
    name: fc.constant(name),
    parents: fc.subarray([...parents], { maxLength: Math.min(3, parents.length) }),
    broken: fc.oneof({ weight: 15, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant("no Dockerfile") }),
    securityOnly: fc.constant(false),
    inherited: rarely(fc.record({ base: fc.constant("debian:12"), inventories: fc.subarray(["k0", "k1"]) })),
    bases: fc.uniqueArray(anyBase, { selector: (one) => one.name, maxLength: 2 }),
    recipeKey: fc.constant("new"),
    current: fc.oneof(
      { weight: 1, arbitrary: fc.constant(undefined) },
      {
        weight: 9,
        arbitrary: fc.record({
          digest: fc.constant(digest("b")),
          recipeKey: recipe,
          inventories: fc.subarray(["k0", "k1", "k2", "k3", "gone"], { maxLength: 2 }),
        }),
      },
    ),
    requests: fc.oneof(
      { weight: 5, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(
          fc.record({ kind: fc.constant("person" as const), who: fc.constantFrom("ann", "bob"), reason: fc.constant("why") }),
          { maxLength: 3 },
        ),
      },
    ),
    failure: rarely(
      fc.record({ at: fc.constantFrom(now - 60_000, now - 59_999), count: fc.integer({ min: 1, max: 3 }), recipeKey: recipe, causes: fc.subarray(keys) }),
    ),
    settled: rarely(fc.record({ recipeKey: recipe, causes: fc.subarray(keys) })),
    recent: fc.constantFrom(0, 0, 0, 1, 2, 3),
    takesSome: fc.boolean(),
    blocked: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.record({ name: packageName, architecture, version: fc.constantFrom("3", "4") }), { maxLength: 12 }) },
    ),
  });
}

function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const hold: fc.Arbitrary<PlanHold> = fc.record({
  image: fc.constantFrom(null, ...imageNames),
  who: fc.constantFrom("ann", "bob"),
  reason: fc.constantFrom("a freeze", "a fair"),
  until: fc.constantFrom(null, now - 1, now, now + 1, now + 2),
});

/** What each version of a package closes, as feeds tell it: mostly nothing. CVE-8 is known to be exploited, CVE-9 is critical by one weak feed, CVE-7 neither. */
const closings = fc.dictionary(
  fc.constantFrom(...["p", "q", "r"].flatMap((name) => versions.map((version) => `${name} ${version}`))),
  fc.subarray(["CVE-7", "CVE-8", "CVE-9"], { minLength: 1 }),
  { maxKeys: 3 },
);

/** The same update with what going to it closes, for each version below it: all that it and the versions between close. */
function withCloses(one: PackageUpdate, closed: Readonly<Record<string, readonly string[]>>): PackageUpdate {
  const idsOf = (from: string): string[] =>
    versions
      .filter((version) => Number(version) > Number(from) && Number(version) <= Number(one.version))
      .flatMap((version) => closed[`${one.name} ${version}`] ?? []);
  const closes = versions.flatMap((from) => {
    const ids = [...new Set(idsOf(from))].sort();
    const [exploited, urgent] = [ids.filter((id) => id === "CVE-8"), ids.filter((id) => id !== "CVE-7")];
    return ids.length === 0 ? [] : [[from, { advisories: ids, urgent, exploited, vouched: [] }] as const];
  });
  return closes.length === 0 ? one : { ...one, closes: new Map(closes) };
}

/** Small facts in which everything meets: six images in trees whose names are in no order, three packages on three architectures, two origins. */
export const anyFacts: fc.Arbitrary<PlanFacts> = fc
  .shuffledSubarray(imageNames, { minLength: 1 })
  .chain((names) =>
    fc.record({
      now: fc.constant(now),
      images: fc.tuple(...names.map((name, at) => image(name, [...names.slice(0, at), "nobody"]))),
      inventories: fc.tuple(inventory, inventory, inventory, inventory).map((all) => new Map(all.map((one, at) => [`k${at}`, one]))),
      updates: fc.uniqueArray(update, { selector: (one) => [one.origin, one.name, one.architecture, one.version].join(" "), maxLength: 8 }),
      holds: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(hold, { maxLength: 3 }) }),
      policy: fc.constant(policy),
      closed: closings,
    }),
  )
  .map(({ closed, updates, ...facts }) => ({ ...facts, updates: updates.map((one) => withCloses(one, closed)) }));
