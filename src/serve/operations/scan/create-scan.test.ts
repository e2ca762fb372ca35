import { mkdir, symlink, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { VexStatement } from "../../../core/advisory/index.ts";
import { describeManifest, mediaTypes } from "../../../core/image/index.ts";
import { createImageReader, createLayerStore } from "../../../io/layer/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  openLayout,
  type RegistryClient,
  type RegistryServer,
} from "../../../io/registry/index.ts";
import { makeBlob, makeDocument, makeFolder, once, pushImage } from "../../../io/registry/testdata/make-image.ts";
import { manualClock } from "../../../lib/index.ts";
import { operations, parseInput, type OperationInput, type Scan } from "../../../operation/index.ts";
import { makeDebianImage, pushIndex, type DebianImageSpec } from "../testdata/debian-image.ts";
import { createInventory } from "./create-inventory.ts";
import { createScan, type SaidOfAll, type ScanDeps } from "./create-scan.ts";
import { loadScanFeeds } from "./load-scan-feeds.ts";

const day = 86_400_000;
const now = Date.UTC(2026, 0, 5, 9);
const clock = manualClock(now);
const nothingSaid: SaidOfAll = { own: [], documents: [], notes: [], imageOf: () => undefined };

function record(id: string, name: string, fixed: string | undefined, more: object = {}): object {
  const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
  return {
    schema_version: "1.7.0",
    id,
    modified: new Date(now - day).toISOString(),
    published: new Date(now - 40 * day).toISOString(),
    summary: `a flaw of ${name}`,
    severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
    affected: [{ package: { ecosystem: "Debian:12", name }, ranges: [{ type: "ECOSYSTEM", events }] }],
    ...more,
  };
}

let folder: Awaited<ReturnType<typeof makeFolder>>;
let server: RegistryServer;
let host: string;
let registries: RegistryClient;
let deps: ScanDeps;
let feed: string;

beforeAll(async () => {
  folder = await makeFolder();
  server = await createRegistryServer({ dir: folder.path("registry"), clock });
  ({ host } = await server.listen(0));
  registries = createRegistryClient({ retries: 0 });
  feed = folder.path("feed");
  await mkdir(feed);
  const records = [
    record("CVE-2026-0001", "openssl", "3.0-2"),
    record("CVE-2026-0002", "curl", undefined, { severity: [] }),
    record("CVE-2026-0003", "zlib", "1.2"),
  ];
  await Promise.all(records.map((one, at) => writeFile(`${feed}/${at}.json`, JSON.stringify(one))));
  deps = {
    images: createImageReader(createLayerStore(folder.path("layers"))),
    registries,
    localFiles: true,
    clock,
    version: "1.2.3",
    said: () => Promise.resolve(nothingSaid),
    knowledge: (locations, signal) =>
      loadScanFeeds(locations, { folder: folder.path("feeds"), clock, configured: [] }, signal),
  };
});
afterAll(async () => {
  await registries.close();
  await server.close();
  await folder.remove();
});

async function scan(input: OperationInput<"scan">, more: Partial<ScanDeps> = {}): Promise<Scan> {
  const output = await createScan({ ...deps, ...more })(parseInput("scan", input));
  return operations.scan.output.parse(output);
}
let images = 0;
async function push(spec: DebianImageSpec): Promise<string> {
  images += 1;
  const name = `${host}/team/app-${images}`;
  await pushImage(registries.repository(name), makeDebianImage(spec), "latest");
  return name;
}
const idsOf = (found: Scan) => found.platforms.flatMap(({ findings }) => findings.map(({ id }) => id));
const old = { layers: [{ openssl: "3.0-1" }, { curl: "7.87-1" }] };

