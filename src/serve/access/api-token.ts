import { randomBytes } from "node:crypto";
import { sha256, type Digest } from "../../lib/index.ts";

/** A token that was just made: `text` is for its holder, the rest is kept. */
export interface MintedToken {
  readonly id: string;
  readonly text: string;
  readonly hash: Digest;
}

/** `tdm_`, 16 hexadecimal digits that name it, and 256 random bits in base64url. */
const form = /^tdm_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** Makes a token of 256 random bits: nothing that could be guessed, so a plain hash is enough to keep. */
export function mintToken(): MintedToken {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, text: `tdm_${id}_${secret}`, hash: sha256(secret) };
}

/** The parts of what a caller sent; undefined where it is no token of ours. */
export function parseToken(text: string): { readonly id: string; readonly hash: Digest } | undefined {
  const [, id, secret] = form.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, hash: sha256(secret) };
}
