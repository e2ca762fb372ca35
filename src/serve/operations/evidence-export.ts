import { stat } from "node:fs/promises";
import { z } from "zod";
import {
  evidenceKinds,
  formatReadme,
  patternOf,
  predicateTypes,
  type ExportSigner,
} from "../../core/evidence/index.ts";
import { tarFile, tarTrailer } from "../../core/layer/index.ts";
import {
  isKey,
  parseJson,
  readEnvelope,
  type TrustedIdentity,
  type TrustedSigner,
} from "../../core/signature/index.ts";
import { auditContent, auditLine } from "../../io/store/index.ts";
import {
  createSignerFinder,
  readBundleParts,
  readEvidence,
  signerOfEvidence,
  SignError,
  type EvidenceSigner,
  type FoundEvidence,
} from "../../io/sign/index.ts";
import { digestHex, sha256, tryShape, writeFileDurable, type Digest } from "../../lib/index.ts";
import { attestDigest, readSubjects } from "../../loop/attest/index.ts";
import { checkpointAction, checkpointAudit, checkpointType } from "../../loop/checkpoint-audit.ts";
import type { Context } from "../../loop/context.ts";
import { OperationError, type OperationHandlers } from "../../operation/index.ts";
import { requirePath } from "./backup.ts";
import { requireImage } from "./find-name.ts";
import { findDigest } from "./promote.ts";
import { createWhy } from "./why.ts";

type Handlers = Pick<OperationHandlers, "evidenceExport" | "evidenceAttach">;

const checkpointName = "audit-checkpoint";
const maxStatement = 24_000_000;
const emptyRoot = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}\n';

/** Evidence of a digest of the fleet, on request: put beside it in its registry, or all of it in one file. Throws UNSUPPORTED where the configuration has no `evidence:`, NOT_FOUND, KEY_CLOSED, and what the registry throws. */
export function createEvidenceOperations(ctx: Context): Handlers {
  return {
    evidenceAttach: async ({ image, digest: prefix }) => {
      requireEvidence(ctx);
      const digest = await digestOf(ctx, image, prefix);
      const attested = await attestDigest(ctx, image, digest, undefined, ctx.signal);
      if (attested.kind === "refused") return { kind: "refused", reasons: [...attested.reasons] };
      return { kind: "attached", image, digest, added: attested.kind === "attested" ? attested.added : 0 };
    },
    evidenceExport: async ({ image, digest: prefix, to }) => {
      requirePath("evidence export", to);
      const there = await stat(to).catch(() => undefined);
      if (there !== undefined && !there.isFile())
        throw new OperationError("BAD_INPUT", `evidence export: ${to} is there and is not a file`);
      const digest = await digestOf(ctx, image, prefix);
      const files = await collectFiles(ctx, image, digest);
      const tar = makeTar(files);
      await writeFileDurable(to, tar);
      return { image, digest, path: to, bytes: tar.length, sha256: sha256(tar), files: files.size };
    },
  };
}

function requireEvidence({ evidence }: Context): NonNullable<Context["evidence"]> {
  if (evidence !== undefined) return evidence;
  throw new OperationError("UNSUPPORTED", "the configuration has no `evidence:`: nothing is signed", {
    hint: "`tidemill keys make keys/tidemill`, then `evidence: { key: keys/tidemill.key }`.",
  });
}

/** The digest that is meant: what the last environment names where none is given. */
async function digestOf(ctx: Context, image: string, prefix: string | undefined): Promise<Digest> {
  requireImage(ctx.config, image);
  if (prefix !== undefined) return findDigest(ctx, image, prefix);
  const last = ctx.config.environments.at(-1)?.name;
  const named = (await ctx.store.loadPointers(image)).find(({ environment }) => environment === last)?.digest;
  if (named !== null && named !== undefined) return named;
  throw new OperationError("NOT_FOUND", `${image} is not in ${last ?? "any environment"} yet`, {
    hint: "Name a digest: IMAGE@DIGEST.",
  });
}

type Files = Map<string, Buffer>;

