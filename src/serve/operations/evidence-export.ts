import { stat } from "node:fs/promises";
import { evidenceKinds, formatReadme, predicateTypes } from "../../core/evidence/index.ts";
import { tarFile, tarTrailer } from "../../core/layer/index.ts";
import { isKey, readEnvelope, signerOf, type TrustedKey } from "../../core/signature/index.ts";
import { auditContent, auditLine } from "../../io/store/index.ts";
import { readEvidence, type FoundEvidence } from "../../io/sign/index.ts";
import { digestHex, sha256, writeFileDurable, type Digest } from "../../lib/index.ts";
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
  if ("identity" in signer)
    throw new OperationError("UNSUPPORTED", "what signs has an identity and no key: an export is signed by a key", {
      hint: "`cosign verify` and `tidemill verify --identity` read what lies beside the image itself.",
    });
  const files: Files = new Map();
  const put = (path: string, content: string | Uint8Array): void => void files.set(path, Buffer.from(content));
  const manifest = await putManifests(ctx, image, digest, put);
  const statements: string[] = [];
  const signers = new Map<Digest, TrustedKey>([[signer.key.fingerprint, signer.key]]);
  for (const { about, found } of await findStatements(ctx, image, digest, keys.trusted.filter(isKey))) {
    const envelope = readEnvelope(found.bytes, "bundle", maxStatement);
    const [signature] = envelope?.signatures ?? [];
    // What others attached in another form is theirs to hand out.
    if (envelope === undefined || signature === undefined) continue;
    const name = nameOf(found, about, digest);
    if (!isKey(found.by)) continue;
    signers.set(found.by.fingerprint, found.by);
    put(`statements/${name}.json`, envelope.payload);
    put(`signatures/${name}.sig`, Buffer.from(signature, "base64"));
    put(`bundles/${name}.sigstore.json`, found.bytes);
    put(`documents/${name}.json`, `${JSON.stringify(found.predicate, undefined, 2)}\n`);
    statements.push([name, manifestPath(about), keyPath(found.by), found.predicateType].join("\t"));
  }
  const checkpoint = await findCheckpoint(ctx, keys.trusted.filter(isKey));
  if (checkpoint !== undefined) {
    const { row, bundle, payload, signature, by, type } = checkpoint;
    signers.set(by.fingerprint, by);
    put(`audit/last-row.json`, row);
    put(`statements/${checkpointName}.json`, payload);
    put(`signatures/${checkpointName}.sig`, signature);
    put(`bundles/${checkpointName}.sigstore.json`, bundle);
    statements.push([checkpointName, "audit/last-row.json", keyPath(by), type].join("\t"));
  }
  put("statements.tsv", statements.map((line) => `${line}\n`).join(""));
  for (const key of signers.values()) put(keyPath(key), key.key.export({ type: "spki", format: "pem" }));
  put("root.json", emptyRoot);
  for (const { id } of await ctx.store.loadRebuilds({ image, candidate: digest, limit: 100 })) {
    const log = await ctx.store.loadBuildLog(id);
    if (log !== undefined) put(`logs/${id}.log`, `${log.text}\n`);
  }
  const audit = await ctx.store.loadAuditOf(image, digest);
  put("audit/extract.jsonl", audit.map((row) => `${auditLine(row)}\n`).join(""));
  put("why.json", `${JSON.stringify(await createWhy(ctx)({ image, digest }), undefined, 2)}\n`);
  const facts = {
    image,
    digest,
    manifest,
    key: keyPath(signer.key),
    keyKind: signer.key.key.asymmetricKeyType === "ed25519" ? "ed25519" : "ecdsa",
    keyName: `${signer.key.name}, sha256 of its DER ${digestHex(signer.key.fingerprint)}`,
    version: evidence.verifier.version,
  } as const;
  put("README.md", formatReadme(facts));
  const sums = [...files].sort(byPath).map(([path, content]) => `${digestHex(sha256(content))}  ./${path}\n`);
  put("SHA256SUMS", sums.join(""));
  put("SHA256SUMS.sig", await signer.sign(Buffer.from(sums.join(""))));
  return files;
}

/** The end of the audit chain as it was signed last, made now where something came to it since: the row without its hash, whose own hash is what is signed. Undefined where no key that counts signed any. */
async function findCheckpoint(ctx: Context, keys: readonly TrustedKey[]) {
  await checkpointAudit(ctx, { now: true });
  const [found] = await ctx.store.loadAudit({ actions: [checkpointAction], limit: 1 });
  const { seq, bundle } = found?.detail ?? {};
  if (typeof seq !== "number" || typeof bundle !== "string") return undefined;
  const envelope = readEnvelope(Buffer.from(bundle), "bundle", maxStatement);
  const by = envelope && signerOf(envelope, keys);
  const [signature] = envelope?.signatures ?? [];
  const [row] = await ctx.store.loadAuditAfter(seq - 1, 1);
  if (envelope === undefined || by === undefined || signature === undefined || row === undefined) return undefined;
  const { payload } = envelope;
  return {
    row: auditContent(row),
    bundle,
    payload,
    signature: Buffer.from(signature, "base64"),
    by,
    type: checkpointType,
  };
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
  keys: readonly TrustedKey[],
): Promise<Statement[]> {
  const all: Statement[] = [];
  for (const about of await subjectsOf(ctx, image, digest)) {
    const { found } = await readEvidence(ctx.repositoryOf(image), about, [about], keys, ctx.signal);
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

function keyPath({ fingerprint }: TrustedKey): string {
  return `keys/${digestHex(fingerprint).slice(0, 16)}.pub`;
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
