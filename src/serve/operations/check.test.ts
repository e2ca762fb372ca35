import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDebianArchive, type DebianArchive } from "../../../test/fakes/debian-archive.ts";
import { makeDeb, type DebEntry } from "../../../test/fakes/make-deb.ts";
import { publicKeyOf } from "../../../test/fakes/make-suite.ts";
import { makeTar } from "../../io/layer/testdata/make-tar.ts";
import { createRegistryClient, createRegistryServer, openLayout } from "../../io/registry/index.ts";
import type { RegistryClient, RegistryServer } from "../../io/registry/index.ts";
import { makeFolder, pushImage } from "../../io/registry/testdata/make-image.ts";
import { manualClock } from "../../lib/index.ts";
import { operations, type Check } from "../../operation/index.ts";
import { createCheck, type CheckDeps } from "./check.ts";
import { imageOf, makeDebianImage, pushIndex, type DebianImageSpec } from "./testdata/debian-image.ts";

const day = 86_400_000;
const now = Date.UTC(2026, 0, 5, 9);
const clock = manualClock(now);
const dates = { bookworm: now - 40 * day, "bookworm-updates": now - 9 * day, "bookworm-security": now - day };
/** When openssl's security update was made. */
const made = now - 3 * day;
const iso = (at: number): string => new Date(at).toISOString();

/** Only the security update of openssl says what it is. */
function changelogOf(name: string, version: string): DebEntry[] {
  if (version !== "3.0-2") return [];
  const entries = [
    `${name} (3.0-2) bookworm-security; urgency=high\n\n  * CVE-2026-0001, CVE-2026-0002\n`,
    ` -- A <a@example.invalid>  ${new Date(made).toUTCString().replace("GMT", "+0000")}\n`,
    `${name} (3.0-1) unstable; urgency=low\n\n  * CVE-2020-0001\n`,
  ];
  return [{ path: `usr/share/doc/${name}/changelog.Debian.gz`, content: gzipSync(entries.join("\n")) }];
}

let folder: Awaited<ReturnType<typeof makeFolder>>;
let archive: DebianArchive;
let canary: Server;
let canaryUrl: string;
let canaryHits: string[] = [];
let server: RegistryServer;
let host: string;
let registries: RegistryClient;
let cacheDir: string;
let caches = 0;

