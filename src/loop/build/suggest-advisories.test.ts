import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeDeb } from "../../../test/fakes/make-deb.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import { sha256 } from "../../lib/index.ts";
import { suggestAdvisories } from "./suggest-advisories.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-suggest-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const changelog = `libsmall (1.1-1) small; urgency=medium

  * Refuse tables whose length lies (CVE-2099-0001).
  * Count from zero (CVE-2099-0002).

 -- Nobody <nobody@example.invalid>  Mon, 01 Jan 2024 00:00:00 +0000

libsmall (1.0-1) small; urgency=medium

  * First release.

 -- Nobody <nobody@example.invalid>  Sun, 01 Jan 2023 00:00:00 +0000
`;
const installed: Inventory = {
  platform: { os: "linux", architecture: "amd64" },
  os: undefined,
  packages: [
    {
      type: "deb",
      name: "libsmall1",
      version: "1.0-1",
      architecture: "amd64",
      source: "libsmall",
      sourceVersion: "1.0-1",
      layer: sha256(""),
    },
  ],
  status: "complete",
  system: "complete",
  problems: [],
};

async function suggest(confirmed: readonly string[] | undefined, text = changelog): Promise<Cause | undefined> {
  const deb = await makeDeb({
    name: "libsmall1",
    version: "1.1-1",
    fields: { Source: "libsmall" },
    entries: [{ path: "usr/share/doc/libsmall1/changelog.Debian.gz", content: gzipSync(text) }],
  });
  const path = join(folder, "libsmall1.deb");
  await writeFile(path, deb.bytes);
  const cause: Cause = {
    kind: "package",
    source: "libsmall",
    to: "1.1-1",
    packages: [],
    origin: "small",
    firstSeen: 0,
    security: true,
    advisories: confirmed ?? [],
    ...(confirmed === undefined ? {} : { confirmed }),
  };
  const record = { name: "libsmall1", source: "libsmall", sourceVersion: "1.1-1", size: 1 } as PackageRecord;
  const [found] = await suggestAdvisories([{ key: "k", cause }], [installed], [record], () => Promise.resolve(path));
  return found?.cause;
}

describe("suggestAdvisories", () => {
  it("adds what the changelog names, apart from what a feed names", async () => {
    expect(await suggest(["CVE-2099-0001", "DSA-1-1"])).toMatchObject({
      advisories: ["CVE-2099-0001", "CVE-2099-0002", "DSA-1-1"],
      confirmed: ["CVE-2099-0001", "DSA-1-1"],
    });
  });

  it("makes nothing of it a feed's word", async () => {
    const cause = await suggest(undefined);
    expect(cause).toMatchObject({ advisories: ["CVE-2099-0001", "CVE-2099-0002"] });
    expect(cause).not.toHaveProperty("confirmed");
  });

  it("leaves a feed's word alone where the changelog cannot be read", async () => {
    const cause = await suggest(["DSA-1-1"], "no changelog");
    expect(cause).toMatchObject({ advisories: ["DSA-1-1"], confirmed: ["DSA-1-1"] });
  });
});
