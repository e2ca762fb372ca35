import { z } from "zod";
import { askJson, tryShape } from "../../lib/index.ts";
import { OidcError } from "./error.ts";

const address = z
  .string()
  .max(2000)
  .refine((value) => URL.canParse(value), "no address");
const discovery = z.object({ issuer: z.string().max(2000), jwks_uri: address });
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string().max(20) })).max(100) });

/** What an issuer signs by, now. */
export interface FoundKeys {
  readonly keys: z.output<typeof keySet>["keys"];
  /** How far its clock is ahead of `now`, in milliseconds; undefined where it does not say. */
  readonly ahead: number | undefined;
}

const maxBytes = 262_144;

/**
 * The keys of an issuer, by its discovery document. No redirect is followed, and keys come by https unless the issuer itself is on this machine: whoever answers says who everybody
 * is. Throws ISSUER_UNAVAILABLE. OpenID Connect Discovery 1.0, 4.
 */
export async function fetchKeys(issuer: string, now: () => number, signal: AbortSignal): Promise<FoundKeys> {
  const { json, date } = await ask(issuer, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, signal);
  const asked = now();
  const document = tryShape(discovery, json);
  if (!document.success) throw away(issuer, "what it answers is no discovery document");
  const { issuer: named, jwks_uri: place } = document.data;
  if (named !== issuer) throw away(issuer, `it calls itself ${named.slice(0, 200)}`);
  if (!place.startsWith("https://") && new URL(place).origin !== new URL(issuer).origin)
    throw away(issuer, "it names a place of its keys that is not https");
  const set = tryShape(keySet, (await ask(issuer, place, signal)).json);
  if (!set.success) throw away(issuer, "what it answers is no set of keys");
  return { keys: set.data.keys, ahead: date === undefined ? undefined : date - asked };
}

async function ask(issuer: string, url: string, signal: AbortSignal) {
  const answer = await askJson({ url, method: "GET", headers: { accept: "application/json" }, maxBytes }, signal);
  if (answer.kind === "silent") throw away(issuer, answer.reason);
  if (answer.status !== 200) throw away(issuer, `it answers ${answer.status} at ${url.slice(0, 200)}`);
  return answer;
}

function away(issuer: string, reason: string): OidcError {
  return new OidcError("ISSUER_UNAVAILABLE", `the keys of ${issuer} cannot be had: ${reason}`, {
    hint: "`tidemill doctor` on the server looks at each issuer.",
    retry: true,
  });
}
