import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verify } from "node:crypto";
import { digestHex, printable, runInGroup, sha256 } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import { readPublicKey } from "./key-files.ts";
import type { Signer } from "./read-private-key.ts";

/** A program that signs with a key which nobody else can read: of a KMS, on a token. */
export interface SigningProgram {
  readonly command: readonly string[];
  /** Path of the public key. */
  readonly publicKey: string;
  /** Beside PATH and HOME, all that it is told. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

const maxSignature = 16_384;
const maxSaid = 2000;

/**
 * What signs by a program. It is told the path of the bytes (TIDEMILL_SIGN_FILE) and their SHA-256 in hex (TIDEMILL_SIGN_SHA256), and prints the signature in base64: ECDSA in DER over SHA-256, or Ed25519 over the
 * bytes. What the public key does not verify is not taken. Throws KEY_CLOSED where the public key cannot be read, and SIGN_FAILED, to be tried again, where the program gives no signature.
 */
export async function openProgramSigner(program: SigningProgram): Promise<Signer> {
  const key = await readPublicKey(program.publicKey);
  return {
    key,
    pem: key.key.export({ type: "spki", format: "pem" }).toString(),
    sign: async (data) => {
      const signature = await askProgram(program, data);
      const algorithm = key.key.asymmetricKeyType === "ed25519" ? null : "sha256";
      if (verify(algorithm, data, key.key, signature)) return signature;
      throw failed(program, `what it printed is no signature by ${key.name}`, false);
    },
  };
}

async function askProgram(program: SigningProgram, data: Uint8Array): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-sign-"));
  try {
    const file = join(folder, "data");
    await writeFile(file, data, { mode: 0o600 });
    let printed = Buffer.alloc(0);
    let said = Buffer.alloc(0);
    const ended = await runInGroup({
      command: program.command,
      env: { ...program.env, TIDEMILL_SIGN_FILE: file, TIDEMILL_SIGN_SHA256: digestHex(sha256(data)) },
      timeoutMs: program.timeoutMs,
      onOutput: (piece, stream) => {
        if (stream === "stderr") said = Buffer.concat([said, piece]).subarray(-maxSaid);
        else if (printed.length <= maxSignature) printed = Buffer.concat([printed, piece]);
      },
    });
    if (ended.kind === "not started") throw failed(program, `it cannot be started: ${ended.reason}`, false);
    if (ended.kind === "late") throw failed(program, `it did not end in ${program.timeoutMs / 1000} s`, true);
    if (ended.status !== 0)
      throw failed(program, `it ended with ${ended.status ?? "a signal"}: ${said.toString()}`, true);
    const text = printed.toString().trim();
    if (text === "" || printed.length > maxSignature || !/^[A-Za-z0-9+/\s]*={0,2}$/.test(text))
      throw failed(program, "what it printed is not base64", false);
    return Buffer.from(text, "base64");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function failed({ command }: SigningProgram, why: string, retry: boolean): SignError {
  return new SignError(
    "SIGN_FAILED",
    `the program that signs, ${command[0] ?? ""}: ${printable(why.slice(0, maxSaid))}`,
    {
      retry,
      hint: "It is told TIDEMILL_SIGN_FILE and TIDEMILL_SIGN_SHA256, and prints the signature in base64.",
    },
  );
}