/** Every file of an export by its path; the list of their hashes, signed, is the last. */
async function collectFiles(ctx: Context, image: string, digest: Digest): Promise<Files> {
  const evidence = requireEvidence(ctx);
  const [signer, keys] = await Promise.all([evidence.signer(), evidence.keys()]);
  // Whoever verifies an export by a key alone can do nothing with certificates.
  const trusted = "identity" in signer ? keys.trusted : keys.trusted.filter(isKey);
  const self = signerOfEvidence(signer);
  const files: Files = new Map();
  const put = (path: string, content: string | Uint8Array): void => void files.set(path, Buffer.from(content));
  const manifest = await putManifests(ctx, image, digest, put);
  const statements: string[] = [];
  const signers = new Map<string, TrustedSigner>([[signerPath(self), self]]);
  const putSigned = (name: string, { bundle, payload, signature, about, by, type }: Signed): void => {
    const parts = isKey(by) ? undefined : readBundleParts(bundle);
    if (parts !== undefined) put(`certificates/${name}.pem`, parts.certificate);
    signers.set(signerPath(by), by);
    put(`statements/${name}.json`, payload);
    put(`signatures/${name}.sig`, Buffer.from(signature, "base64"));
    put(`bundles/${name}.sigstore.json`, bundle);
    statements.push([name, about, signerPath(by), type].join("\t"));
  };
  for (const { about, found } of await findStatements(ctx, image, digest, trusted)) {
    const envelope = readEnvelope(found.bytes, "bundle", maxStatement);
    const [signature] = envelope?.signatures ?? [];
    // What others attached in another form is theirs to hand out.
    if (envelope === undefined || signature === undefined) continue;
    const name = nameOf(found, about, digest);
    const { bytes: bundle, by, predicateType: type } = found;
    putSigned(name, { bundle, payload: envelope.payload, signature, about: manifestPath(about), by, type });
    put(`documents/${name}.json`, `${JSON.stringify(found.predicate, undefined, 2)}\n`);
  }
  const checkpoint = await findCheckpoint(ctx, trusted);
  if (checkpoint !== undefined) {
    put(checkpoint.about, checkpoint.row);
    putSigned(checkpointName, checkpoint);
  }
  put("statements.tsv", statements.map((line) => `${line}\n`).join(""));
  for (const [path, by] of signers) putSigner(path, by, put);
  put("root.json", emptyRoot);
  for (const { id } of await ctx.store.loadRebuilds({ image, candidate: digest, limit: 100 })) {
    const log = await ctx.store.loadBuildLog(id);
    if (log !== undefined) put(`logs/${id}.log`, `${log.text}\n`);
  }
  const audit = await ctx.store.loadAuditOf(image, digest);
  put("audit/extract.jsonl", audit.map((row) => `${auditLine(row)}\n`).join(""));
  put("why.json", `${JSON.stringify(await createWhy(ctx)({ image, digest }), undefined, 2)}\n`);
  const { version } = evidence.verifier;
  put("README.md", formatReadme({ image, digest, manifest, signer: describeSigner(self), version }));
  const sums = [...files].sort(byPath).map(([path, content]) => `${digestHex(sha256(content))}  ./${path}\n`);
  put("SHA256SUMS", sums.join(""));
  await putListSignature(signer, Buffer.from(sums.join("")), put);
  return files;
}

/** A signed statement as an export has it. */
interface Signed {
  readonly bundle: Uint8Array;
  readonly payload: Uint8Array;
  /** Base64. */
  readonly signature: string;
  /** Path of what it is about. */
  readonly about: string;
  readonly by: TrustedSigner;
  readonly type: string;
}

type Put = (path: string, content: string | Uint8Array) => void;

/** The signature over the list of all files; of an identity the bundle, and what is in it for who has no cosign. */
async function putListSignature(signer: EvidenceSigner, sums: Buffer, put: Put): Promise<void> {
  if (!("identity" in signer)) return put("SHA256SUMS.sig", await signer.sign(sums));
  const bundle = await signer.bundleOf(sums);
  const parts = readBundleParts(Buffer.from(bundle));
  if (parts?.signature === undefined)
    throw new SignError("SIGN_FAILED", "what signed the list of files has no certificate and signature in it");
  put("SHA256SUMS.sigstore.json", bundle);
  put("SHA256SUMS.sig", parts.signature);
  put("SHA256SUMS.pem", parts.certificate);
}

/** Whom a statement is by, under `path`: a public key, or an identity with the trusted root that vouches for it. */
function putSigner(path: string, by: TrustedSigner, put: Put): void {
  if (isKey(by)) return put(path, by.key.export({ type: "spki", format: "pem" }));
  const { trustedRoot, subject, issuer } = by.policy;
  put(`${path}/trusted_root.json`, trustedRoot);
  put(`${path}/subject`, patternOf(subject));
  put(`${path}/issuer`, patternOf(issuer));
}

const withCertificateLogs = z.object({ ctlogs: z.array(z.unknown()).min(1) });

function describeSigner(by: TrustedSigner): ExportSigner {
  const path = signerPath(by);
  if (!isKey(by)) {
    const { subject, issuer, trustedRoot } = by.policy;
    const hasCertificateLogs = tryShape(withCertificateLogs, parseJson(Buffer.from(trustedRoot))).success;
    return { kind: "identity", path, subject, issuer, hasCertificateLogs };
  }
  const keyKind = by.key.asymmetricKeyType === "ed25519" ? "ed25519" : "ecdsa";
  return { kind: "key", path, keyKind, name: `${by.name}, sha256 of its DER ${digestHex(by.fingerprint)}` };
}

