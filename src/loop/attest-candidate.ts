import { AppError, type Digest } from "../lib/index.ts";
import { attestDigest } from "./attest/index.ts";
import type { Context } from "./context.ts";

/** What a person has to see to before anything can be signed. */
const keyTroubles: ReadonlySet<string> = new Set(["KEY_CLOSED", "BAD_KEY", "SIGN_FAILED"]);

/**
 * Has the evidence of a digest stand beside it before an environment moves there. Why it cannot, one sentence each, where a person has to see to it first: then it is an alarm as well, and nothing moves. Nothing
 * where it stands there, or none is asked for. Throws what registry and store throw.
 */
export async function attestCandidate(
  ctx: Context,
  image: string,
  digest: Digest,
  environment: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const alarm = { code: "evidence", subject: image };
  const { reasons, hint } = await tryAttest(ctx, image, digest, environment, signal);
  if (reasons.length === 0) {
    if (ctx.evidence !== undefined) await ctx.store.saveAlarmCleared(alarm);
    return [];
  }
  const message = `${image}@${digest} goes nowhere: its evidence cannot be made: ${reasons.join("; ")}`;
  const raised = await ctx.store.saveAlarm({
    ...alarm,
    severity: "error",
    message,
    ...(hint === undefined ? {} : { hint }),
  });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  return reasons;
}

async function tryAttest(
  ctx: Context,
  image: string,
  digest: Digest,
  environment: string,
  signal: AbortSignal,
): Promise<{ readonly reasons: readonly string[]; readonly hint?: string | undefined }> {
  try {
    const attested = await attestDigest(ctx, image, digest, environment, signal);
    if (attested.kind === "attested" && attested.added > 0)
      ctx.emit({
        kind: "note",
        image,
        environment,
        digest,
        message: `${attested.added} pieces of evidence are signed`,
      });
    return { reasons: attested.kind === "refused" ? attested.reasons : [] };
  } catch (error) {
    if (!(error instanceof AppError) || !keyTroubles.has(error.code)) throw error;
    return { reasons: [error.message], hint: error.hint };
  }
}
