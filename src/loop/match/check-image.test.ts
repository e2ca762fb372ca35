import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import type { SuiteRequest } from "../../core/inventory/index.ts";
import { createUniverse } from "../../core/packages/index.ts";
import { createImageReader, createLayerStore, type ImageReader } from "../../io/layer/index.ts";
import { makeTar, type Member } from "../../io/layer/testdata/make-tar.ts";
import { memorySource, putImage } from "../../io/layer/testdata/memory-source.ts";
import { openDockerArchive } from "../../io/registry/index.ts";
import { sha256 } from "../../lib/index.ts";
import { checkImage, type SuiteOffers } from "./check-image.ts";

const osRelease = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n';
const status = (name: string, version: string): string =>
  `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: amd64\nSource: ${name}-src\n\n`;

const changelog = (source: string, version: string): string =>
  `${source} (${version}) bookworm-security; urgency=high\n\n  * Fix CVE-2026-0001.\n\n -- A <a@example.invalid>  Thu, 01 Jan 2026 00:00:00 +0000\n\n${source} (3.0-1) unstable; urgency=low\n\n  * CVE-2020-0001\n`;

function offer(versions: Readonly<Record<string, string>>): SuiteOffers {
  const stanza = ([name, version]: [string, string]): string =>
    `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nSource: ${name}-src\nFilename: pool/${name}.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n\n`;
  const bytes = Buffer.from(Object.entries(versions).map(stanza).join(""));
  const universe = createUniverse("amd64", [{ origin: "bookworm-security", bytes }]);
  const readChangelog = ({ name, version }: { name: string; version: string }) =>
    Promise.resolve(name === "openssl" ? changelog(name, version) : undefined);
  return { universe, since: new Map([["bookworm-security", 1_700_000_000_000]]), readChangelog };
}

let folder: string;
let images: ImageReader;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-"));
  images = createImageReader(createLayerStore(folder));
});
afterAll(() => rm(folder, { recursive: true }));

async function check(
  layers: readonly Member[][],
  offers: () => Promise<SuiteOffers> = () => Promise.resolve(offer({})),
) {
  const source = memorySource("registry.example/app");
  const tars = layers.map((layer) => makeTar(layer));
  const ids = tars.map((tar) => `sha256:${createHash("sha256").update(tar).digest("hex")}` as const);
  putImage(source, "latest", tars, { rootfs: { type: "layers", diff_ids: ids }, history: [{}, {}] });
  const asked: (readonly string[])[] = [];
  const universeFor = ({ codename, suites, architecture }: SuiteRequest) => {
    asked.push([codename, ...suites, architecture]);
    return offers();
  };
  const result = await checkImage(source, "latest", { images, universeFor });
  return { result, one: result.platforms[0], asked };
}

