import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why no certificate can be made here, for `needs`. */
export const missingOpenssl =
  spawnSync("openssl", ["version"]).status === 0 ? undefined : "openssl, which is not installed";

/** Writes a certificate that is its own authority, for this machine, and its key, both in PEM. */
export async function makeCertificate(
  paths: { readonly cert: string; readonly key: string },
  { name = "localhost", days = 2 }: { readonly name?: string; readonly days?: number } = {},
): Promise<void> {
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", String(days)];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  await run("openssl", ["req", ...kind, ...names, "-keyout", paths.key, "-out", paths.cert]);
}
