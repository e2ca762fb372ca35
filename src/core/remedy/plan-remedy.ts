import type { Finding } from "../advisory/index.ts";
import { describeSupport, nameRelease } from "../base/index.ts";
import type { PackageType } from "../inventory/index.ts";
import type { Instant } from "../../lib/index.ts";
import {
  judgementWords,
  type OfferedVersion,
  type PackagePlace,
  type RemedyFacts,
  type RemedyImage,
  type VersionWord,
} from "./facts.ts";
import { placeOf } from "./find-package.ts";
import type { Offered, Remedy } from "./types.ts";

/** What is cured by the distribution that an image is made of; anything else by who wrote the image. */
const ofDistributions: ReadonlySet<PackageType> = new Set(["deb", "apk", "rpm"]);

export function isOfDistribution(type: PackageType): boolean {
  return ofDistributions.has(type);
}

/**
 * The remedy of a finding: what a person decided, else the cheapest deed at the lowest image of its lineage that brings a version which the same vulnerability is known not to touch, else why
 * nothing does. A version of which nothing is certain cures nothing. The same facts give the same remedy.
 */
export function planRemedy(finding: Finding, facts: RemedyFacts): Remedy {
  const accepted = acceptedBy(finding, facts.now);
  if (accepted !== undefined) return accepted;
  const outcome = cureIn(facts.lineage, placeOf(finding), finding, facts);
  if (outcome.kind === "cure") return outcome.remedy;
  return withoutCure(finding, outcome, facts);
}

/** What a VEX statement that stands says: somebody looked, and it needs no cure. */
function acceptedBy({ vex }: Finding, now: Instant): Remedy | undefined {
  if (vex?.status !== "not_affected" && vex?.status !== "fixed") return undefined;
  if (vex.until !== undefined && vex.until <= now) return undefined;
  const { by, reason, since, until } = vex;
  return { kind: "accepted", by, reason, ...(since === undefined ? {} : { since }), until };
}

/** Whether carrying out a remedy takes a rebuild of its image, which Tidemill does by itself. */
export function startsRebuild({ kind }: Remedy): boolean {
  return kind === "rebase" || kind === "rebuild" || kind === "patch";
}

type Lineage = RemedyFacts["lineage"];

type Outcome =
  | { readonly kind: "cure"; readonly remedy: Remedy }
  | {
      readonly kind: "nothing";
      /** The lowest image that owns the package. */
      readonly image: string;
      /** What is waited for, where that is more than a version that cures. */
      readonly reason: string | undefined;
      readonly since: Instant | undefined;
    };

/** The cure that an image, or one that it stands on, gives. */
function cureIn(lineage: Lineage, place: PackagePlace, finding: Finding, facts: RemedyFacts): Outcome {
  const [image] = lineage;
  if (!image.inherits(place)) return cureOwn(image, place, finding, facts);
  const below = cureBelow(lineage, place, finding, facts);
  if (below.kind === "cure") return below;
  return cureInherited(image, place, finding, facts) ?? below;
}

/** A package that an image's own layers brought. */
function cureOwn(image: RemedyImage, place: PackagePlace, finding: Finding, facts: RemedyFacts): Outcome {
  if (!isOfDistribution(finding.type)) return cureSource(image, finding, facts);
  const offered = findOffered(image, place, finding, facts);
  if (offered.kind === "nothing")
    return { kind: "nothing", image: image.name, reason: offered.reason, since: undefined };
  const kind = image.recipe === "upstream" ? "patch" : "rebuild";
  return { kind: "cure", remedy: { kind, image: image.name, offered: offered.offered } };
}

/** A package that came with what the image stands on: whether that, or a newer one of it, brings the cure. */
function cureBelow(lineage: Lineage, place: PackagePlace, finding: Finding, facts: RemedyFacts): Outcome {
  const [image, parent, ...others] = lineage;
  const { base } = image;
  const nothing = (reason: string | undefined, since?: Instant): Outcome => ({
    kind: "nothing",
    image: image.name,
    reason,
    since,
  });
  if (base.kind === "own") {
    if (parent === undefined) return nothing(undefined);
    const held = parent.find(place);
    if (held !== undefined && facts.judge(finding, held) !== "clear")
      return cureIn([parent, ...others], held, finding, facts);
    const offered: Offered = { version: held?.version, from: parent.name, since: base.since };
    const isRebase = image.mayRebase && base.digest !== undefined;
    const remedy: Remedy = isRebase
      ? { kind: "rebase", image: image.name, onto: base.digest, offered }
      : { kind: "rebuild", image: image.name, offered };
    return { kind: "cure", remedy };
  }
  if (base.kind === "others") {
    const { moved, name } = base;
    if (moved === undefined) return nothing(`it came with ${name}, which has not moved`);
    if (moved.find === undefined) return nothing(`it came with ${name}; what its newest digest holds is not known`);
    const held = moved.find(place);
    if (held !== undefined && facts.judge(finding, held) !== "clear")
      return nothing(`it came with ${name}, whose newest digest has ${held.version}`);
    const offered: Offered = { version: held?.version, from: name, since: moved.since };
    const remedy: Remedy = image.mayRebase
      ? { kind: "rebase", image: image.name, onto: moved.digest, offered }
      : { kind: "rebuild", image: image.name, offered };
    return { kind: "cure", remedy };
  }
  if (base.kind === "unknown" && isOfDistribution(finding.type)) {
    const offered = findOffered(image, place, finding, facts);
    if (offered.kind === "nothing") return nothing(offered.reason);
    return { kind: "cure", remedy: { kind: "rebase", image: image.name, onto: undefined, offered: offered.offered } };
  }
  return base.kind === "unknown"
    ? nothing("it came with the layers that the image begins with: a newer base may be free of it")
    : nothing(undefined);
}

