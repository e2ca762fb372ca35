import { readStatement, readTrustedKey, type TrustedSigner } from "../../core/signature/index.ts";
import { auditLine, type AuditRow } from "../../io/store/index.ts";
import { createSignerFinder } from "../../io/sign/index.ts";
import { isDigest } from "../../lib/index.ts";
import { checkpointAction, checkpointType } from "../../loop/checkpoint-audit.ts";
import type { Context } from "../../loop/context.ts";
import { OperationError, type AuditVerified, type OperationHandlers } from "../../operation/index.ts";

type Handlers = Pick<OperationHandlers, "auditVerify" | "auditExport">;

const mostCheckpoints = 10_000;
const maxStatement = 65_536;

/** Whether the chain of what was decided and done is whole, by itself, by its other copy and by signed checkpoints; and its rows as lines. Throws BAD_INPUT for a key that cannot be read. */
export function createAudit(ctx: Context): Handlers {
  const { store } = ctx;
  return {
    auditVerify: async ({ keys: pems }) => {
      const keys = await keysOf(ctx, pems);
      const verdict = await store.verifyAudit();
      const checked = await checkCheckpoints(ctx, keys);
      const { broken, ...checkpoints } = checked;
      if (verdict.kind === "broken")
        return {
          verdict: "broken",
          rows: verdict.seq - 1,
          row: verdict.seq,
          reason: verdict.reason,
          hash: "",
          checkpoints,
        };
      const { rows, hash } = verdict;
      if (broken !== undefined)
        return { verdict: "broken", rows, row: broken.seq, reason: broken.reason, hash, checkpoints };
      return { verdict: "intact", rows, row: null, reason: null, hash, checkpoints };
    },
    auditExport: async ({ after, limit }) => {
      const rows = await store.loadAuditAfter(after, limit);
      const last = rows.length < limit ? undefined : rows.at(-1);
      return { lines: rows.map(auditLine), next: last?.seq ?? null };
    },
  };
}

async function keysOf({ evidence }: Context, pems: readonly string[]): Promise<readonly TrustedSigner[]> {
  if (pems.length === 0) return (await evidence?.keys())?.trusted ?? [];
  return pems.map((pem, at) => {
    const key = readTrustedKey(pem);
    if (typeof key !== "string") return key;
    throw new OperationError("BAD_INPUT", `audit: key ${at + 1} cannot be used: ${key}`);
  });
}

/** What the signed checkpoints say; `broken` is the first row that is another than the one that was signed. */
async function checkCheckpoints(
  { store }: Context,
  signers: readonly TrustedSigner[],
): Promise<
  AuditVerified["checkpoints"] & { readonly broken: { readonly seq: number; readonly reason: string } | undefined }
> {
  const rows = (await store.loadAudit({ actions: [checkpointAction], limit: mostCheckpoints })).toReversed();
  const hashes = await store.loadAuditHashes(rows.map(({ detail }) => Number(detail["seq"])));
  const findSigner = await createSignerFinder(signers, maxStatement);
  let valid = 0;
  let unknown = 0;
  let through: number | null = null;
  for (const row of rows) {
    const signed = readCheckpoint(row, findSigner);
    if (signed === undefined) {
      unknown += 1;
      continue;
    }
    if (hashes.get(signed.seq) !== signed.hash) {
      const reason = `row ${signed.seq} is another than the one that was signed, as row ${row.seq} tells`;
      return { valid, through, unknown, broken: { seq: signed.seq, reason } };
    }
    valid += 1;
    through = signed.seq;
  }
  return { valid, through, unknown, broken: undefined };
}

/** The row that a checkpoint was signed for; undefined where no key that counts signed it. What the row says beside its signature is not believed. */
function readCheckpoint(
  { detail }: AuditRow,
  findSigner: Awaited<ReturnType<typeof createSignerFinder>>,
): { readonly seq: number; readonly hash: string } | undefined {
  const { bundle, hash } = detail;
  if (typeof bundle !== "string" || typeof hash !== "string" || !isDigest(hash)) return undefined;
  const signed = findSigner({ kind: "bundle", bytes: Buffer.from(bundle), certificate: undefined, rekor: undefined });
  if (signed.kind === "refused") return undefined;
  const said = JSON.parse(Buffer.from(signed.payload).toString()) as {
    readonly predicate?: { readonly seq?: unknown; readonly hash?: unknown };
  };
  const { seq, hash: named } = said.predicate ?? {};
  if (typeof seq !== "number" || typeof named !== "string" || !isDigest(named)) return undefined;
  const statement = readStatement(signed.payload, [named]);
  return typeof statement !== "string" && statement.predicateType === checkpointType ? { seq, hash: named } : undefined;
}