describe("checkImage", () => {
  const base: Member[] = [
    { name: "etc/os-release", body: osRelease },
    { name: "var/lib/dpkg/info/openssl.list", body: "" },
    { name: "var/lib/dpkg/status", body: status("openssl", "3.0-1") },
  ];
  const app: Member[] = [
    { name: "var/lib/dpkg/info/curl.list", body: "" },
    { name: "var/lib/dpkg/status", body: status("openssl", "3.0-1") + status("curl", "7.88-1") + status("own", "1") },
  ];

  it("tells what is newer in the image's suites, since when, and what cures it", async () => {
    const { one, asked } = await check([base, app], () => Promise.resolve(offer({ openssl: "3.0-2", curl: "7.88-2" })));
    expect(asked).toEqual([["bookworm", "bookworm", "bookworm-updates", "bookworm-security", "amd64"]]);
    expect(one).toMatchObject({ platform: "linux/amd64", state: "outdated", suitesFrom: "release", reasons: [] });
    expect(
      one?.outdated.map(({ name, installed, offered, since, cure }) => [name, installed, offered, since, cure.kind]),
    ).toEqual([
      ["curl", "7.88-1", "7.88-2", 1_700_000_000_000, "rebuild"],
      ["openssl", "3.0-1", "3.0-2", Date.UTC(2026, 0, 1), "base"],
    ]);
    expect(one?.outdated.map(({ hints }) => hints)).toEqual([[], ["CVE-2026-0001"]]);
    expect(one?.unknownPackages).toEqual(["own"]);
  });

  it("asks the suites that the image's own apt names", async () => {
    const sources: Member[] = [
      {
        name: "etc/apt/sources.list",
        body: "deb [arch=amd64] http://a.example/d bookworm main # x\n#deb http://b.example/ sid main\ndeb http://c.example/s bookworm-security main\n",
      },
      {
        name: "etc/apt/sources.list.d/more.sources",
        body: "Types: deb deb-src\nURIs: http://d.example\nSuites: bookworm-backports\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://e.example\nSuites: bookworm-proposed-updates\n",
      },
    ];
    const { one, asked } = await check([base, sources]);
    expect(asked[0]).toEqual(["bookworm", "bookworm", "bookworm-security", "bookworm-backports", "amd64"]);
    expect(one).toMatchObject({ suitesFrom: "image", state: "current" });
  });

  it.each<[string, Member[][], () => Promise<SuiteOffers>, RegExp]>([
    [
      "suites that cannot be had",
      [base],
      () => Promise.reject(new Error("the mirror does not answer")),
      /does not answer/,
    ],
    ["no os-release", [base.slice(1)], () => Promise.resolve(offer({})), /only Debian/],
    [
      "Debian without a release, as testing is",
      [[{ name: "etc/os-release", body: "ID=debian\nPRETTY_NAME=\u001b[31msid\n" }, ...base.slice(1)]],
      () => Promise.resolve(offer({})),
      /^\\u\{1b\}\[31msid: it names no release$/,
    ],
    [
      "a database that is torn",
      [[...base.slice(0, 2), { name: "var/lib/dpkg/status", body: "Package: a\nVer" }]],
      () => Promise.resolve(offer({})),
      /middle of a line/,
    ],
    [
      "nothing that we can read",
      [[{ name: "etc/os-release", body: osRelease }]],
      () => Promise.resolve(offer({})),
      /no package database/,
    ],
  ])("says unknown and why, never current: %s", async (_, layers, offers, reason) => {
    const { one } = await check(layers, offers);
    expect(one?.state).toBe("unknown");
    expect(one?.reasons.join("\n")).toMatch(reason);
  });

  const installed = "../shared/data/inventories/apk/alpine-3.10.4/raw/lib/apk/db/installed";
  needs(existsSync(installed) ? undefined : "the shared data")("never calls a real Alpine image clean", async () => {
    const layer = makeTar([
      { name: "etc/os-release", body: 'ID=alpine\nVERSION_ID=3.10.4\nPRETTY_NAME="Alpine Linux v3.10"\n' },
      { name: "lib/apk/db/installed", body: readFileSync(installed, "utf8") },
    ]);
    const saved = join(folder, "alpine.docker-archive.tar.gz");
    await writeFile(saved, gzipSync(dockerArchive(layer)));
    const opened = await openDockerArchive(saved);
    try {
      const universeFor = () => Promise.reject(new Error("unused"));
      const { platforms } = await checkImage(opened, "latest", { images, universeFor });
      expect(platforms[0]).toMatchObject({
        state: "unknown",
        inventory: { os: { id: "alpine" }, status: "complete" },
      });
      expect(platforms[0]?.reasons.join("\n")).toMatch(/only Debian's suites can be asked/);
    } finally {
      await opened.close();
    }
  });
});

/** What `docker save` writes of an image of one layer, as the shared data's own is: before OCI. */
function dockerArchive(layer: Buffer): Buffer {
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [sha256(layer)] } };
  return makeTar([
    {
      name: "manifest.json",
      body: JSON.stringify([{ Config: "config.json", RepoTags: ["alpine:3.10"], Layers: ["layer.tar"] }]),
    },
    { name: "config.json", body: JSON.stringify(config) },
    { name: "layer.tar", body: layer },
  ]);
}
