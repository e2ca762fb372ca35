import { readCleartextMessage, readKey, readKeys, verify, type PublicKey } from "openpgp";
import { messageOf, type Instant } from "../../lib/index.ts";
import { DistroError } from "./error.ts";

const begin = "-----BEGIN PGP SIGNED MESSAGE-----";
const middle = "-----BEGIN PGP SIGNATURE-----";
const end = "-----END PGP SIGNATURE-----";

/**
 * The text that an InRelease file signs: one clear-signed message (RFC 9580, section 7) with nothing before, after or beside it, and a good signature
 * by one of `keys` that was valid at `now`. Throws BAD_SIGNATURE, naming `what`.
 */
export async function verifyRelease(
  inRelease: Buffer,
  keys: readonly Uint8Array[],
  now: Instant,
  what: string,
): Promise<string> {
  const text = inRelease.toString("utf8");
  requireSingleBlock(text, what);
  const trusted = await readTrusted(keys, what);
  try {
    const message = await readCleartextMessage({ cleartextMessage: text });
    const { signatures } = await verify({ message, verificationKeys: trusted, date: new Date(now) });
    const verdicts = await Promise.allSettled(signatures.map(({ verified }) => verified));
    if (verdicts.some(({ status }) => status === "fulfilled")) return message.getText();
    const reasons = verdicts.flatMap((one) => (one.status === "rejected" ? [messageOf(one.reason)] : []));
    throw bad(what, reasons.join("; ") || "it has no signature");
  } catch (error) {
    if (error instanceof DistroError) throw error;
    throw bad(what, messageOf(error));
  }
}

function requireSingleBlock(text: string, what: string): void {
  const lines = text.split(/\r?\n/);
  const at = (marker: string): number[] => lines.flatMap((line, index) => (line.startsWith(marker) ? [index] : []));
  const [begins, middles, ends] = [at(begin), at(middle), at(end)];
  if (begins.length !== 1 || middles.length !== 1 || ends.length !== 1) throw bad(what, "it is not one signed message");
  const outside = [...lines.slice(0, begins[0]), ...lines.slice((ends[0] ?? 0) + 1)];
  if (outside.some((line) => line.trim() !== "")) throw bad(what, "text stands outside of the signed message");
  if ((begins[0] ?? 0) > (middles[0] ?? 0) || (middles[0] ?? 0) > (ends[0] ?? 0))
    throw bad(what, "its parts are out of order");
}

async function readTrusted(keys: readonly Uint8Array[], what: string): Promise<PublicKey[]> {
  const read: PublicKey[] = [];
  for (const bytes of keys) {
    const armored = Buffer.from(bytes).toString("latin1", 0, 64).trimStart().startsWith("-----BEGIN");
    try {
      if (armored) read.push(await readKey({ armoredKey: Buffer.from(bytes).toString("utf8") }));
      else read.push(...(await readKeys({ binaryKeys: bytes })));
    } catch (error) {
      throw bad(what, `a trusted key cannot be read: ${messageOf(error)}`);
    }
  }
  if (read.length === 0) throw bad(what, "no key is trusted for it");
  return read;
}

function bad(what: string, why: string): DistroError {
  return new DistroError("BAD_SIGNATURE", `${what}: ${why}`, {
    hint: "The mirror serves something that the archive did not sign, or the keyring is of another release. What was fetched before stays in use.",
  });
}
