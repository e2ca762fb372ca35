import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { tarFile, tarTrailer } from "../../src/core/layer/index.ts";
import { sha256 } from "../../src/lib/index.ts";
import { needs } from "../needs.ts";
import { run } from "./signed-fleet.ts";
import { createSignedQuickstart, missing, otherLetter, script, type SignedQuickstart } from "./signed-quickstart.ts";

const it = needs(missing);
let quick: SignedQuickstart;
/** Files of the exports by their path. */
let exported: ReadonlyMap<string, Buffer>;
let otherExport: ReadonlyMap<string, Buffer>;
beforeAll(async () => {
  if (missing !== undefined) return;
  quick = await createSignedQuickstart();
  exported = await quick.exportOf("tide-app");
  otherExport = await quick.exportOf("tide-base");
}, 300_000);
afterAll(() => (missing === undefined ? quick.close() : undefined));

describe("evidence of an image of the quickstart, exported", () => {
  it("is verified whole, by openssl and by cosign, without Tidemill and without a network", async () => {
    const at = join(quick.folder, "tide-app.tar");
    expect(await quick.verify("tar", quick.key, at, quick.digest, "staging", "production")).toMatch(
      /^VERIFIED 8 kinds.* 11 in all/,
    );
    const alone = await run("unshare", ["--net", "true"]).then(
      () => ["--net"],
      () => ["--map-root-user", "--net"],
    );
    const env = { PATH: `${join(quick.folder, "bin")}:/usr/bin:/bin` };
    const { stdout } = await run("unshare", [...alone, script, "tar", quick.key, at, quick.digest], { env });
    expect(stdout).toMatch(/^VERIFIED/);
  }, 180_000);

  it("is refused by another key, as of another quick.digest, and for an environment it has not passed", async () => {
    const at = join(quick.folder, "tide-app.tar");
    await expect(quick.verify("tar", join(quick.folder, "eve.pub"), at, quick.digest)).rejects.toThrow(
      /not signed by the key/,
    );
    await expect(quick.verify("tar", quick.key, at, quick.other)).rejects.toThrow(/is not of sha256/);
    await expect(quick.verify("tar", quick.key, at, quick.digest, "moon")).rejects.toThrow(
      /no verification passed for moon/,
    );
  });

  type Files = Map<string, Buffer>;
  /** How an export may be changed: by whoever has no key, who makes the list of hashes anew, or leaves it. */
  const tampering: Readonly<Record<string, (files: Files) => void | Promise<void>>> = {
    "a byte of a payload": (files) => edit(files, /^bundles\/provenance/, (text) => otherLetter(text, "payload")),
    "a statement": (files) => edit(files, /^statements\/scan/, (text) => text.replace("unknown", "known")),
    "a byte of a signature": (files) => edit(files, /^signatures\/checks/, () => "x".repeat(71)),
    "the subject of a statement": (files) =>
      edit(files, /^statements\/sbom-spdx/, (text) => text.replaceAll(quick.digest.slice(7), quick.other.slice(7))),
    "a key for another": async (files) => {
      const eve = await readFile(join(quick.folder, "eve.pub"), "utf8");
      edit(files, /^keys\//, () => eve);
    },
    "its SBOM for that of another digest": (files) => take(files, "sbom-cyclonedx"),
    "its provenance for that of another digest": (files) => take(files, "provenance"),
    "a document that was not signed so": (files) =>
      edit(files, /^documents\/sbom-cyclonedx/, (text) => text.replace("libtide1", "libtide2")),
    "an attestation that is missing": (files) => {
      for (const name of files.keys()) if (name.includes("/provenance")) files.delete(name);
      edit(files, /^statements.tsv$/, (text) => text.replace(/^provenance.*\n/m, ""));
    },
    "a row of the audit extract changed": (files) =>
      edit(files, /^audit\/extract/, (text) => text.replace('"actor":"tidemill"', '"actor":"nobody"')),
    "a row of the audit extract removed": (files) =>
      edit(files, /^audit\/extract/, (text) => text.slice(text.indexOf("\n") + 1)),
    "the rows of the audit extract reordered": (files) =>
      edit(files, /^audit\/extract/, (text) => `${text.trim().split("\n").reverse().join("\n")}\n`),
    "the row that the checkpoint signs": (files) =>
      edit(files, /^audit\/last-row/, (text) => text.replace(/"seq":\d+/, '"seq":1')),
    "the checkpoint": (files) =>
      edit(files, /^statements\/audit-checkpoint/, (text) => text.replace(/"seq":\d+/, '"seq":1')),
    "the log of a build": (files) => edit(files, /^(?:logs\/.*|why\.json)$/, (text) => text.replace(/tide/, "ebb")),
    "the manifest for another": (files) => {
      const theirs = otherExport.get(`image/${quick.other.slice(7)}.json`);
      files.set(`image/${quick.digest.slice(7)}.json`, theirs ?? Buffer.from(""));
    },
    "the README and its commands": (files) =>
      edit(files, /^README.md$/, (text) => text.replaceAll("openssl", "true #")),
    "the signed list itself": (files) => edit(files, /^SHA256SUMS$/, (text) => `${text}\n`),
    "the whole for another digest's": (files) => {
      files.clear();
      for (const [name, bytes] of otherExport) files.set(name, bytes);
    },
    "a file that nobody signed": (files) => void files.set("documents/extra.json", Buffer.from("{}")),
  };
  for (const [what, change] of Object.entries(tampering))
    for (const summed of [false, true])
      it(`is refused with ${what} changed${summed ? ", and the list of hashes made anew" : ""}`, async () => {
        const files = new Map(exported);
        await change(files);
        if (summed) sumAnew(files);
        const at = join(quick.folder, `tampered-${sha256(what).slice(7, 19)}-${summed}.tar`);
        await writeFile(at, pack(files));
        await expect(quick.verify("tar", quick.key, at, quick.digest)).rejects.toThrow(/REFUSED: \S/);
      });

  it("is refused where it holds links or paths out of itself", async () => {
    const entry = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;
    const at = join(quick.folder, "out.tar");
    await writeFile(at, Buffer.concat([tarFile({ ...entry, path: "../out" }, Buffer.from("x")), tarTrailer]));
    await expect(quick.verify("tar", quick.key, at, quick.digest)).rejects.toThrow(/a path outside of itself/);
    const link = join(quick.folder, "linked");
    await mkdir(link);
    await symlink("/etc/passwd", join(link, "README.md"));
    await run("tar", ["-cf", at, "-C", link, "README.md"]);
    await expect(quick.verify("tar", quick.key, at, quick.digest)).rejects.toThrow(/something else than files/);
    await writeFile(at, "no tar");
    await expect(quick.verify("tar", quick.key, at, quick.digest)).rejects.toThrow(/no tar/);
  });

  function edit(files: Files, which: RegExp, change: (text: string) => string): void {
    const names = [...files.keys()].filter((name) => which.test(name));
    let changed = 0;
    for (const name of names) {
      const before = files.get(name)?.toString("latin1") ?? "";
      const after = change(before);
      if (after === before) continue;
      files.set(name, Buffer.from(after, "latin1"));
      changed += 1;
    }
    // A change that changes nothing would be believed, rightly.
    if (changed === 0) throw new Error(`nothing to change in ${names.join(", ") || String(which)}`);
  }

  function take(files: Files, kind: string): void {
    for (const part of ["statements", "signatures", "bundles", "documents"]) {
      const find = (all: Iterable<string>): string =>
        [...all].find((name) => name.startsWith(`${part}/${kind}`)) ?? "none";
      const theirs = otherExport.get(find(otherExport.keys()));
      if (theirs === undefined) throw new Error(`the other export has no ${kind}`);
      files.set(find(files.keys()), theirs);
    }
  }
});

function pack(files: ReadonlyMap<string, Buffer>): Buffer {
  const entry = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0 } as const;
  return Buffer.concat([...[...files].map(([path, bytes]) => tarFile({ ...entry, path }, bytes)), tarTrailer]);
}

function sumAnew(files: Map<string, Buffer>): void {
  const listed = [...files].filter(([name]) => !name.startsWith("SHA256SUMS"));
  const sums = listed.map(([name, bytes]) => `${sha256(bytes).slice(7)}  ./${name}\n`);
  files.set("SHA256SUMS", Buffer.from(sums.join("")));
}