beforeAll(async () => {
  folder = await makeFolder();
  archive = await createDebianArchive();
  const offers = {
    bookworm: { openssl: "3.0-1", curl: "7.88-1", tzdata: "2025b" },
    "bookworm-updates": { tzdata: "2026a" },
    "bookworm-security": { openssl: "3.0-2" },
  };
  for (const [suite, versions] of Object.entries(offers)) {
    const packages = await Promise.all(
      Object.entries(versions).flatMap(([name, version]) =>
        ["amd64", "arm64"].map((architecture) =>
          makeDeb({ name, version, architecture, packing: "gz", entries: changelogOf(name, version) }),
        ),
      ),
    );
    const date = dates[suite as keyof typeof dates];
    await archive.publish({ suite, date, packages, architectures: ["amd64", "arm64"] });
  }
  canary = createServer((request, response) => {
    canaryHits.push(request.url ?? "");
    response.end("hello");
  });
  await new Promise<void>((resolve) => canary.listen(0, "127.0.0.1", resolve));
  canaryUrl = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/debian`;
  server = await createRegistryServer({ dir: folder.path("registry"), clock });
  ({ host } = await server.listen(0));
  registries = createRegistryClient({ retries: 0 });
  // The system's own apt.
  await writeFile(folder.path("sources.list"), "");
});
afterAll(async () => {
  await registries.close();
  await server.close();
  await archive.close();
  await new Promise((resolve) => canary.close(resolve));
  await folder.remove();
});
beforeEach(() => {
  archive.heal();
  canaryHits = [];
  caches += 1;
  cacheDir = folder.path(`cache-${caches}`);
});

const systemSources = (url: string): string =>
  Object.keys(dates)
    .map((suite) => `deb ${url} ${suite} main\n`)
    .join("");
const check = (image: string, platform?: string, more: Partial<CheckDeps> = {}): Promise<Check> =>
  createCheck({
    cacheDir,
    clock,
    env: { TIDEMILL_DEBIAN_MIRROR: archive.url, TIDEMILL_DEBIAN_SECURITY_MIRROR: archive.url },
    registries,
    localFiles: true,
    aptFolder: folder.path(),
    keysOf: () => Promise.resolve([publicKeyOf(archive.key)]),
    ...more,
  })({ image, ...(platform === undefined ? {} : { platform }) }).then((output) =>
    operations.check.output.parse(output),
  );
let images = 0;
async function push(spec: DebianImageSpec): Promise<string> {
  images += 1;
  const name = `${host}/team/app-${images}`;
  await pushImage(registries.repository(name), makeDebianImage(spec), "latest");
  return name;
}
const layers = [{ openssl: "3.0-1", tzdata: "2026a" }, { curl: "7.87-1" }];

describe("check", () => {
  it("tells what of an image is old, since when, from which layer, and what cures it", async () => {
    const image = await push({ layers, apt: { "sources.list": systemSources(archive.url) } });
    const output = await check(image);
    expect(output).toMatchObject({
      reference: image,
      advisories: { state: "unknown", reason: "no feed" },
      suites: [
        { name: "bookworm", date: iso(dates.bookworm), problem: null },
        { name: "bookworm-security", date: iso(dates["bookworm-security"]), problem: null },
        { name: "bookworm-updates", date: iso(dates["bookworm-updates"]), problem: null },
      ],
      platforms: [{ platform: "linux/amd64", os: "Debian, made up", status: "complete", problems: [], packages: 3 }],
      remedy: "`rebase` onto a newer base, whose layer brought openssl; and `rebuild` without cached layers, for curl",
    });
    const [curl, openssl, ...others] = output.platforms[0]?.updates ?? [];
    expect(others).toEqual([]);
    expect(curl).toMatchObject({ name: "curl", from: "7.87-1", to: "7.88-1", origin: "bookworm", security: false });
    expect(openssl).toMatchObject({ name: "openssl", from: "3.0-1", to: "3.0-2", security: true });
    expect(openssl?.since).toBe(iso(made));
    expect(openssl?.advisories).toEqual([
      { id: "CVE-2026-0001", source: "changelog" },
      { id: "CVE-2026-0002", source: "changelog" },
    ]);
    expect(curl).toMatchObject({ since: iso(dates.bookworm), advisories: [] });
    expect(openssl?.layer).not.toBe(curl?.layer);
  });

  it("hints at nothing where a changelog cannot be had, and is right all the same", async () => {
    archive.fail(/pool/, { kind: "replace", bytes: Buffer.from("no package") });
    const output = await check(await push({ layers, apt: { "sources.list": systemSources(archive.url) } }));
    expect(output.platforms[0]).toMatchObject({ status: "complete", updates: [{ name: "curl" }, { name: "openssl" }] });
    expect(output.platforms[0]?.updates[1]).toMatchObject({ since: iso(dates["bookworm-security"]), advisories: [] });
  });

  it("says of an image that is up to date that nothing cures it, and asks the mirrors only once more", async () => {
    const newest = [{ openssl: "3.0-2", curl: "7.88-1", tzdata: "2026a" }];
    const image = await push({ layers: newest, apt: { "sources.list": systemSources(archive.url) } });
    const asked = async () => {
      const before = archive.requests.length;
      expect(await check(image)).toMatchObject({
        platforms: [{ status: "complete", updates: [] }],
        remedy: "nothing: every package is the newest that its suites offer",
      });
      return archive.requests.length - before;
    };
    expect(await asked()).toBe(6);
    expect(await asked()).toBe(3);
  });

  it.each<[string, (image: ReturnType<typeof makeDebianImage>) => Promise<string>]>([
    [
      "an OCI layout",
      async (image) => {
        const layout = await openLayout(folder.path("layout"), { create: true });
        await pushImage(layout, image, "latest");
        return folder.path("layout");
      },
    ],
    [
      "a compressed archive of docker save",
      async (image) => {
        const path = folder.path("saved.tar.gz");
        const [config, layer] = image.blobs;
        const { gunzipSync } = await import("node:zlib");
        const body = gunzipSync(layer?.bytes ?? "");
        const saved = [{ Config: "c.json", RepoTags: ["x:latest"], Layers: ["l/layer.tar"] }];
        const tar = makeTar([
          { name: "c.json", body: config?.bytes ?? "" },
          { name: "l/layer.tar", body },
          { name: "manifest.json", body: JSON.stringify(saved) },
        ]);
        await writeFile(path, gzipSync(tar));
        return path;
      },
    ],
  ])("reads %s", async (_, save) => {
    const image = await save(makeDebianImage({ layers: [{ openssl: "3.0-1" }] }));
    const output = await check(image);
    expect(output.platforms[0]).toMatchObject({ status: "complete", updates: [{ name: "openssl", to: "3.0-2" }] });
    expect(output.platforms[0]?.problems).toEqual([
      "its apt sources name no suite of its release: the usual ones were asked",
    ]);
  });

  it("looks at one platform alone where it is named, and says which there are where it is not there", async () => {
    const repository = registries.repository(`${host}/team/multi`);
    const of = (architecture: string) => makeDebianImage({ layers: [{ openssl: "3.0-1" }], architecture });
    await pushIndex(repository, { amd64: of("amd64"), arm64: of("arm64") }, "latest");
    const both = await check(`${host}/team/multi`);
    expect(both.platforms.map(({ platform, updates }) => [platform, updates[0]?.architecture])).toEqual([
      ["linux/amd64", "amd64"],
      ["linux/arm64", "arm64"],
    ]);
    const one = await check(`${host}/team/multi`, "linux/arm64/v8");
    expect(one).toMatchObject({ digest: both.digest, platforms: [{ platform: "linux/arm64" }] });
    expect(one.platforms).toHaveLength(1);
    await expect(check(`${host}/team/multi`, "linux/s390x")).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: "It has linux/amd64, linux/arm64.",
    });
    const single = await push({ layers });
    await expect(check(single, "linux/arm64")).rejects.toMatchObject({
      code: "NOT_FOUND",
      hint: "It has linux/amd64.",
    });
  });
});

describe("a mirror that only the image names", () => {
  it("is not asked where it is no public address; the system's is, which a note says", async () => {
    const image = await push({ layers, apt: { "sources.list": systemSources(canaryUrl) } });
    const output = await check(image);
    expect(canaryHits).toEqual([]);
    expect(output.platforms[0]).toMatchObject({ status: "complete", updates: [{ name: "curl" }, { name: "openssl" }] });
    expect(output.platforms[0]?.problems).toContainEqual(
      expect.stringMatching(/^bookworm: 127\.0\.0\.1:\d+ was asked instead: 127\.0\.0\.1:\d+ is not a public address$/),
    );
  });

  it("leaves the image unknown where there is no other", async () => {
    const image = await push({ layers, apt: { "sources.list": systemSources(canaryUrl) } });
    const output = await check(image, undefined, { env: {}, aptFolder: folder.path("none") });
    expect(canaryHits).toEqual([]);
    expect(output.platforms[0]).toMatchObject({ status: "unknown", updates: [] });
    expect(output.suites.map(({ problem }) => problem)).toContainEqual(expect.stringMatching(/not a public address/));
    expect(output.remedy).toMatch(/^unknown/);
  });

  it("never shows the password of the system's own", async () => {
    const secret = archive.url.replace("http://", "http://ada:hunter2@");
    archive.fail(/InRelease/, { kind: "status", status: 401 });
    const output = await check(await push({ layers }), undefined, { env: { TIDEMILL_DEBIAN_MIRROR: secret } });
    expect(output.suites[0]?.problem).toMatch(/401/);
    expect(JSON.stringify(output)).not.toContain("hunter2");
  });

  it("may be any name that the system's own apt trusts", async () => {
    await writeFile(folder.path("sources.list"), systemSources(archive.url));
    const image = await push({
      layers,
      apt: {
        "sources.list.d/x.sources": `Types: deb\nURIs: ${archive.url}/\nSuites: ${Object.keys(dates).join(" ")}\nComponents: main\n`,
      },
    });
    const output = await check(image, undefined, { env: {} });
    expect(output.platforms[0]).toMatchObject({ status: "complete", problems: [] });
  });
});

describe("what cannot be compared is never clean", () => {
  const newest = { openssl: "3.0-2", curl: "7.88-1", tzdata: "2026a" };
  const apt = () => ({ "sources.list": systemSources(archive.url) });

  it.each<[string, () => void, RegExp]>([
    [
      "a suite that the mirror does not have",
      () => archive.fail(/security\/InRelease/, { kind: "status", status: 404 }),
      /no such suite/,
    ],
    [
      "a suite that somebody altered",
      () =>
        archive.fail(/security\/InRelease/, { kind: "replace", bytes: Buffer.from("Codename: bookworm-security\n") }),
      /signed/,
    ],
    [
      "a mirror that hangs up",
      () => archive.fail(/security\/.*Packages|by-hash/, { kind: "status", status: 503 }),
      /503/,
    ],
  ])("%s", async (_, breakIt, words) => {
    breakIt();
    const output = await check(await push({ layers: [newest], apt: apt() }));
    expect(output.platforms[0]?.status).toBe("unknown");
    expect(output.suites.find(({ name }) => name === "bookworm-security")?.problem).toMatch(words);
    expect(output.remedy).toMatch(/^unknown/);
  });

  it("a suite that could not be asked now, but once, is compared with what it offered then", async () => {
    const image = await push({ layers, apt: apt() });
    await check(image);
    archive.fail(/security/, { kind: "status", status: 500 });
    const output = await check(image);
    expect(output.platforms[0]).toMatchObject({ status: "unknown", updates: [{ name: "curl" }, { name: "openssl" }] });
    expect(output.suites[1]).toMatchObject({
      date: iso(dates["bookworm-security"]),
      problem: expect.stringMatching(/last offered/),
    });
    expect(output.remedy).toMatch(/not everything could be compared$/);
  });

  it("a release whose security suite stands still", async () => {
    const packages = [await makeDeb({ name: "openssl", version: "1.0", packing: "gz" })];
    for (const suite of ["oldie", "oldie-updates", "oldie-security"])
      await archive.publish({ suite, date: now - 31 * day, packages });
    const output = await check(await push({ layers: [{ openssl: "1.0" }], codename: "oldie" }));
    expect(output.platforms[0]).toMatchObject({ status: "unknown", updates: [] });
    expect(output.suites.map(({ name, problem }) => [name, problem])).toEqual([
      ["oldie", null],
      [
        "oldie-security",
        expect.stringMatching(/nothing new since 2025-12-05: the release may be past its end of life/),
      ],
      ["oldie-updates", null],
    ]);
    expect(output.remedy).toMatch(/^`replace-base` by a release that is supported/);
  });

  it("packages of elsewhere and of backports", async () => {
    const output = await check(await push({ layers: [{ ...newest, own: "1", curl: "8.0-1~bpo12+1" }], apt: apt() }));
    expect(output.platforms[0]).toMatchObject({
      status: "unknown",
      problems: ["no suite that was asked has own", "backports are not compared: curl"],
    });
  });

  it("security updates that the image's own apt leaves out", async () => {
    const sources = `deb ${archive.url} bookworm main\n`;
    const output = await check(await push({ layers, apt: { "sources.list": sources } }));
    expect(output.platforms[0]?.updates.map(({ name }) => name)).toEqual(["curl", "openssl"]);
    expect(output.platforms[0]?.problems).toContainEqual(expect.stringMatching(/do not name bookworm-security/));
  });

  it("backports offer nothing to packages of the release", async () => {
    await archive.publish({
      suite: "bookworm-backports",
      date: now - day,
      packages: [await makeDeb({ name: "curl", version: "9.0-1~bpo12+1" })],
    });
    const sources = { "sources.list": `${systemSources(archive.url)}deb ${archive.url} bookworm-backports main\n` };
    expect(await check(await push({ layers: [newest], apt: sources }))).toMatchObject({
      platforms: [{ status: "complete", updates: [] }],
    });
  });
});

describe("hostile images", () => {
  it.each([
    ["a codename that is a path", { layers, codename: "../../../../etc/passwd\\u001b" }, /is no release of Debian/],
    ["a release that nobody signs", { layers, codename: "hamm" }, /no suite of hamm can be compared with/],
  ])("%s is unknown", async (_, spec, words) => {
    const output = await check(await push(spec));
    expect(output.platforms[0]).toMatchObject({ status: "unknown", updates: [] });
    expect(output.platforms[0]?.problems.join("\n")).toMatch(words);
  });

  it("odd lines of sources are passed over, and nothing of theirs is asked", async () => {
    const lines = [
      "deb file:/etc bookworm main",
      "deb cdrom:[Debian]/ bookworm main",
      "deb http://user:hunter2@127.0.0.1:1/debian bookworm main",
      `deb ${canaryUrl}?x=1 bookworm-security main`,
      `deb [arch=amd64 ${archive.url} bookworm main`,
      `deb ${archive.url} bookworm-../../../x main`,
      `deb ${archive.url} bookworm main ../../../../tmp/x -o`,
      `deb ${archive.url}`,
      "deb",
      "\u0000\u001b[31m",
      `deb ${archive.url} bookworm-${"x".repeat(100_000)} main`,
      "deb ".repeat(50_000),
    ];
    const output = await check(await push({ layers, apt: { "sources.list": lines.join("\n") } }));
    expect(canaryHits).toEqual([]);
    expect(output.suites.map(({ name, problem }) => [name, problem])).toEqual([
      ["bookworm", null],
      ["bookworm-security", null],
    ]);
    expect(JSON.stringify(output)).not.toContain("hunter2");
  });

  it.each<[string, () => Buffer, string]>([
    ["a layer that unpacks to far more than it is", () => Buffer.alloc(144 * 1024 * 1024), "LAYER_TOO_LARGE"],
    ["a layer that is no tar", () => Buffer.from("no tar ".repeat(1000)), "LAYER_CORRUPT"],
  ])("%s is refused by name", async (_, layer, code) => {
    const name = `${host}/team/hostile`;
    await pushImage(registries.repository(name), imageOf([layer()]), "latest");
    await expect(check(name)).rejects.toMatchObject({ code });
  });

  it("files of the machine are not looked at for those who ask from elsewhere", async () => {
    const layout = folder.path("mine");
    await pushImage(await openLayout(layout, { create: true }), makeDebianImage({ layers }), "latest");
    for (const image of [layout, `oci:${layout}`, `docker-archive:${layout}.tar`, "./package.json"])
      await expect(check(image, undefined, { localFiles: false })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    const remote = await push({ layers });
    expect(await check(remote, undefined, { localFiles: false })).toMatchObject({ reference: remote });
  });

  it("a file that is no archive, and one that is not there, are refused by name", async () => {
    const path = join(folder.path(), "garbage.tar");
    await writeFile(path, Buffer.alloc(4096, "garbage"));
    await expect(check(path)).rejects.toMatchObject({ code: "BAD_ARCHIVE" });
    await expect(check(folder.path())).rejects.toMatchObject({ code: "BAD_LAYOUT" });
    await expect(check(`${host}/team/none`)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });
});