describe("scan of an image", () => {
  it("tells what is wrong with it, worst first, from which layer, and what cures it", async () => {
    const subject = await push(old);
    const found = await scan({ subject, feeds: [feed], failOn: ["high,fixable"] });
    expect(found).toMatchObject({ subject, kind: "image", verdict: { kind: "failed", unrated: 1 } });
    expect(found.documents).toEqual({ sarif: null, cyclonedx: null, junit: null, markdown: null });
    expect(found.verdict.reasons).toEqual(["high,fixable: CVE-2026-0001 in openssl"]);
    const [platform] = found.platforms;
    expect(platform).toMatchObject({ platform: "linux/amd64", state: "known", reasons: [], packages: 2 });
    expect(platform?.findings).toMatchObject([
      { id: "CVE-2026-0001", package: "openssl", fixed: "3.0-2", severity: { level: "critical" }, hit: true },
      {
        id: "CVE-2026-0002",
        package: "curl",
        fixed: null,
        severity: null,
        hit: false,
        remedy: { kind: "wait-upstream" },
      },
    ]);
    expect(platform?.findings[0]?.layer).not.toBe(platform?.findings[1]?.layer);
    expect(platform?.findings[0]?.purl).toMatch(/^pkg:deb\/debian\/openssl@3\.0-1\?/);
  });

  it("is `unknown: no feed` without one, and no rule lets that pass", async () => {
    const subject = await push(old);
    const found = await scan({ subject, failOn: ["critical"] });
    expect(found.platforms[0]).toMatchObject({ state: "unknown", reasons: ["no feed"], findings: [] });
    expect(found.verdict).toMatchObject({ kind: "failed", reasons: ["unknown (linux/amd64): no feed"] });
    expect((await scan({ subject })).verdict.kind).toBe("none");
    expect((await scan({ subject, failOn: ["critical"], allowUnknown: true })).verdict.kind).toBe("passed");
  });

  it("is the same as a layout, and of one platform where that is asked for", async () => {
    const layout = folder.path("layout");
    const parts = {
      amd64: makeDebianImage(old),
      arm64: makeDebianImage({ layers: [{ openssl: "3.0-2" }], architecture: "arm64" }),
    };
    await pushIndex(await openLayout(layout, { create: true }), parts, "latest");
    const both = await scan({ subject: layout, feeds: [feed] });
    expect(both).toMatchObject({
      kind: "layout",
      platforms: [{ platform: "linux/amd64" }, { platform: "linux/arm64" }],
    });
    expect(both.platforms[1]).toMatchObject({ state: "known", findings: [] });
    const one = await scan({ subject: layout, feeds: [feed], platform: "linux/arm64" });
    expect(one.platforms.map(({ platform }) => platform)).toEqual(["linux/arm64"]);
    expect(one.digest).toBe(both.digest);
    await expect(scan({ subject: layout, platform: "linux/s390x" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("tells what is new and gone against another, and rules may count the new alone", async () => {
    const [before, after] = [
      await push(old),
      await push({ layers: [{ openssl: "3.0-2", curl: "7.87-1", zlib: "1.1" }] }),
    ];
    const found = await scan({ subject: after, against: before, feeds: [feed], failOn: ["unrated"], onlyNew: true });
    expect(found.comparison).toMatchObject({
      against: before,
      added: [{ id: "CVE-2026-0003" }],
      gone: [{ id: "CVE-2026-0001" }],
      stayed: 1,
      doubts: [],
    });
    expect(found.verdict.kind).toBe("passed");
    expect((await scan({ subject: after, against: before, feeds: [feed], failOn: ["unrated"] })).verdict.kind).toBe(
      "failed",
    );
  });

  it.each(["sarif", "cyclonedx", "junit", "markdown"] as const)("writes %s", async (format) => {
    const found = await scan({ subject: await push(old), feeds: [feed], formats: [format] });
    expect(found.documents[format]).toContain("CVE-2026-0001");
    expect(Object.values(found.documents).filter((one) => one !== null)).toHaveLength(1);
  });

  it("sets aside what ignores say, tells of expired ones, and refuses a file with mistakes by line and column", async () => {
    const subject = await push(old);
    const ignoreFile = {
      name: ".tidemillignore.yaml",
      text: "version: 1\nignore:\n  - { id: CVE-2026-0001, reason: not served }\n  - { id: CVE-2026-0002, reason: x, until: 2026-01-01 }\n",
    };
    const found = await scan({ subject, feeds: [feed], failOn: ["any"], ignoreFile });
    expect(found.verdict.reasons).toEqual(["any: CVE-2026-0002 in curl"]);
    expect(found.platforms[0]?.findings[0]?.ignored).toMatchObject({ from: "ignore", reason: "not served" });
    expect(found.notes).toEqual([expect.stringMatching(/^CVE-2026-0002 was ignored until 2026-01-01/)]);
    const broken = { ...ignoreFile, text: "version: 1\nignore:\n  - id: CVE-2026-0001\n" };
    await expect(scan({ subject, ignoreFile: broken })).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: expect.stringMatching(/^\.tidemillignore\.yaml:3:5: /) as string,
    });
    await expect(scan({ subject, failOn: ["hgih"] })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });
});

describe("VEX in a scan", () => {
  const statement = (products: object[], more: object = {}) => ({
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://vex.example/1",
    author: "The maker",
    timestamp: new Date(now - day).toISOString(),
    version: 1,
    statements: [
      {
        vulnerability: { name: "CVE-2026-0001" },
        products,
        status: "not_affected",
        justification: "component_not_present",
        impact_statement: "built without it",
        ...more,
      },
    ],
  });
  const openssl = [{ "@id": "pkg:deb/debian/openssl@3.0-1" }];

  it("counts from a file, and one that is none is refused", async () => {
    const subject = await push(old);
    const vex = [{ name: "app.openvex.json", text: JSON.stringify(statement(openssl)) }];
    const found = await scan({ subject, feeds: [feed], vex, failOn: ["critical"] });
    expect(found.verdict.kind).toBe("passed");
    expect(found.platforms[0]?.findings[0]?.ignored).toEqual({
      from: "vex",
      by: "The maker",
      reason: "built without it",
      until: null,
      status: "not_affected",
      justification: "component_not_present",
    });
    const triage = [
      {
        name: "v",
        text: JSON.stringify(statement(openssl, { status: "under_investigation", justification: undefined })),
      },
    ];
    expect((await scan({ subject, feeds: [feed], vex: triage })).platforms[0]?.findings[0]).toMatchObject({
      ignored: null,
      stated: { status: "under_investigation", by: "The maker" },
    });
    for (const text of ["{", "{}", "[]"])
      await expect(scan({ subject, vex: [{ name: "v", text }] })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("counts from what stands beside the image in its registry, and what cannot be read there is told", async () => {
    const subject = await push(old);
    const repository = registries.repository(subject);
    const raw = await repository.manifest("latest");
    if (raw === undefined) throw new Error("it was pushed");
    const attach = async (text: string): Promise<void> => {
      const layer = makeBlob(text, "application/vnd.openvex+json");
      const config = makeBlob("{}", mediaTypes.empty);
      for (const { descriptor, bytes } of [layer, config]) await repository.putBlob(descriptor, () => once(bytes));
      const artifactType = "application/vnd.openvex+json";
      const fields = {
        artifactType,
        config: config.descriptor,
        layers: [layer.descriptor],
        subject: describeManifest(raw),
      };
      await repository.putReferrer(makeDocument(fields));
    };
    await attach(JSON.stringify(statement(openssl)));
    expect((await scan({ subject, feeds: [feed], failOn: ["critical"] })).verdict.kind).toBe("passed");
    await attach("not JSON");
    const found = await scan({ subject, feeds: [feed] });
    expect(found.notes).toEqual([expect.stringMatching(/no whole JSON document/)]);
    expect(found.platforms[0]?.findings[0]?.ignored).toMatchObject({ from: "vex" });
  });

  it("counts from the documents of a configuration, and from its people for their image", async () => {
    const subject = await push(old);
    const documents: VexStatement[] = [];
    const own = {
      vulnerability: "CVE-2026-0001",
      package: "openssl",
      image: "web",
      status: "not_affected",
      justification: "inline_mitigations_already_exist",
      reason: "behind a proxy",
      author: "ada",
      at: now - day,
      until: now + day,
    } as const;
    const said =
      (imageOf: SaidOfAll["imageOf"], more: object = {}) =>
      () =>
        Promise.resolve({ own: [{ ...own, ...more }], documents, notes: [], imageOf });
    const ask = async (said_: ScanDeps["said"]) =>
      (await scan({ subject, feeds: [feed] }, { said: said_ })).platforms[0]?.findings[0]?.ignored;
    expect(await ask(said((name) => (name === subject ? "web" : undefined)))).toMatchObject({
      by: "ada",
      reason: "behind a proxy",
      justification: "inline_mitigations_already_exist",
    });
    expect(await ask(said(() => "api"))).toBeNull();
    expect(await ask(said(() => "web", { until: now }))).toBeNull();
    expect(await ask(said(() => "web", { package: "curl" }))).toBeNull();
  });
});

describe("scan of a directory", () => {
  it("reads what stands below it, follows no link, and says what it is not", async () => {
    const root = folder.path("root");
    const other = folder.path("other");
    await mkdir(`${root}/var/lib/dpkg`, { recursive: true });
    await mkdir(`${root}/etc`);
    await mkdir(other);
    await writeFile(`${other}/os-release`, 'ID=debian\nVERSION_ID="12"\n');
    const stanza = "Package: openssl\nStatus: install ok installed\nVersion: 3.0-1\nArchitecture: amd64\n";
    await writeFile(`${root}/var/lib/dpkg/status`, stanza);
    await symlink(`${other}/os-release`, `${root}/etc/os-release`);
    const outside = await scan({ subject: root, feeds: [feed] });
    expect(outside).toMatchObject({
      kind: "directory",
      digest: null,
      platforms: [{ platform: null, os: null, state: "unknown" }],
    });
    await writeFile(`${root}/usr-os-release`, "");
    await mkdir(`${root}/usr/lib`, { recursive: true });
    await writeFile(`${root}/usr/lib/os-release`, 'ID=debian\nVERSION_ID="12"\n');
    const inside = await scan({ subject: root, feeds: [feed] });
    expect(inside.platforms[0]).toMatchObject({ state: "known" });
    expect(inside.platforms[0]?.findings[0]).toMatchObject({ id: "CVE-2026-0001", layer: null });
  });
});

describe("scan of a source tree", () => {
  it("says who asks for what a lock file names, version by version, and who does not take the cure", async () => {
    const root = folder.path("source");
    const feed = folder.path("npm-feed");
    await mkdir(root);
    await mkdir(feed);
    const events = [{ introduced: "0" }, { fixed: "6.7.3" }, { introduced: "6.8.0" }, { fixed: "6.9.7" }];
    const affected = [{ package: { ecosystem: "npm", name: "qs" }, ranges: [{ type: "SEMVER", events }] }];
    const advisory = { id: "GHSA-made-up", modified: "2026-01-01T00:00:00Z", affected };
    await writeFile(`${feed}/qs.json`, JSON.stringify(advisory));
    const packages = {
      "": { name: "shop", dependencies: { express: "4.17.1", qs: "^6.8.0" } },
      "node_modules/express": { version: "4.17.1", dependencies: { qs: "6.7.0" } },
      "node_modules/express/node_modules/qs": { version: "6.7.0" },
      "node_modules/qs": { version: "6.8.0" },
    };
    await writeFile(`${root}/package-lock.json`, JSON.stringify({ lockfileVersion: 3, packages }));
    const { platforms } = await scan({ subject: root, feeds: [feed] });
    const told = platforms[0]?.findings.map(({ version, remedy }) => [
      version,
      remedy.version,
      remedy.compatible,
      remedy.dependants.map(({ name, range, allows }) => `${name} ${range} ${allows}`),
    ]);
    expect(told).toEqual([
      ["6.7.0", "6.7.3", false, ["express@4.17.1 6.7.0 false"]],
      ["6.8.0", "6.9.7", true, ["shop ^6.8.0 true"]],
    ]);
    expect(platforms[0]?.findings[0]?.remedy).toMatchObject({ file: "package-lock.json", gap: null });
  });
});

describe("scan of a bill of materials", () => {
  it("finds what a scan of the image finds", async () => {
    const subject = await push(old);
    for (const format of ["cyclonedx", "spdx"] as const) {
      const { document } = await createInventory({ ...deps })(parseInput("inventory", { subject, format }));
      const file = folder.path(`${format}.json`);
      await writeFile(file, document ?? "");
      const found = await scan({ subject: file, feeds: [feed] });
      expect(found).toMatchObject({ kind: "sbom" });
      expect(idsOf(found)).toEqual(["CVE-2026-0001", "CVE-2026-0002"]);
    }
    await writeFile(folder.path("bad.json"), "{ not json");
    await expect(scan({ subject: folder.path("bad.json") })).rejects.toMatchObject({ code: "BAD_INPUT" });
    await writeFile(folder.path("bom.xml"), "<bom/>");
    await expect(scan({ subject: folder.path("bom.xml") })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });
});

describe("a server that is asked from elsewhere", () => {
  it.each(["/etc/passwd", "./layout", "dir:/", "sbom:/etc/passwd", "oci:/x", "docker-archive:/x.tar", "~/x"])(
    "looks at no file: %s",
    async (subject) => {
      await expect(scan({ subject }, { localFiles: false })).rejects.toMatchObject({ code: "UNSUPPORTED" });
      await expect(
        createInventory({ ...deps, localFiles: false })(parseInput("inventory", { subject })),
      ).rejects.toMatchObject({
        code: "UNSUPPORTED",
      });
    },
  );
  it("asks no feed that the caller names", async () => {
    const subject = await push(old);
    await expect(scan({ subject, feeds: [feed] }, { localFiles: false })).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });
});

describe("inventory", () => {
  it("names every package with its layer, and writes the same bill each time", async () => {
    const subject = await push(old);
    const ask = async (format?: "cyclonedx" | "spdx") =>
      operations.inventory.output.parse(
        await createInventory({ ...deps })(
          parseInput("inventory", { subject, ...(format === undefined ? {} : { format }) }),
        ),
      );
    const found = await ask();
    expect(found.platforms[0]).toMatchObject({
      status: "complete",
      packages: [
        { type: "deb", name: "curl", version: "7.87-1" },
        { type: "deb", name: "openssl", version: "3.0-1" },
      ],
    });
    const [curl, openssl] = found.platforms[0]?.packages ?? [];
    expect(curl?.layer).not.toBe(openssl?.layer);
    for (const format of ["cyclonedx", "spdx"] as const)
      expect((await ask(format)).document).toBe((await ask(format)).document);
  });
});
