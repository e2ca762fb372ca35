import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeKeys } from "../../src/io/sign/index.ts";
import { createSmallFleet, type Change, type SmallFleet } from "../faults/small-fleet.ts";
import { buildGoProgram } from "../go-program.ts";

export const run = promisify(execFile);
export const cosign = await buildGoProgram("github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1");
export const passphrase = "the passphrase of a test";

/** A small fleet whose promotions are signed by `mill.key` in its folder. */
export async function createSignedFleet(change: Change = {}): Promise<SmallFleet> {
  const small = await createSmallFleet(change, { TIDEMILL_KEY_PASSPHRASE: passphrase });
  await makeKeys(join(small.folder, "mill"), "ecdsa-p256", passphrase);
  await small.configure({ ...change, evidence: { key: "mill.key", ...change.evidence } });
  // A bundle is verified by a key alone, but cosign wants a root as well, and looks for one in the network without it.
  await writeFile(
    join(small.folder, "root.json"),
    '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
  );
  return small;
}

/** Predicate types by the names that cosign has for them. */
export const cosignTypes = ["slsaprovenance1", "cyclonedx", "spdxjson", "vuln"] as const;

/** What cosign says with that public key of the fleet's folder; rejects where it refuses. */
export async function cosignVerify(folder: string, reference: string, key = "mill.pub"): Promise<string> {
  const { stdout } = await run(cosign.path, ["verify", ...keyArguments(folder, key), reference]);
  return stdout;
}

/** The statement that cosign believes, of a predicate type as its `--type` takes it. */
export async function cosignStatement(
  folder: string,
  reference: string,
  type: string,
  key = "mill.pub",
): Promise<Statement> {
  const bundles = ["--new-bundle-format", "--trusted-root", join(folder, "root.json"), "--type", type];
  const args = ["verify-attestation", ...keyArguments(folder, key), ...bundles, reference];
  const { stdout } = await run(cosign.path, args, { maxBuffer: 64 * 2 ** 20 });
  const [line = ""] = stdout.trim().split("\n");
  const { payload } = JSON.parse(line) as { readonly payload: string };
  return JSON.parse(Buffer.from(payload, "base64").toString()) as Statement;
}

export interface Statement {
  readonly subject: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

function keyArguments(folder: string, key: string): string[] {
  return ["--key", join(folder, key), "--insecure-ignore-tlog=true", "--allow-insecure-registry"];
}
