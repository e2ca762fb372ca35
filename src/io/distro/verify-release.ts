import type { Instant } from "../../lib/index.ts";
import { DistroError } from "./error.ts";
import { verifyWithGpgv } from "./verify-with-gpgv.ts";
import { verifyWithOpenpgp } from "./verify-with-openpgp.ts";

const begin = "-----BEGIN PGP SIGNED MESSAGE-----";
const middle = "-----BEGIN PGP SIGNATURE-----";
const end = "-----END PGP SIGNATURE-----";

/**
 * The text that an InRelease file signs: one clear-signed message (RFC 9580, section 7) with nothing before, after or beside it, and a good signature
 * by one of `keys`, neither signature nor key expired at `now`. One good signature is enough: archives sign with an old and a new key. Checked by gpgv
 * where it is installed, else by OpenPGP.js; both give the same verdict. Throws BAD_SIGNATURE, naming `what`.
 */
export async function verifyRelease(
  inRelease: Buffer,
  keys: readonly Uint8Array[],
  now: Instant,
  what: string,
): Promise<string> {
  const odd = findOddBlock(inRelease.toString("latin1"));
  if (odd !== undefined) throw bad(what, odd);
  if (keys.length === 0) throw bad(what, "no key is trusted for it");
  const release = { inRelease, keys, now };
  const verdict = (await verifyWithGpgv(release)) ?? (await verifyWithOpenpgp(release));
  if (verdict.kind === "bad") throw bad(what, verdict.why);
  return verdict.text;
}

/** Why `text` is not one signed message and nothing else; undefined where it is. */
function findOddBlock(text: string): string | undefined {
  const lines = text.split(/\r?\n/);
  const at = (marker: string): number[] => lines.flatMap((line, index) => (line.startsWith(marker) ? [index] : []));
  const [begins, middles, ends] = [at(begin), at(middle), at(end)];
  if (begins.length !== 1 || middles.length !== 1 || ends.length !== 1) return "it is not one signed message";
  const outside = [...lines.slice(0, begins[0]), ...lines.slice((ends[0] ?? 0) + 1)];
  if (outside.some((line) => line.trim() !== "")) return "text stands outside of the signed message";
  const isInOrder = (begins[0] ?? 0) < (middles[0] ?? 0) && (middles[0] ?? 0) < (ends[0] ?? 0);
  return isInOrder ? undefined : "its parts are out of order";
}

function bad(what: string, why: string): DistroError {
  return new DistroError("BAD_SIGNATURE", `${what}: ${why}`, {
    hint: "The mirror serves something that the archive did not sign, the keyring is of another release, or the clock of this machine is wrong. What was fetched before stays in use.",
  });
}