/** A package of the base that the image's own build, or a patch, brings up to date; undefined where neither does. */
function cureInherited(
  image: RemedyImage,
  place: PackagePlace,
  finding: Finding,
  facts: RemedyFacts,
): Outcome | undefined {
  if (!isOfDistribution(finding.type)) return undefined;
  const isPatched = image.recipe === "upstream" && image.patches !== "none";
  if (!isPatched && !image.renews(place.name)) return undefined;
  const found = findOffered(image, place, finding, facts);
  if (found.kind === "nothing") return undefined;
  const { offered } = found;
  return { kind: "cure", remedy: { kind: isPatched ? "patch" : "rebuild", image: image.name, offered } };
}

function cureSource(image: RemedyImage, finding: Finding, facts: RemedyFacts): Outcome {
  const cure = facts.sourceCure(finding);
  if (cure.kind === "none") return { kind: "nothing", image: image.name, reason: cure.reason, since: undefined };
  const { version, from, since, file, isCompatible, gap } = cure;
  const dependants = cure.dependants.toSorted((a, b) => refuses(b) - refuses(a));
  const offered: Offered = { version, from, since };
  const declared = dependants[0]?.range;
  return {
    kind: "cure",
    remedy: {
      kind: "bump-source",
      image: image.name,
      offered,
      file,
      declared,
      isCompatible,
      dependants,
      ...(gap === undefined ? {} : { gap }),
    },
  };
}

function refuses({ allows }: { readonly allows: boolean | undefined }): number {
  return allows === false ? 2 : allows === undefined ? 1 : 0;
}

type FoundOffer =
  | { readonly kind: "offered"; readonly offered: Offered }
  | { readonly kind: "nothing"; readonly reason: string | undefined };

/** What a rebuild of an image would bring of a package, where that cures: the newest version that need not wait, else the newest that does. */
function findOffered(image: RemedyImage, place: PackagePlace, finding: Finding, facts: RemedyFacts): FoundOffer {
  const offers = image.offers(place);
  if (offers.kind === "not-asked") return byAdvisory(finding, facts);
  const [ready, waiting] = [false, true].map((isWaiting) => offers.versions.find((one) => one.isWaiting === isWaiting));
  let stillThere: { readonly offer: OfferedVersion; readonly word: VersionWord } | undefined;
  for (const offer of [ready, waiting]) {
    if (offer === undefined) continue;
    const word = facts.judge(finding, offer);
    const { version, from, since } = offer;
    if (word === "clear") return { kind: "offered", offered: { version, from, since } };
    stillThere = { offer, word };
  }
  if (stillThere === undefined) return { kind: "nothing", reason: undefined };
  const { offer, word } = stillThere;
  const said = word === "affected" ? "is touched by it too" : "may be touched by it too";
  return { kind: "nothing", reason: `${offer.from} offers ${offer.version}, which ${said}` };
}

/** Where nobody looks into the suites, the version that the advisory itself names. */
function byAdvisory(finding: Finding, facts: RemedyFacts): FoundOffer {
  const { fixed } = finding;
  if (fixed === undefined || facts.judge(finding, { version: fixed, sourceVersion: fixed }) !== "clear")
    return { kind: "nothing", reason: undefined };
  return { kind: "offered", offered: { version: fixed, from: `the word of ${finding.id}`, since: undefined } };
}

/** Why nothing cures a finding. */
function withoutCure(finding: Finding, outcome: Extract<Outcome, { kind: "nothing" }>, facts: RemedyFacts): Remedy {
  const { support } = facts;
  const isDistro = isOfDistribution(finding.type);
  if (isDistro && support.kind === "ended") {
    const successor = support.successor && nameRelease(support.successor);
    return { kind: "replace-base", image: outcome.image, successor, reason: describeSupport(support) };
  }
  const { judgement } = finding;
  if (isDistro && judgement === "end-of-life") {
    const successor =
      support.kind === "supported" || support.kind === "security-only"
        ? support.successor && nameRelease(support.successor)
        : undefined;
    return { kind: "replace-base", image: outcome.image, successor, reason: judgementWords[judgement] };
  }
  const said = [
    ...(outcome.reason === undefined ? [] : [outcome.reason]),
    ...(judgement === undefined ? [] : [judgementWords[judgement]]),
  ];
  if (said.length === 0) said.push(describeLack(finding));
  return { kind: "wait-upstream", since: outcome.since ?? finding.published, reason: said.join("; ") };
}

function describeLack({ fixed, source, malicious }: Finding): string {
  if (malicious === true) return `${source} was published to do harm, and no version free of it is known: remove it`;
  if (fixed === undefined) return `no version of ${source} that cures it is known`;
  return `${source} ${fixed} cures it, and is not offered yet`;
}
