import { readCleartextMessage, readKey, readKeys, verify, type PublicKey } from "openpgp";
import { messageOf, type Instant } from "../../lib/index.ts";
import { isArmored, type SignatureVerdict, type SignedRelease } from "./signed-release.ts";

type Signature = Awaited<ReturnType<typeof verify>>["signatures"][number];

/** What OpenPGP.js says of a release. */
export async function verifyWithOpenpgp({ inRelease, keys, now }: SignedRelease): Promise<SignatureVerdict> {
  try {
    const trusted = await readTrusted(keys);
    if (trusted.length === 0) return { kind: "bad", why: "no key is trusted for it" };
    const message = await readCleartextMessage({ cleartextMessage: inRelease.toString("utf8") });
    const { signatures } = await verify({ message, verificationKeys: trusted, date: new Date(now) });
    const verdicts = await Promise.allSettled(signatures.map((one) => requireGood(one, trusted, now)));
    if (verdicts.some(({ status }) => status === "fulfilled")) return { kind: "good", text: message.getText() };
    const reasons = verdicts.flatMap((one) => (one.status === "rejected" ? [messageOf(one.reason)] : []));
    return { kind: "bad", why: reasons.join("; ") || "it has no signature" };
  } catch (error) {
    return { kind: "bad", why: messageOf(error) };
  }
}

/** Throws where a signature is not good, or its key cannot sign any more: the library asks only whether it could when it did. */
async function requireGood(result: Signature, trusted: readonly PublicKey[], now: Instant): Promise<void> {
  await result.verified;
  const key = trusted.find((one) => one.getKeys(result.keyID).length > 0);
  if (key === undefined) throw new Error(`key ${result.keyID.toHex()} is not trusted`);
  await key.getSigningKey(result.keyID, new Date(now));
}

async function readTrusted(keys: readonly Uint8Array[]): Promise<PublicKey[]> {
  const read: PublicKey[] = [];
  for (const bytes of keys) {
    try {
      if (isArmored(bytes)) read.push(await readKey({ armoredKey: Buffer.from(bytes).toString("utf8") }));
      else read.push(...(await readKeys({ binaryKeys: bytes })));
    } catch (error) {
      throw new Error(`a trusted key cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
  return read;
}
