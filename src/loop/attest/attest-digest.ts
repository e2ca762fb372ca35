import {
  attachBundle,
  attachClassic,
  bundleArtifact,
  readEvidence,
  signClassic,
  signStatement,
  type EvidenceBeside,
  signerOfEvidence,
  type EvidenceSigner,
  type Signer,
} from "../../io/sign/index.ts";
import { readStatement, type TrustedSigner } from "../../core/signature/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import type { EvidenceId, EvidenceRow } from "../../io/store/index.ts";
import { canonicalJson, type Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { makePieces, ownName, type AttestFacts, type Piece } from "./make-pieces.ts";
import { readSubjects } from "./read-subjects.ts";

/** What became of the evidence of a digest. */
export type Attested =
  /** The configuration asks for none. */
  | { readonly kind: "off" }
  /** All of it stands beside the digest; `added` of it were put there now. */
  | { readonly kind: "attested"; readonly added: number }
  /** It cannot be made, each reason a sentence. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/**
 * Signs what is known of a digest and puts it beside it in its registry: of the environment that it is to go to, or of all where none is named. What is there already stays: each piece is signed once, kept before
 * it goes out, and put down when it has arrived, so that this may be stopped anywhere and run again. Throws what registry and store throw, KEY_CLOSED and BAD_KEY where the keys cannot be used.
 */
export async function attestDigest(
  ctx: Context,
  image: string,
  digest: Digest,
  environment: string | undefined,
  signal: AbortSignal,
): Promise<Attested> {
  const { evidence } = ctx;
  if (evidence === undefined || evidence.rules.attach.length === 0) return { kind: "off" };
  const [signer, keys] = await Promise.all([evidence.signer(), evidence.keys()]);
  if (keys.revoked.some(({ fingerprint }) => fingerprint === signerOfEvidence(signer).fingerprint))
    return { kind: "refused", reasons: [`what signs, ${signerOfEvidence(signer).name}, is revoked`] };
  const repository = ctx.repositoryOf(image);
  const facts = await loadFacts(ctx, repository, image, digest, environment, signal);
  if (facts === undefined) return { kind: "refused", reasons: [`${image}@${digest} is not in its registry`] };
  const work = await createWork(ctx, { repository, signer, trusted: keys.trusted, image, digest, signal });
  let added = 0;
  for (const piece of await makePieces(ctx, evidence, facts)) if (await work.settle(piece)) added += 1;
  // An identity signs in bundles alone.
  if (evidence.rules.attach.includes("signature") && !("identity" in signer))
    await signAsBefore(ctx, { repository, signer, image, digest, signal });
  return { kind: "attested", added };
}

async function loadFacts(
  ctx: Context,
  repository: Repository,
  image: string,
  digest: Digest,
  environment: string | undefined,
  signal: AbortSignal,
): Promise<AttestFacts | undefined> {
  const { store } = ctx;
  const [row, subjects] = await Promise.all([
    store.loadImageDigest(image, digest),
    readSubjects(repository, digest, signal),
  ]);
  if (row === undefined || subjects === undefined) return undefined;
  const [rebuild] = await store.loadRebuilds({ image, candidate: digest, limit: 1 });
  const causes = rebuild === undefined ? [] : ((await store.loadCauses([rebuild.id])).get(rebuild.id) ?? []);
  const byKey = await store.loadInventories(Object.values(row.inventories));
  const inventories = new Map(
    Object.entries(row.inventories).flatMap(([platform, key]) => {
      const inventory = byKey.get(key);
      return inventory === undefined ? [] : [[platform, inventory] as const];
    }),
  );
  const ended = (await store.loadVerifications({ image, digest })).filter(({ verdict }) => verdict !== null);
  const newest = new Map(ended.map((one) => [one.environment, one]));
  const verifications = [...newest.values()].filter(
    (one) => environment === undefined || one.environment === environment,
  );
  return { image, row, subjects, inventories, rebuild, causes, verifications };
}

interface Work {
  readonly repository: Repository;
  readonly signer: EvidenceSigner;
  readonly trusted: readonly TrustedSigner[];
  readonly image: string;
  readonly digest: Digest;
  readonly signal: AbortSignal;
}

/** What sees to it that each piece stands beside its subject, once. */
async function createWork(ctx: Context, { repository, signer, trusted, image, digest, signal }: Work) {
  const { store } = ctx;
  const rows = await store.loadEvidence(image, digest);
  const believed = new Set<string>(trusted.map(({ fingerprint }) => fingerprint));
  const listed = new Map<Digest, Promise<ReadonlySet<Digest>>>();
  const beside = new Map<Digest, Promise<EvidenceBeside>>();

  const artifactsOf = (subject: Digest): Promise<ReadonlySet<Digest>> => {
    const known = listed.get(subject);
    if (known !== undefined) return known;
    const asked = repository.referrers(subject, undefined, signal).then((all) => new Set(all.map((one) => one.digest)));
    listed.set(subject, asked);
    return asked;
  };
  const besideOf = (subject: Digest): Promise<EvidenceBeside> => {
    const known = beside.get(subject);
    if (known !== undefined) return known;
    const asked = readEvidence(repository, subject, [subject], trusted, signal);
    beside.set(subject, asked);
    return asked;
  };

  const isRow = (piece: Piece) => (row: EvidenceRow) =>
    row.subject === piece.subject.digest && row.predicate === piece.predicate && row.scope === piece.scope;

  /** Puts a piece beside its subject; false where it stood there, or there is nothing to say. */
  const settle = async (piece: Piece): Promise<boolean> => {
    const { subject, predicate, scope } = piece;
    const id: EvidenceId = {
      image,
      digest,
      subject: subject.digest,
      predicate,
      scope,
      key: signerOfEvidence(signer).fingerprint,
    };
    const own = rows.filter(isRow(piece)).filter(({ key }) => believed.has(key));
    for (const row of own) {
      if (row.artifact === null) continue;
      if ((await artifactsOf(subject.digest)).has(row.artifact)) return false;
      // Whoever cleaned up there took it away.
      await store.removeEvidence(row);
    }
    const waiting = own.find(({ key, bundle }) => key === id.key && bundle !== null);
    let bundle = waiting?.bundle ?? undefined;
    if (bundle === undefined) {
      const statement = await piece.statement();
      if (statement === undefined) return false;
      const same = findSame(await besideOf(subject.digest), subject.digest, statement);
      if (same !== undefined) {
        // The state lost it, in a power cut or an older backup.
        const { digest: artifact } = bundleArtifact(subject, same.bytes, predicate);
        await store.saveEvidenceAttached({ ...id, key: same.by.fingerprint }, artifact);
        return false;
      }
      bundle = (await store.saveEvidence(id, await signStatement(signer, statement))).bundle ?? undefined;
    }
    // Another process has attached it meanwhile.
    if (bundle === undefined) return false;
    const artifact = await attachBundle(repository, subject, Buffer.from(bundle), predicate, signal);
    await store.saveEvidenceAttached(id, artifact);
    return true;
  };
  return { settle };
}

/** What stands there and says the same, byte for byte but for the signature. */
function findSame({ found }: EvidenceBeside, subject: Digest, statement: Buffer) {
  const own = readStatement(statement, [subject]);
  if (typeof own === "string") return undefined;
  const text = canonicalJson(own.predicate);
  return found.find((one) => one.predicateType === own.predicateType && canonicalJson(one.predicate) === text);
}

/** The signature that verifiers look for which know no bundles. */
async function signAsBefore(
  ctx: Context,
  { repository, signer, image, digest, signal }: Omit<Work, "trusted" | "signer"> & { readonly signer: Signer },
): Promise<void> {
  const name = ctx.pullName(image, ownName(ctx));
  const signature = await signClassic(signer, digest, name);
  const pacing = { clock: ctx.clock, random: Math.random };
  const isNew = await attachClassic(repository, digest, signature, signer.key, pacing, signal);
  await ctx.store.saveSigned({ image, digest, name, key: signer.key.fingerprint }, isNew);
}
