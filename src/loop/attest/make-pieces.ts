import {
  formatProvenance,
  formatScanResult,
  formatStatement,
  formatSummary,
  formatTestResult,
  formatVex,
  predicateTypes,
  recipeParameters,
  type EvidenceKind,
  type Subject,
  type VerificationFacts,
} from "../../core/evidence/index.ts";
import type { Descriptor } from "../../core/image/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import { formatSpdx, loadCyclonedx, scanPackages, type BomInput, type BomPlatform } from "../../core/report/index.ts";
import type { ImageDigest, KeyedCause, Rebuild, Verification } from "../../io/store/index.ts";
import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import { repositoryName, type CandidateOrigin, type Context, type FleetEvidence } from "../context.ts";
import { ownStatement } from "../fleet-vex.ts";
import { loadMaterials } from "./materials.ts";
import type { PlatformSubject, Subjects } from "./read-subjects.ts";
import { scanDigest } from "./scan-digest.ts";

/** Something to be said of a subject, not yet signed. */
export interface Piece {
  readonly subject: Descriptor;
  readonly predicate: string;
  /** What makes it another than others of its type: what it says, or the verification that it belongs to. */
  readonly scope: string;
  /** The statement's bytes; undefined where there is nothing to say after all. */
  readonly statement: () => Promise<Buffer | undefined>;
}

/** All that is known of a digest when evidence of it is made. */
export interface AttestFacts {
  readonly image: string;
  readonly row: ImageDigest;
  readonly subjects: Subjects;
  /** By platform, as the digest's own bytes were read. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** The newest rebuild that brings it, and why; undefined where none is known. */
  readonly rebuild: Rebuild | undefined;
  readonly causes: readonly KeyedCause[];
  /** The newest that ended, of each environment in question. */
  readonly verifications: readonly Verification[];
}

/** What is to stand beside a digest. The same facts give the same bytes, but for scans: they say what the feeds say when they are made, once for each verification. */
export async function makePieces(ctx: Context, evidence: FleetEvidence, facts: AttestFacts): Promise<Piece[]> {
  const attach = new Set<EvidenceKind>(evidence.rules.attach);
  const pieces: Piece[] = [];
  const { whole } = facts.subjects;
  const about = [subjectOf(ctx, facts.image, whole.digest)];
  if (attach.has("signature")) pieces.push(stated(whole, predicateTypes.signature, about, {}));
  if (attach.has("sbom")) pieces.push(...(await bomPieces(ctx, evidence, facts)));
  if (attach.has("provenance") && facts.rebuild !== undefined)
    pieces.push(await provenancePiece(ctx, evidence, facts, facts.rebuild));
  for (const verification of facts.verifications) {
    const checked = verificationFacts(ctx, facts, verification);
    const scope = `${verification.id} ${checked.finishedAt}`;
    if (attach.has("verification")) {
      pieces.push(stated(whole, predicateTypes.testResult, about, formatTestResult(checked)));
      const resource = `${ctx.pullName(facts.image, ownName(ctx))}@${whole.digest}`;
      const summary = formatSummary(checked, { resource, verifier: evidence.verifier });
      pieces.push(stated(whole, predicateTypes.summary, about, summary));
    }
    if (attach.has("scan")) pieces.push(scanPiece(ctx, evidence, facts, verification, scope));
  }
  if (attach.has("vex")) pieces.push(...(await vexPieces(ctx, facts)));
  return pieces;
}

/** The name of a registry in what is signed: that of the embedded one changes with every process that opens it, so it is the server's. */
export function ownName({ config }: Pick<Context, "config">): string | undefined {
  return config.registry.url === undefined ? config.server.listen : undefined;
}

function subjectOf(ctx: Context, image: string, digest: Digest): Subject {
  return { name: repositoryName(ctx.config, image), digest };
}

/** A piece of which it is known what it says. */
function stated(subject: Descriptor, predicate: string, about: readonly Subject[], content: unknown): Piece {
  const statement = formatStatement(about, predicate, content);
  return { subject, predicate, scope: sha256(statement), statement: () => Promise.resolve(statement) };
}

