import { appendFile, cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { listKeys, makeKeys, rotateKeys } from "../../src/io/sign/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { smallPackages, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import { cosign, createSignedFleet, passphrase, run } from "./signed-fleet.ts";
import { readBlocks, unpackExport } from "./unpack-export.ts";

const it = needs(cosign.missing);
let small: SmallFleet;
let open: OpenFleet;
let folder: string;
let whole: string;
let digest: Digest;
/** The reader's own copy of the public key. */
let ownKey: string;

beforeAll(async () => {
  if (cosign.missing !== undefined) return;
  small = await createSignedFleet();
  await small.publish(smallPackages());
  open = await small.open();
  await open.run(["small-alone", "small-root"]);
  digest = (await open.pointer("small-alone")) ?? "sha256:";
  folder = await mkdtemp(join(tmpdir(), "tidemill-export-"));
  // What an old key signed is in the export as well.
  await rotateKeys(join(small.folder, "mill"), "ed25519", passphrase);
  await open.operations.vexAdd({ vulnerability: "CVE-2026-1", status: "fixed", reason: "ours", by: "ann" });
  whole = await unpackExport(open, "small-alone", folder, "whole");
  ownKey = join(folder, "own.pub");
  await cp(join(small.folder, "mill.pub"), ownKey);
  await mkdir(join(folder, "bin"));
  await symlink(cosign.path, join(folder, "bin", "cosign"));
}, 120_000);
afterAll(async () => {
  if (cosign.missing !== undefined) return;
  await open.close();
  await small.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Runs what the README of a whole export says, in a folder; rejects at the first block that fails. */
async function verify(at: string, blocks: readonly string[], key = ownKey): Promise<void> {
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`, KEY: key, HOME: folder };
  for (const block of blocks) await run("sh", ["-e", "-c", block], { cwd: at, env });
}

describe("an export", () => {
  it("holds what an auditor asks for", async () => {
    const files = await readdir(whole, { recursive: true });
    for (const path of [
      "README.md",
      "SHA256SUMS.sig",
      "audit/extract.jsonl",
      "why.json",
      "statements.tsv",
      `image/${digest.slice(7)}.json`,
    ])
      expect(files).toContain(path);
    const names = files
      .filter((path) => path.startsWith("documents/"))
      .map((path) => path.replace(/^documents\/(.*)-[0-9a-f]{12}\.json$/, "$1"));
    expect(new Set(names)).toEqual(
      new Set(["signature", "sbom-cyclonedx", "sbom-spdx", "provenance", "checks", "verification-summary", "scan"]),
    );
    const actions = (await readFile(join(whole, "audit/extract.jsonl"), "utf8"))
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { action: string }).action);
    expect(new Set(actions)).toEqual(
      new Set(["rebuild-built", "rebuild-promoted", "verified", "signed", "attested", "intent", "promoted"]),
    );
    // The old key and the new one.
    expect(files.filter((path) => path.startsWith("keys/"))).toHaveLength(2);
  });

  it("is verified by its own README, and needs no network for it", async () => {
    const blocks = await readBlocks(whole);
    expect(blocks).toHaveLength(4);
    await verify(whole, blocks);
  });

  it("is the same file when nothing has changed", async () => {
    await unpackExport(open, "small-alone", folder, "again");
    const sums = (name: string): Promise<string> => readFile(join(folder, name, "SHA256SUMS"), "utf8");
    expect(await sums("again")).toBe(await sums("whole"));
  });

  const first = async (at: string, kind: string): Promise<string> => {
    const found = (await readdir(join(at, "statements"))).sort().find((name) => name.startsWith(kind));
    return (found ?? "").replace(/\.json$/, "");
  };
  const replace = async (path: string, from: string | RegExp, to: string): Promise<void> => {
    const text = await readFile(path, "utf8");
    expect(text.replace(from, to)).not.toBe(text);
    await writeFile(path, text.replace(from, to));
  };
  /** As somebody would who has no key: the list of hashes is made anew. */
  const sumAnew = async (at: string): Promise<void> => {
    const listed =
      "find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.sig | sort | xargs sha256sum > SHA256SUMS.new; mv SHA256SUMS.new SHA256SUMS";
    await run("sh", ["-c", listed], { cwd: at });
  };

  const tampering: Readonly<Record<string, (at: string) => Promise<void>>> = {
    "a package in a document": async (at) =>
      replace(join(at, "documents", `${await first(at, "sbom-spdx")}.json`), "small-gauge", "small-other"),
    "a statement": async (at) =>
      replace(join(at, "statements", `${await first(at, "provenance")}.json`), "small-gauge", "small-other"),
    "a bundle": async (at) =>
      replace(join(at, "bundles", `${await first(at, "scan")}.sigstore.json`), /"payload":"./, '"payload":"A'),
    "a signature": async (at) => writeFile(join(at, "signatures", `${await first(at, "checks")}.sig`), "nonsense"),
    "the manifest": (at) => appendFile(join(at, "image", `${digest.slice(7)}.json`), "\n"),
    "an audit row": (at) => replace(join(at, "audit/extract.jsonl"), '"verdict":"passed"', '"verdict":"failed"'),
    "a file that is gone": (at) => rm(join(at, "why.json")),
    "a file that came to it": (at) => writeFile(join(at, "documents", "extra.json"), "{}"),
    "a key and all its hashes": async (at) => {
      await makeKeys(join(at, "eve"), "ed25519", passphrase);
      const [key] = await readdir(join(at, "keys"));
      await cp(join(at, "eve.pub"), join(at, "keys", key ?? ""));
      for (const name of ["eve.pub", "eve.key"]) await rm(join(at, name));
      await sumAnew(at);
    },
    "a statement about another digest, with all hashes": async (at) => {
      const other = await unpackExport(open, "small-root", folder, `other-${Date.now()}`);
      const [name, theirs] = [await first(at, "provenance"), await first(other, "provenance")];
      for (const [part, end] of [
        ["statements", ".json"],
        ["signatures", ".sig"],
        ["bundles", ".sigstore.json"],
      ] as const)
        await cp(join(other, part, `${theirs}${end}`), join(at, part, `${name}${end}`));
      await sumAnew(at);
    },
    "the list of hashes": (at) => appendFile(join(at, "SHA256SUMS"), "\n"),
    "the signature of that list": (at) => writeFile(join(at, "SHA256SUMS.sig"), Buffer.alloc(64)),
  };
  for (const [what, change] of Object.entries(tampering))
    it(`with ${what} changed is not believed`, async () => {
      const at = await mkdtemp(join(folder, "tampered-"));
      await cp(whole, at, { recursive: true });
      await change(at);
      // The README is the reader's own: one that was changed would say what its changer likes.
      await expect(verify(at, await readBlocks(whole))).rejects.toThrow();
    });

  it("of statements swapped for another digest's fails by openssl and cosign alone as well", async () => {
    const at = await mkdtemp(join(folder, "swapped-"));
    await cp(whole, at, { recursive: true });
    await tampering["a statement about another digest, with all hashes"]?.(at);
    const [, , byOpenssl = "", byCosign = ""] = await readBlocks(whole);
    await expect(verify(at, [byOpenssl])).rejects.toThrow(/is about something else/);
    await expect(verify(at, [byCosign])).rejects.toThrow();
  });

  it("of a statement in another's place fails by openssl alone as well, though both are signed", async () => {
    const at = await mkdtemp(join(folder, "mixed-"));
    await cp(whole, at, { recursive: true });
    const [name, other] = [await first(at, "provenance"), await first(at, "scan")];
    await cp(join(at, "statements", `${other}.json`), join(at, "statements", `${name}.json`));
    await cp(join(at, "signatures", `${other}.sig`), join(at, "signatures", `${name}.sig`));
    const [, , byOpenssl = ""] = await readBlocks(whole);
    await expect(run("sh", ["-e", "-c", byOpenssl], { cwd: at })).rejects.toMatchObject({
      stdout: expect.stringContaining("is of another type"),
    });
  });

  it("is written by a command, and refused where nothing is signed", async () => {
    const [key] = await listKeys(join(small.folder, "mill"));
    expect(await readFile(join(whole, "README.md"), "utf8")).toContain(key?.key.fingerprint.slice(7));
    await expect(open.operations.evidenceExport({ image: "small-alone", to: "relative.tar" })).rejects.toMatchObject({
      code: "BAD_INPUT",
    });
    await expect(
      open.operations.evidenceExport({ image: "small-app", to: join(folder, "x.tar") }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(
      open.operations.evidenceExport({ image: "small-alone", digest: "ffffffffffff", to: join(folder, "x.tar") }),
    ).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
