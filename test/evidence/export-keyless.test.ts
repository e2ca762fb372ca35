import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { Digest } from "../../src/lib/index.ts";
import { smallPackages, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import { workflow } from "../fakes/openid-issuer.ts";
import { missingSigstore, startSigstore, type Sigstore } from "../sigstore/start-sigstore.ts";
import { cosign, createSignedFleet, run } from "./signed-fleet.ts";
import { readBlocks, unpackExport } from "./unpack-export.ts";

const missing = cosign.missing ?? missingSigstore;
const it = needs(missing);
let sigstore: Sigstore;
let small: SmallFleet;
let open: OpenFleet;
let folder: string;
let digest: Digest;
let whole: string;
/** The blocks of the README, as it was written: the reader's own. */
let blocks: readonly string[];
/** What the reader brings. */
let own: Readonly<Record<"ROOT" | "IDENTITY" | "ISSUER", string>>;

beforeAll(async () => {
  if (missing !== undefined) return;
  sigstore = await startSigstore();
  small = await createSignedFleet();
  await small.publish(smallPackages());
  // By a key, as before identities signed.
  open = await small.open();
  await open.run(["small-root"]);
  await open.close();
  folder = await mkdtemp(join(tmpdir(), "tidemill-export-keyless-"));
  await writeFile(join(small.folder, "token"), sigstore.issuer.token());
  await cp(sigstore.trustedRootPath, join(small.folder, "trusted_root.json"));
  const { fulcio, rekor, timestamp, issuer } = sigstore;
  const who = { issuer: issuer.address, subject: workflow, trustedRoot: "trusted_root.json" };
  const keyless = { fulcio, rekor, timestamp, token: { file: "token" }, ...who };
  await small.configure({ evidence: { keyless, trust: ["mill.pub"] } });
  open = await small.open();
  await open.run(["small-alone", "small-app"]);
  digest = (await open.pointer("small-alone")) ?? "sha256:";
  whole = await unpackExport(open, "small-alone", folder, "whole");
  blocks = await readBlocks(whole);
  own = { ROOT: sigstore.trustedRootPath, IDENTITY: workflow, ISSUER: issuer.address };
  await mkdir(join(folder, "bin"));
  await symlink(cosign.path, join(folder, "bin", "cosign"));
}, 600_000);
afterAll(async () => {
  if (missing !== undefined) return;
  await open.close();
  await small.remove();
  await sigstore.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs blocks as a person would, where no network answers; rejects at the first that fails. */
async function verify(at: string, some: readonly string[] = blocks, brought: Partial<typeof own> = own): Promise<void> {
  const env = {
    PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
    HOME: folder,
    HTTPS_PROXY: "http://127.0.0.1:9",
    HTTP_PROXY: "http://127.0.0.1:9",
    ...brought,
  };
  for (const block of some)
    await run("sh", ["-e", "-c", block], { cwd: at, env }).catch((error: Error & { readonly stdout?: string }) => {
      throw new Error(`${error.stdout}${error.message}`);
    });
}

/** The block of the list, of the statements by openssl, and of all by cosign. */
const listed = (): string => blocks[0] ?? "";
const byOpenssl = (): string => blocks[2] ?? "";
const byCosign = (): string => blocks[3] ?? "";

describe("an export that an identity signed", () => {
  it("holds bundles with certificate, log entry and timestamp, and the trusted root", async () => {
    const files = await readdir(whole, { recursive: true });
    const [root] = files.filter((path) => path.endsWith("/trusted_root.json"));
    expect(await readFile(join(whole, root ?? ""), "utf8")).toBe(sigstore.trustedRoot);
    const bundles = files.filter((path) => path.endsWith(".sigstore.json"));
    expect(bundles).toContain("SHA256SUMS.sigstore.json");
    expect(bundles).toContain("bundles/audit-checkpoint.sigstore.json");
    const kinds = bundles.map((path) => path.replace(/^bundles\/(.*)-[0-9a-f]{12}\.sigstore\.json$/, "$1"));
    for (const kind of [
      "signature",
      "sbom-cyclonedx",
      "sbom-spdx",
      "provenance",
      "checks",
      "verification-summary",
      "scan",
    ])
      expect(kinds).toContain(kind);
    for (const path of bundles)
      expect(JSON.parse(await readFile(join(whole, path), "utf8"))).toMatchObject({
        verificationMaterial: {
          certificate: { rawBytes: expect.stringMatching(/^MI/) },
          tlogEntries: [{ inclusionProof: { checkpoint: {} } }],
          timestampVerificationData: { rfc3161Timestamps: [{}] },
        },
      });
  });

  it("is verified by its own README without a network, with the reader's root and identity or its own", async () => {
    expect(blocks).toHaveLength(4);
    await verify(whole);
    await verify(whole, blocks, {});
  }, 180_000);

  it("has what a key signed before by that key, and is verified so", async () => {
    const at = await unpackExport(open, "small-root", folder, "mixed");
    const lines = (await readFile(join(at, "statements.tsv"), "utf8")).trim().split("\n");
    const signers = lines.map((line) => line.split("\t")[2]?.split("/")[0]);
    expect(new Set(signers)).toEqual(new Set(["keys", "identities"]));
    await verify(at, [listed(), byOpenssl(), byCosign()]);
    const path = join(at, "statements", `${await first(at, "provenance")}.json`);
    await writeFile(path, (await readFile(path, "utf8")).replace("small-base", "small-other"));
    await expect(verify(at, [byOpenssl()])).rejects.toThrow(/is not as it was signed/);
  }, 180_000);

  it("is not believed for another identity, another issuer, or under another root", async () => {
    const other = { ...own, IDENTITY: "https://github.com/acme/other" };
    await expect(verify(whole, [listed()], other)).rejects.toThrow();
    await expect(verify(whole, [byOpenssl()], other)).rejects.toThrow();
    await expect(verify(whole, [byCosign()], other)).rejects.toThrow(/expected SAN value/);
    const elsewhere = { ...own, ISSUER: "https://issuer.example" };
    await expect(verify(whole, [byCosign()], elsewhere)).rejects.toThrow(/expected issuer value/);
    // The same log and timestamps, and another authority of certificates.
    const { timestampAuthorities, ...rest } = JSON.parse(sigstore.trustedRoot) as Readonly<Record<string, object>>;
    const path = join(folder, "another-root.json");
    await writeFile(
      path,
      JSON.stringify({ ...rest, timestampAuthorities, certificateAuthorities: timestampAuthorities }),
    );
    const root = { ...own, ROOT: path };
    await expect(verify(whole, [listed()], root)).rejects.toThrow();
    await expect(verify(whole, [byOpenssl()], root)).rejects.toThrow(/by no authority of/);
    await expect(verify(whole, [byCosign()], root)).rejects.toThrow(/certificate/);
  }, 180_000);

  const tampered = async (change: (at: string) => Promise<void>): Promise<string> => {
    const at = await mkdtemp(join(folder, "tampered-"));
    await cp(whole, at, { recursive: true });
    await change(at);
    return at;
  };
  const first = async (at: string, kind: string): Promise<string> => {
    const found = (await readdir(join(at, "statements"))).sort().find((name) => name.startsWith(kind));
    return (found ?? "").replace(/\.json$/, "");
  };

  it("is refused with a statement that was changed", async () => {
    const at = await tampered(async (folderOf) => {
      const path = join(folderOf, "statements", `${await first(folderOf, "provenance")}.json`);
      const text = await readFile(path, "utf8");
      expect(text).toContain("small-gauge");
      await writeFile(path, text.replace("small-gauge", "small-other"));
    });
    await expect(verify(at, [listed()])).rejects.toThrow();
    await expect(verify(at, [byOpenssl()])).rejects.toThrow(/is not as it was signed/);
  });

  it("is refused with a bundle whose statement, signature, time or entry was changed", async () => {
    type Bundle = Record<"dsseEnvelope" | "verificationMaterial", Record<string, unknown>>;
    const changes: readonly ((bundle: Bundle) => void)[] = [
      ({ dsseEnvelope }) => (dsseEnvelope["payload"] = Buffer.from("{}").toString("base64")),
      ({ dsseEnvelope }) => (dsseEnvelope["signatures"] = [{ sig: Buffer.alloc(70, 1).toString("base64") }]),
      ({ verificationMaterial }) => (verificationMaterial["timestampVerificationData"] = {}),
      ({ verificationMaterial }) => (verificationMaterial["tlogEntries"] = []),
    ];
    for (const change of changes) {
      const at = await tampered(async (folderOf) => {
        const path = join(folderOf, "bundles", `${await first(folderOf, "scan")}.sigstore.json`);
        const bundle = JSON.parse(await readFile(path, "utf8")) as Bundle;
        change(bundle);
        await writeFile(path, JSON.stringify(bundle));
      });
      await expect(verify(at, [listed()])).rejects.toThrow();
      await expect(verify(at, [byCosign()]), String(change)).rejects.toThrow();
    }
  }, 180_000);

  it("is refused with the bundle of another digest's statement, or of another statement, even with the list made anew", async () => {
    const theirs = await unpackExport(open, "small-app", folder, "other");
    const all = { statements: ".json", signatures: ".sig", bundles: ".sigstore.json", certificates: ".pem" };
    const swap = async (from: string, kind: string, parts: Readonly<Record<string, string>>): Promise<string> =>
      tampered(async (at) => {
        const [name, source] = [await first(at, "provenance"), await first(from, kind)];
        for (const [part, end] of Object.entries(parts))
          await cp(join(from, part, `${source}${end}`), join(at, part, `${name}${end}`));
        const anew = "find . -type f ! -name 'SHA256SUMS*' | sort | xargs sha256sum > SHA256SUMS";
        await run("sh", ["-c", anew], { cwd: at });
      });
    // What is signed of the list would be found first: the statements by themselves.
    const alone = byCosign().replace(/^cosign verify-blob .*$/m, "");
    await verify(whole, [alone]);
    const foreign = await swap(theirs, "provenance", all);
    await expect(verify(foreign, [listed()])).rejects.toThrow();
    await expect(verify(foreign, [byCosign()])).rejects.toThrow();
    await expect(verify(foreign, [byOpenssl()])).rejects.toThrow(/is about something else/);
    await expect(verify(foreign, [alone])).rejects.toThrow(/digest|subject/);
    const mixed = await swap(whole, "scan", all);
    await expect(verify(mixed, [byOpenssl()])).rejects.toThrow(/is of another type/);
    const bundle = await swap(whole, "scan", { bundles: all.bundles });
    await expect(verify(bundle, [alone])).rejects.toThrow(/holds another statement/);
  }, 180_000);

  it("is refused with a file that nobody signed", async () => {
    const at = await tampered((folderOf) => writeFile(join(folderOf, "documents", "extra.json"), "{}"));
    await expect(verify(at, [listed()])).rejects.toThrow();
    expect(await readFile(join(whole, "README.md"), "utf8")).toContain(digest);
  });
});
