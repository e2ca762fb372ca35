import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unarmor } from "openpgp";
import { messageOf, printable, type Instant } from "../../lib/index.ts";
import { isDiskError } from "./error.ts";
import { isArmored, type SignatureVerdict, type SignedRelease } from "./signed-release.ts";

const timeLimitMs = 30_000;
const maxStatus = 1_048_576;

/**
 * What gpgv says of a release; undefined where it is not installed. The process gets a folder of its own with the keyring and the file, no shell and no
 * settings of this user, and ends after {@link timeLimitMs}. Digests that apt calls weak count as none.
 */
export async function verifyWithGpgv(
  { inRelease, keys, now }: SignedRelease,
  program = "gpgv",
): Promise<SignatureVerdict | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-gpgv-"));
  try {
    const [keyring, signed, text] = ["trusted.gpg", "InRelease", "text"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const binary = await readBinary(keys);
    if (binary.length === 0) return { kind: "bad", why: "no key is trusted for it" };
    await writeFile(keyring, binary);
    await writeFile(signed, inRelease);
    const weak = ["MD5", "SHA1", "RIPEMD160"].flatMap((name) => ["--weak-digest", name]);
    const fixed = ["--homedir", folder, "--status-fd", "1", "--ignore-time-conflict", ...weak];
    const ran = await run(program, [...fixed, "--keyring", keyring, "--output", text, signed]);
    if (ran === undefined) return undefined;
    const status = parseGpgvStatus(ran.status, now);
    if (status.kind === "bad") return { kind: "bad", why: ran.trouble ?? status.why };
    return { kind: "good", text: (await readFile(text, "utf8")).replaceAll("\r\n", "\n") };
  } catch (error) {
    if (isDiskError(error)) throw error;
    return { kind: "bad", why: messageOf(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readBinary(keys: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (const key of keys) {
    if (!isArmored(key)) parts.push(key);
    else parts.push((await unarmor(Buffer.from(key).toString("utf8"))).data as Uint8Array);
  }
  return Buffer.concat(parts);
}

/** Runs gpgv; its exit status says nothing that the status lines do not. Undefined where there is no such program. */
function run(program: string, args: string[]): Promise<{ status: string; trouble?: string } | undefined> {
  const env = { PATH: process.env["PATH"], LC_ALL: "C" };
  const options = { env, timeout: timeLimitMs, killSignal: "SIGKILL", maxBuffer: maxStatus } as const;
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      const hasEnded = error === null || typeof error.code === "number";
      if (hasEnded && stdout.startsWith("[GNUPG:] ")) return resolve({ status: stdout });
      if (error === null) return resolve({ status: "" });
      if (error.code === "ENOENT" || error.code === "EACCES") return resolve(undefined);
      const why = error.killed === true ? `it did not end in ${timeLimitMs / 1000} s` : stderr.trim() || error.message;
      resolve({ status: "", trouble: `gpgv does not work: ${printable(why.slice(0, 500))}` });
    });
  });
}

/** Status words that say of a signature why it does not count. GnuPG, doc/DETAILS. */
const refusals: Readonly<Record<string, string>> = {
  BADSIG: "a signature is wrong",
  ERRSIG: "a signature cannot be checked",
  NO_PUBKEY: "it is signed by a key that is not trusted",
  EXPSIG: "a signature has expired",
  EXPKEYSIG: "the key of a signature has expired",
  REVKEYSIG: "the key of a signature was revoked",
  NODATA: "it has no signature",
};

/**
 * What the lines that gpgv writes to its status file say: good where at least one signature is `GOODSIG` and `VALIDSIG`, was made by `now` and has not
 * expired then. GnuPG, doc/DETAILS, "Format of the --status-fd output".
 */
export function parseGpgvStatus(
  status: string,
  now: Instant,
): { readonly kind: "good" } | { readonly kind: "bad"; readonly why: string } {
  const reasons = new Set<string>();
  let isGood = false;
  for (const line of status.split("\n")) {
    const [mark, word = "", ...rest] = line.split(" ");
    if (mark !== "[GNUPG:]") continue;
    if (word === "NEWSIG") isGood = false;
    else if (word === "GOODSIG") isGood = true;
    else if (word === "VALIDSIG" && isGood) {
      const [made, expires] = [Number(rest[2]) * 1000, Number(rest[3]) * 1000];
      if (made <= now && (expires === 0 || expires > now)) return { kind: "good" };
      reasons.add(made <= now ? (refusals["EXPSIG"] ?? word) : "a signature was made in the future");
    } else {
      const why = refusals[word];
      if (why === undefined) continue;
      isGood = false;
      reasons.add(word === "ERRSIG" && rest[5] === "9" ? (refusals["NO_PUBKEY"] ?? why) : why);
    }
  }
  return { kind: "bad", why: [...reasons].join("; ") || "it has no good signature" };
}