async function bomPieces(ctx: Context, { verifier }: FleetEvidence, facts: AttestFacts): Promise<Piece[]> {
  const { whole, platforms } = facts.subjects;
  const { formatCyclonedx } = await loadCyclonedx();
  const held = platforms.flatMap((one): { readonly from: PlatformSubject; readonly bom: BomPlatform }[] => {
    const inventory = facts.inventories.get(one.platform);
    if (inventory === undefined) return [];
    const { os, problems } = inventory;
    return [{ from: one, bom: { platform: one.platform, os, problems, packages: scanPackages(inventory) } }];
  });
  const bill = (subject: Descriptor, list: typeof held): Piece[] => {
    const { name, digest } = subjectOf(ctx, facts.image, subject.digest);
    const created = list.flatMap(({ from }) => from.created ?? []);
    const input: BomInput = {
      subject: { kind: "image", name, digest },
      platforms: list.map(({ bom }) => bom),
      version: verifier.version,
      created: created.length === 0 ? undefined : Math.max(...created),
    };
    const about = [{ name, digest }];
    return [
      stated(subject, predicateTypes.cyclonedx, about, JSON.parse(formatCyclonedx(input))),
      stated(subject, predicateTypes.spdx, about, JSON.parse(formatSpdx(input))),
    ];
  };
  const each = held.filter(({ from }) => from.subject.digest !== whole.digest);
  return [...bill(whole, held), ...each.flatMap((one) => bill(one.from.subject, [one]))];
}

async function provenancePiece(
  ctx: Context,
  { verifier }: FleetEvidence,
  facts: AttestFacts,
  rebuild: Rebuild,
): Promise<Piece> {
  const { image, row, subjects, causes } = facts;
  const origin = row.detail["origin"] as CandidateOrigin | undefined;
  const made = await loadMaterials(ctx, image, origin, [...facts.inventories.values()]);
  const about = [...new Set([subjects.whole.digest, ...subjects.platforms.map(({ subject }) => subject.digest)])];
  const predicate = formatProvenance({
    image,
    parameters: recipeParameters(ctx.config, image) ?? {},
    recipeKey: row.recipeKey,
    remedy: origin?.remedy ?? "rebuild",
    why: origin?.why ?? "",
    rebuild: rebuild.id,
    lane: rebuild.lane,
    causes,
    ...made,
    builder: verifier,
    ...(origin?.elsewhere === undefined ? {} : { elsewhere: origin.elsewhere }),
    queuedAt: rebuild.createdAt,
    madeAt: row.createdAt < rebuild.createdAt ? undefined : row.createdAt,
  });
  const names = about.map((digest) => subjectOf(ctx, image, digest));
  return stated(subjects.whole, predicateTypes.provenance, names, predicate);
}

function verificationFacts(ctx: Context, { image }: AttestFacts, one: Verification): VerificationFacts {
  const rules = ctx.config.environments.find(({ name }) => name === one.environment);
  const own = ctx.config.images[image]?.checks ?? [];
  return {
    environment: one.environment,
    verdict: one.verdict ?? "not_run",
    checks: one.checks,
    finishedAt: one.finishedAt ?? one.startedAt,
    policy: sha256(canonicalJson({ rules: rules ?? null, own })),
  };
}

function scanPiece(
  ctx: Context,
  { verifier }: FleetEvidence,
  facts: AttestFacts,
  verification: Verification,
  scope: string,
): Piece {
  const { whole } = facts.subjects;
  return {
    subject: whole,
    predicate: predicateTypes.scan,
    scope,
    statement: async () => {
      const found = await scanDigest(ctx, facts.row, facts.inventories);
      const result = formatScanResult({ ...found, rebuild: verification.rebuild }, verifier);
      return formatStatement([subjectOf(ctx, facts.image, whole.digest)], predicateTypes.scan, result);
    },
  };
}

/** What people say now, and what the rebuild fixed; a later word of theirs is another document. */
async function vexPieces(ctx: Context, { image, row, subjects, inventories, causes }: AttestFacts): Promise<Piece[]> {
  const { whole } = subjects;
  const now = ctx.clock.now();
  const said = (await ctx.store.loadVexStatements())
    .map(ownStatement)
    .filter((one) => (one.image === undefined || one.image === image) && (one.until === undefined || one.until > now));
  const document = formatVex({
    image: repositoryName(ctx.config, image),
    digest: whole.digest,
    packages: [...inventories.values()].flatMap(scanPackages),
    said,
    causes: causes.map(({ cause }) => cause),
    author: "Tidemill",
    at: Math.max(row.createdAt, ...said.map(({ at }) => at)),
  });
  return document === undefined
    ? []
    : [stated(whole, predicateTypes.vex, [subjectOf(ctx, image, whole.digest)], document)];
}