/** The end of the audit chain as it was signed last, made now where something came to it since: the row without its hash, whose own hash is what is signed. Undefined where nobody who counts signed any. */
async function findCheckpoint(
  ctx: Context,
  signers: readonly TrustedSigner[],
): Promise<(Signed & { readonly row: string }) | undefined> {
  await checkpointAudit(ctx, { now: true });
  const [found] = await ctx.store.loadAudit({ actions: [checkpointAction], limit: 1 });
  const { seq, bundle } = found?.detail ?? {};
  if (typeof seq !== "number" || typeof bundle !== "string") return undefined;
  const bytes = Buffer.from(bundle);
  const findSigner = await createSignerFinder(signers, maxStatement);
  const signed = findSigner({ kind: "bundle", bytes, certificate: undefined, rekor: undefined });
  const [signature] = readEnvelope(bytes, "bundle", maxStatement)?.signatures ?? [];
  const [row] = await ctx.store.loadAuditAfter(seq - 1, 1);
  if (signed.kind === "refused" || signature === undefined || row === undefined) return undefined;
  const { by, payload } = signed;
  const about = "audit/last-row.json";
  return { row: auditContent(row), bundle: bytes, payload, signature, about, by, type: checkpointType };
}

/** The manifests as the registry has them; gives the path of the one whose hash is the digest. */
async function putManifests(
  ctx: Context,
  image: string,
  digest: Digest,
  put: (path: string, content: Uint8Array) => void,
): Promise<string> {
  for (const subject of await subjectsOf(ctx, image, digest)) {
    const raw = await ctx.repositoryOf(image).manifest(subject, ctx.signal);
    if (raw !== undefined) put(manifestPath(subject), raw.bytes);
  }
  return manifestPath(digest);
}

async function subjectsOf(ctx: Context, image: string, digest: Digest): Promise<Digest[]> {
  const subjects = await readSubjects(ctx.repositoryOf(image), digest, ctx.signal);
  if (subjects === undefined)
    throw new OperationError("NOT_FOUND", `${image}@${digest} is not in its registry any more`);
  return [...new Set([subjects.whole.digest, ...subjects.platforms.map(({ subject }) => subject.digest)])];
}

interface Statement {
  readonly about: Digest;
  readonly found: FoundEvidence;
}

/** The signed statements about the digest and its platforms, in an order of their own. */
async function findStatements(
  ctx: Context,
  image: string,
  digest: Digest,
  signers: readonly TrustedSigner[],
): Promise<Statement[]> {
  const all: Statement[] = [];
  for (const about of await subjectsOf(ctx, image, digest)) {
    const { found } = await readEvidence(ctx.repositoryOf(image), about, [about], signers, ctx.signal);
    all.push(...found.map((one) => ({ about, found: one })));
  }
  const order = ({ about, found }: Statement): string =>
    `${evidenceKinds.indexOf(found.kind)} ${found.predicateType} ${about === digest ? "" : about} ${found.attestation}`;
  return all.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

const shortNames: ReadonlyMap<string, string> = new Map([
  [predicateTypes.cyclonedx, "sbom-cyclonedx"],
  [predicateTypes.spdx, "sbom-spdx"],
  [predicateTypes.testResult, "checks"],
  [predicateTypes.summary, "verification-summary"],
]);

function nameOf({ kind, predicateType, attestation }: FoundEvidence, about: Digest, digest: Digest): string {
  const whose = about === digest ? "" : `-${digestHex(about).slice(0, 12)}`;
  return `${shortNames.get(predicateType) ?? kind}${whose}-${digestHex(attestation).slice(0, 12)}`;
}

function manifestPath(digest: Digest): string {
  return `image/${digestHex(digest)}.json`;
}

function signerPath(by: TrustedSigner): string {
  return isKey(by) ? `keys/${digestHex(by.fingerprint).slice(0, 16)}.pub` : identityPath(by);
}

/** One folder for each identity and trusted root: what has one root's certificate is not verified by another. */
function identityPath({ fingerprint, policy }: TrustedIdentity): string {
  return `identities/${digestHex(sha256(JSON.stringify([fingerprint, policy.trustedRoot]))).slice(0, 16)}`;
}

function byPath([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function makeTar(files: Files): Buffer {
  const entry = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;
  return Buffer.concat([
    ...[...files].sort(byPath).map(([path, content]) => tarFile({ ...entry, path }, content)),
    tarTrailer,
  ]);
}
