import {
  checkStructure,
  diffInventories,
  judgeDrift,
  readInventory,
  type Inventory,
  type StructureSubject,
} from "../../core/inventory/index.ts";
import { formatPlatform, samePlatform } from "../../core/image/index.ts";
import type { JobRunner } from "../../io/cluster/index.ts";
import type { RunEngine } from "../../io/engine/index.ts";
import type { ImageReader, PlatformImage } from "../../io/layer/index.ts";
import type { Clock } from "../../lib/index.ts";
import { checkBytes } from "./check-bytes.ts";
import { checkProof, type ProofOrigin } from "./check-proof.ts";
import { checkAsked } from "./check-asked.ts";
import type { CandidateVerification, CheckResult, PlatformFacts, VerifyRequest } from "./types.ts";

export interface VerifyDeps {
  readonly images: ImageReader;
  readonly engine: RunEngine | undefined;
  readonly jobs?: JobRunner | undefined;
  readonly clock: Pick<Clock, "now">;
  /** Folder of the configuration: files that checks name are relative to it. */
  readonly home: string;
}

/**
 * Every check of a candidate, on every platform, from its own bytes: that each cause had its effect, that the package
 * database tells the truth, that nothing in it is broken that was not before, and what the configuration asks for, but the verdicts of pipelines. Failing checks are
 * values; it throws only where the image cannot be read at all.
 */
export async function verifyCandidate(
  request: VerifyRequest,
  deps: VerifyDeps,
  signal?: AbortSignal,
): Promise<CandidateVerification> {
  const image = await deps.images.read(request.source, request.digest, signal);
  const before =
    request.previous === undefined
      ? undefined
      : await deps.images.read(request.previous.source, request.previous.digest, signal);
  const checks: CheckResult[] = [];
  const platforms: PlatformFacts[] = [];
  for (const one of image.platforms) {
    const previous = before?.platforms.find(({ platform }) => samePlatform(platform, one.platform));
    const facts = factsOf(one, previous);
    platforms.push(facts);
    checks.push(...verifyBytes(request, one, previous, facts, deps.clock));
    checks.push(...(await checkAsked(request, one, deps, signal)));
  }
  for (const gone of before?.platforms ?? [])
    if (!image.platforms.some(({ platform }) => samePlatform(platform, gone.platform)))
      checks.push({
        name: "platforms",
        platform: gone.platform,
        verdict: "failed",
        messages: [`production has ${formatPlatform(gone.platform)}, the candidate has not`],
        ms: 0,
      });
  return { digest: image.digest, checks, platforms, ...verdictOf(checks) };
}

type Outcome = Pick<CheckResult, "verdict" | "messages" | "asks">;

interface Facts extends PlatformFacts {
  readonly before: Inventory | undefined;
}

function factsOf(image: PlatformImage, previous: PlatformImage | undefined): Facts {
  const inventory = readInventory(image.tree, image.platform);
  const before = previous === undefined ? undefined : readInventory(previous.tree, previous.platform);
  return { platform: image.platform, inventory, before, changes: diffInventories(before, inventory) };
}

/** The checks that need nothing but the layers. */
function verifyBytes(
  request: VerifyRequest,
  image: PlatformImage,
  previous: PlatformImage | undefined,
  facts: Facts,
  clock: Pick<Clock, "now">,
): CheckResult[] {
  const { platform } = image;
  const timed = (name: string, check: () => Outcome): CheckResult => {
    const started = clock.now();
    const outcome = check();
    return { name, platform, ...outcome, ms: clock.now() - started };
  };
  const started = clock.now();
  const structure = checkStructure(subjectOf(image), previous === undefined ? undefined : subjectOf(previous));
  const share = (clock.now() - started) / structure.length;
  return [
    timed("proof", () => checkProof(request.causes, facts.inventory, proofOrigin(request, image))),
    timed("bytes", () => checkBytes(image.tree, facts.changes, previous?.tree)),
    timed("layers", () => checkLayers(image)),
    ...checkDrift(request, image, previous, facts, timed),
    ...structure.map((result) => ({ ...result, platform, ms: share })),
  ];
}

/** Nothing drifts from what is not there: of an image's first candidate nothing is said. */
function checkDrift(
  { drift }: VerifyRequest,
  image: PlatformImage,
  previous: PlatformImage | undefined,
  { before, inventory }: Facts,
  timed: (name: string, check: () => Outcome) => CheckResult,
): CheckResult[] {
  if (drift === undefined || previous === undefined || before === undefined) return [];
  const was = { ...subjectOf(previous), inventory: before };
  return [timed("drift", () => judgeDrift(was, { ...subjectOf(image), inventory }, drift))];
}

function proofOrigin({ origin }: VerifyRequest, { platform, config }: PlatformImage): ProofOrigin | undefined {
  if (origin === undefined) return undefined;
  const { bases, baseLayers = {} } = origin;
  return { bases, baseLayers: baseLayers[formatPlatform(platform)] ?? [], layers: config.rootfs.diff_ids };
}

function subjectOf({ tree, config }: PlatformImage): StructureSubject {
  return { tree, config: config.config };
}

/** What the layers' readers had to leave out or guess: a path that leaves the image fails, what engines disagree on warns. */
function checkLayers({ tree }: PlatformImage): Pick<CheckResult, "verdict" | "messages"> {
  const isHarmless = (kind: string): boolean => ["duplicate", "ambiguous", "device", "xattr"].includes(kind);
  const said = tree.problems.filter(({ kind }) => kind !== "duplicate");
  const failed = said.some(({ kind }) => !isHarmless(kind));
  const messages = said.slice(0, 20).map(({ path, message, layer }) => `${path}: ${message} (${layer})`);
  return { verdict: failed ? "failed" : said.length > 0 ? "warned" : "passed", messages };
}

function verdictOf(checks: readonly CheckResult[]): Pick<CandidateVerification, "verdict" | "failure"> {
  const failed = checks.filter(({ verdict }) => verdict === "failed");
  if (failed.length === 0) return { verdict: "passed", failure: undefined };
  const isUnproven = failed.some(({ name }) => name === "proof" || name === "bytes");
  return { verdict: "failed", failure: isUnproven ? "fix-not-landed" : "checks-failed" };
}
