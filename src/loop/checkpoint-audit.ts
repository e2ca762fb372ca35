import { formatStatement } from "../core/evidence/index.ts";
import { signerOfEvidence, signStatement } from "../io/sign/index.ts";
import { AppError, isDigest } from "../lib/index.ts";
import type { Context } from "./context.ts";

/** Predicate type of a signed word about the audit chain. */
export const checkpointType = "urn:tidemill:audit-checkpoint:v1";
/** What of it is signed is of a row's hash; what is between two checkpoints, the chain itself proves. */
const everyMs = 3_600_000;
const keyTroubles: ReadonlySet<string> = new Set(["KEY_CLOSED", "BAD_KEY", "SIGN_FAILED"]);

/**
 * Signs the end of the audit chain, as a row of the chain, where evidence is signed and something was put down since: at most once an hour, or `now` where a person asks. Whoever rewrites the whole chain cannot make
 * such a row. False where there was nothing to sign, or nothing to sign it with: the alarm of that is another's.
 */
export async function checkpointAudit(ctx: Context, { now = false } = {}): Promise<boolean> {
  const { evidence, store, clock } = ctx;
  if (evidence === undefined) return false;
  const [[head], [last]] = await Promise.all([
    store.loadAudit({ limit: 1 }),
    store.loadAudit({ actions: [checkpointAction], limit: 1 }),
  ]);
  if (head === undefined || head.seq === last?.seq || !isDigest(head.hash)) return false;
  if (!now && last !== undefined && clock.now() - last.at < everyMs && clock.now() >= last.at) return false;
  try {
    const signer = await evidence.signer();
    const { seq, hash, at } = head;
    const predicate = { seq, hash, at: new Date(at).toISOString() };
    const statement = formatStatement([{ name: "audit", digest: hash }], checkpointType, predicate);
    const bundle = await signStatement(signer, statement);
    await store.saveAudit("tidemill", checkpointAction, {
      seq,
      hash,
      key: signerOfEvidence(signer).fingerprint,
      bundle,
    });
    return true;
  } catch (error) {
    if (error instanceof AppError && keyTroubles.has(error.code)) return false;
    throw error;
  }
}

/** What checkpoints are called in the chain. */
export const checkpointAction = "checkpoint";
