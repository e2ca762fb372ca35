import {
  isForeignLayer,
  parseDocument,
  type Descriptor,
  type ImageManifest,
  type ImageSource,
} from "../../core/image/index.ts";
import type { Pointer } from "../../io/store/index.ts";
import { RegistryError } from "../../io/registry/index.ts";
import { messageOf, sha256, type Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { moveTag } from "./move-tag.ts";
import { raiseConflict } from "./promote-candidate.ts";
import { rollBack } from "./roll-back.ts";

export interface ServedReport {
  readonly checked: number;
  readonly repaired: number;
  readonly rolledBack: number;
}

/**
 * Looks at what the registry serves for every environment: a tag that a late write of ours left behind is put right, one that somebody else moved is a conflict, and an
 * image that can no longer be pulled whole is taken back to the last good digest. A registry that does not answer decides nothing.
 */
export async function checkServed(
  ctx: Context,
  isDue: (pointer: Pointer) => boolean = () => true,
): Promise<ServedReport> {
  const pointers = (await ctx.store.loadPointers()).filter(
    (one) => ctx.config.images[one.image] !== undefined && isDue(one),
  );
  let repaired = 0;
  let rolledBack = 0;
  for (const { image, environment, digest } of pointers) {
    ctx.signal.throwIfAborted();
    if (digest === null) continue;
    try {
      const tagged = (await ctx.repositoryOf(image).resolve(environment, ctx.signal))?.digest;
      if (tagged !== digest) {
        const moved = await moveTag(ctx, { image, environment, digest });
        if (moved.kind === "conflict") {
          await raiseConflict(ctx, { image, environment }, moved.found);
          continue;
        }
        repaired += 1;
      }
      const problem = await findUnpullable(ctx.repositoryOf(image), digest, ctx.signal);
      if (problem === undefined) {
        await ctx.store.saveAlarmCleared(unhealthyAlarm(image, environment));
        continue;
      }
      if (await takeBack(ctx, { image, environment, digest }, problem)) rolledBack += 1;
    } catch (error) {
      ctx.signal.throwIfAborted();
      ctx.log.warn({ image, environment, error: messageOf(error) }, "what is served could not be looked at");
    }
  }
  return { checked: pointers.length, repaired, rolledBack };
}

async function takeBack(
  ctx: Context,
  pointer: { readonly image: string; readonly environment: string; readonly digest: Digest },
  problem: string,
): Promise<boolean> {
  const { image, environment, digest } = pointer;
  const alarm = unhealthyAlarm(image, environment);
  const message = `${image}@${digest} cannot be pulled from ${environment}: ${problem}`;
  const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  const reason = `unhealthy after promotion: ${problem}`;
  const decision = await rollBack(ctx, { image, environment, by: "tidemill", reason });
  if (decision.kind === "rollback") return true;
  ctx.log.error({ image, environment, reasons: decision.reasons }, "there is nothing to go back to");
  return false;
}

/** Why an image cannot be pulled whole; undefined where it can. Documents are read and checked, of each layer the first bytes. */
export async function findUnpullable(
  source: ImageSource,
  digest: Digest,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const raw = await source.manifest(digest, signal);
  if (raw === undefined) return `the manifest ${digest} is gone`;
  if (sha256(raw.bytes) !== digest) return `the manifest ${digest} is not the one that was pushed`;
  const document = parseDocument(raw);
  if (document.kind === "index") {
    for (const child of document.index.manifests) {
      const problem = await findUnpullable(source, child.digest, signal);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  return findMissingBlob(source, document.manifest, signal);
}

async function findMissingBlob(
  source: ImageSource,
  manifest: ImageManifest,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const blobs: Descriptor[] = [manifest.config, ...manifest.layers.filter((layer) => !isForeignLayer(layer))];
  for (const descriptor of blobs) {
    try {
      for await (const piece of source.blob(descriptor, signal)) if (piece.byteLength > 0) break;
    } catch (error) {
      if (!isGone(error)) throw error;
      return `the blob ${descriptor.digest} is gone`;
    }
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  return (
    error instanceof RegistryError && ["BLOB_UNKNOWN", "NOT_FOUND", "WRONG_BYTES", "WRONG_SIZE"].includes(error.code)
  );
}

function unhealthyAlarm(image: string, environment: string): { readonly code: string; readonly subject: string } {
  return { code: "unhealthy", subject: `${image}:${environment}` };
}
