import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { annotationKeys, mediaTypes, parseIndex, parseManifest } from "../../../core/image/index.ts";
import type { Digest } from "../../../lib/index.ts";
import type { PatchOutcome } from "../index.ts";
import { at, createPatchMill, documentOf, osRelease, type PatchMill, type Written } from "./testdata/patch-mill.ts";

let mill: PatchMill;
beforeAll(async () => {
  mill = await createPatchMill();
});
afterAll(() => mill.remove());

/** The digest of what must have been patched. */
function patched(outcome: PatchOutcome): Digest {
  if (outcome.kind !== "patched") throw new Error(JSON.stringify(outcome));
  return outcome.digest;
}

const old = {
  name: "tool",
  version: "1-1",
  fields: { Source: "tool-source (1-1)" },
  entries: [
    { path: "usr/bin/tool", content: "tool 1", mode: 0o755 },
    { path: "usr/lib/tool/gone", content: "gone" },
    { path: "usr/lib/tool/stays", content: "stays" },
    { path: "usr/share/tool/only", content: "the only one" },
    { path: "bin/through", content: "through the link" },
  ],
};
const next = {
  ...old,
  version: "1-2",
  fields: { Source: "tool-source (1-2)" },
  entries: [
    { path: "usr/bin/tool", content: "tool 2", mode: 0o755 },
    { path: "usr/lib/tool/stays", content: "stays" },
    { path: "usr/lib/tool/new", content: "new" },
    { path: "usr/bin/through", content: "moved to where it was" },
  ],
};

describe.each([
  ["dpkg", true],
  ["a file for each package", false],
])("an image whose database is %s", (_, dpkg) => {
  it("is patched with one layer of what changed", async () => {
    const other = await mill.put({ name: "other", version: "3", entries: [{ path: "usr/share/other", content: "o" }] });
    const original = await mill.original([await mill.put(old), other], dpkg);
    const outcome = await mill.patch(original, [await mill.put(next), other]);
    const digest = patched(outcome);
    expect(outcome).toMatchObject({
      changes: [
        { name: "tool", from: "1-1", to: "1-2", architecture: "amd64", platform: "linux/amd64", source: "tool-source" },
      ],
      notes: [],
    });
    const inventory = await mill.inventory(digest);
    expect(inventory.status).toBe("complete");
    expect(inventory.packages.map(({ name, version }) => `${name} ${version}`)).toContain("tool 1-2");
    const tree = await mill.tree(digest);
    expect(at(tree, "usr/lib/tool/gone")).toBeUndefined();
    expect(at(tree, "usr/share/tool")).toBeUndefined();
    expect(at(tree, "usr/lib/tool/new")).toBe("file");
    expect(at(tree, "bin")).toBe("symlink usr/bin");
    expect(at(tree, "usr/bin/through")).toBe("file");
    const layers = (await mill.read(digest)).layers.length;
    expect(layers).toBe((await mill.read(original)).layers.length + 1);
    expect(await mill.text(digest, "usr/bin/tool")).toBe("tool 2");
  });

  it("is the same, byte for byte, when it is patched again, and the owner's when the owner catches up", async () => {
    const original = await mill.original([await mill.put(old)], dpkg);
    const offers = [await mill.put(next)];
    const first = await mill.patch(original, offers);
    expect(await mill.patch(original, offers)).toEqual({ ...first, uploaded: 0 });
    const caughtUp = await mill.original(offers, dpkg);
    expect(await mill.patch(caughtUp, offers)).toMatchObject({ kind: "mirrored", digest: caughtUp, changes: [] });
  });

  it("keeps what its config and manifest say, and names the original", async () => {
    const original = await mill.original([await mill.put(old)], dpkg);
    const digest = patched(await mill.patch(original, [await mill.put(next)]));
    const before = await mill.read(original);
    const { config } = await mill.read(digest);
    expect(config).toMatchObject({ config: before.config.config, os: "linux", architecture: "amd64" });
    expect(config.history?.length).toBe((before.config.history?.length ?? 0) + 1);
    expect(config.history?.at(-1)?.created_by).toBe("tidemill: patched tool 1-2");
    expect(config.created).toBe("2023-11-14T22:13:20Z");
    const raw = await mill.layout.manifest(digest);
    expect(parseManifest(raw?.bytes ?? Buffer.alloc(0)).annotations).toMatchObject({
      [annotationKeys.baseName]: "registry.example/owner/app",
      [annotationKeys.baseDigest]: original,
      [annotationKeys.created]: config.created,
    });
  });

  it("has conffiles as dpkg would leave them", async () => {
    const conffiles = "/etc/tool/a\n/etc/tool/b\n/etc/tool/c\n";
    const etc = (version: string): Written[] => [
      { path: "etc/tool/a", content: `a ${version}` },
      { path: "etc/tool/b", content: `b ${version}` },
      { path: "etc/tool/c", content: "c" },
    ];
    const one = await mill.put({ ...old, members: { conffiles }, entries: [...old.entries, ...etc("1")] });
    const two = await mill.put({ ...next, members: { conffiles }, entries: [...next.entries, ...etc("2")] });
    const own = [
      { path: "etc/tool/b", content: "the owner's" },
      { path: "etc/tool/c", content: "the owner's" },
    ];
    const original = await mill.original([one], dpkg, own);
    const outcome = await mill.patch(original, [two]);
    const digest = patched(outcome);
    expect(await mill.text(digest, "etc/tool/a")).toBe("a 2");
    expect(await mill.text(digest, "etc/tool/b")).toBe("the owner's");
    expect(await mill.text(digest, "etc/tool/c")).toBe("the owner's");
    expect(outcome).toMatchObject({
      notes: ["linux/amd64: /etc/tool/b of tool was changed in the image and by 1-2: the image's stays"],
    });
    const refused = await mill.patch(original, [two], { policy: { changedConffile: "refuse" } });
    expect(refused).toEqual({
      kind: "refused",
      reasons: ["linux/amd64: /etc/tool/b of tool was changed in the image and by 1-2"],
    });
  });

  it("brings what the new version newly needs, and what must move along", async () => {
    const library = (version: string, depends: string): Parameters<PatchMill["put"]>[0] => ({
      name: "libtool",
      version,
      fields: { Source: `tool-source (${version})`, ...(depends === "" ? {} : { Depends: depends }) },
      entries: [{ path: "usr/lib/libtool", content: version }],
    });
    const [a, b] = [await mill.put(old), await mill.put(library("1-1", ""))];
    const offers = [
      await mill.put({ ...next, fields: { ...next.fields, Depends: "libtool (= 1-2)" } }),
      await mill.put(library("1-2", "fresh (>= 2)")),
      await mill.put({ name: "fresh", version: "2", entries: [{ path: "usr/lib/fresh", content: "fresh" }] }),
    ];
    const original = await mill.original([a, b], dpkg);
    const outcome = await mill.patch(original, offers, {
      policy: { wanted: [{ source: "tool-source", fixed: "1-2" }] },
    });
    expect(outcome).toMatchObject({
      kind: "patched",
      changes: [
        { name: "fresh", from: undefined, to: "2" },
        { name: "libtool", from: "1-1", to: "1-2" },
        { name: "tool", from: "1-1", to: "1-2" },
      ],
    });
    expect((await mill.inventory(patched(outcome))).status).toBe("complete");
  });

  it("is refused where what is needed cannot stand beside what is there", async () => {
    const resident = await mill.put({ name: "resident", version: "1", fields: { Conflicts: "fresh" } });
    const original = await mill.original([await mill.put(old), resident], dpkg);
    const offers = [
      await mill.put({ ...next, fields: { ...next.fields, Depends: "fresh" } }),
      await mill.put({ name: "fresh", version: "2" }),
    ];
    const outcome = await mill.patch(original, offers);
    expect(outcome).toMatchObject({ kind: "refused", reasons: [expect.stringContaining("rejects fresh")] });
  });

  it("is refused where a new file belongs to somebody else", async () => {
    const other = await mill.put({
      name: "other",
      version: "3",
      entries: [{ path: "usr/lib/tool/new", content: "o" }],
    });
    const original = await mill.original([await mill.put(old), other], dpkg);
    expect(await mill.patch(original, [await mill.put(next)])).toEqual({
      kind: "refused",
      reasons: ["linux/amd64: /usr/lib/tool/new of tool 1-2 belongs to other"],
    });
  });
});

describe("dpkg's own files", () => {
  it("have every other byte as it was, and the old version's are gone", async () => {
    const scripts = { postrm: "#!/bin/sh\nset -e\n", postinst: "#!/bin/sh\nset -e\n" };
    const other = await mill.put({ name: "zebra", version: "3", fields: { "X-Odd": "  odd  spaces" } });
    const original = await mill.original([await mill.put({ ...old, members: scripts }), other], true);
    const digest = patched(
      await mill.patch(original, [await mill.put({ ...next, members: { postinst: scripts.postinst } })]),
    );
    const stanza = (text: string, name: string): string | undefined =>
      text.split("\n\n").find((each) => each.startsWith(`Package: ${name}\n`));
    const [before, after] = [
      await mill.text(original, "var/lib/dpkg/status"),
      await mill.text(digest, "var/lib/dpkg/status"),
    ];
    expect(stanza(after, "zebra")).toBe(stanza(before, "zebra"));
    expect(stanza(after, "tool")).toContain("Status: install ok installed\n");
    expect(after.split("\n\n")).toHaveLength(before.split("\n\n").length);
    const tree = await mill.tree(digest);
    expect(at(tree, "var/lib/dpkg/info/tool.postinst")).toBe("file");
    expect(at(tree, "var/lib/dpkg/info/tool.postrm")).toBeUndefined();
    expect(await mill.text(digest, "var/lib/dpkg/info/tool.list")).toContain("/usr/lib/tool/new\n");
  });

  it("send a package whose script does something to an engine, with the reason", async () => {
    const postinst = '#!/bin/sh\nset -e\nif [ "$1" = configure ]; then\n  touch /var/lib/tool\nfi\n';
    const apt = [
      { path: "usr/bin/apt-get", content: "apt" },
      { path: "usr/bin/sh", content: "sh" },
    ];
    const offers = [await mill.put({ ...next, members: { postinst } })];
    const original = await mill.original([await mill.put(old)], true, apt);
    const outcome = await mill.patch(original, offers);
    expect(outcome).toMatchObject({
      kind: "needs-engine",
      platforms: [
        {
          digest: original,
          needs: [{ name: "tool", reasons: ["its postinst calls touch: touch /var/lib/tool"] }],
          dockerfile: expect.stringMatching(
            /^FROM registry\.example\/owner\/app@sha256:[^]*USER 0:0\nRUN apt-get update[^]*tool=1-2[^]*USER 1000\n$/,
          ) as string,
        },
      ],
    });
    const without = await mill.original([await mill.put(old)], true);
    expect(await mill.patch(without, offers)).toMatchObject({
      kind: "refused",
      reasons: [expect.stringContaining("has no apt")],
    });
  });

  it("say what is held: it stays, or what needs it is refused", async () => {
    const preferences = {
      path: "etc/apt/preferences.d/own",
      content: "Package: tool\nPin: version 1-1\nPin-Priority: 1001\n",
    };
    const original = await mill.original([await mill.put(old)], true, [preferences]);
    const offers = [await mill.put(next)];
    expect(await mill.patch(original, offers)).toMatchObject({
      kind: "mirrored",
      notes: [expect.stringContaining("tool stays at 1-1: etc/apt/preferences.d/own pins tool")],
    });
    const wanted = [{ source: "tool-source" }];
    expect(await mill.patch(original, offers, { policy: { wanted } })).toMatchObject({
      kind: "refused",
      reasons: [expect.stringContaining("tool should go to 1-2, but")],
    });
  });

  it("leave out what dpkg.cfg excludes, and take away what it has come to exclude", async () => {
    const cfg = {
      path: "etc/dpkg/dpkg.cfg.d/slim",
      content: "path-exclude /usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n",
    };
    const doc = (version: string): Written[] => [
      { path: "usr/share/doc/tool/copyright", content: version },
      { path: "usr/share/doc/tool/README", content: version },
    ];
    const one = await mill.put({ ...old, entries: [...old.entries, ...doc("1")] });
    const two = await mill.put({ ...next, entries: [...next.entries, ...doc("2")] });
    const digest = patched(await mill.patch(await mill.original([one], true, [cfg]), [two]));
    const tree = await mill.tree(digest);
    expect(await mill.text(digest, "usr/share/doc/tool/copyright")).toBe("2");
    expect(at(tree, "usr/share/doc/tool/README")).toBeUndefined();
    expect(await mill.text(digest, "var/lib/dpkg/info/tool.list")).toContain("README");
  });
});

describe("a distroless layout", () => {
  const stanza = (version: string): string =>
    `Package: libfoo1\nArchitecture: amd64\nVersion: ${version}\nDescription: foo\n`;
  const written = [
    { path: "etc", kind: "directory" },
    { path: "etc/os-release", content: osRelease },
    { path: "lib", kind: "directory" },
    { path: "lib/x", kind: "directory", mode: 0o750 },
    { path: "lib/x/libfoo.so.1.1", content: "1" },
    { path: "lib/x/libfoo.so.1", kind: "symlink", link: "libfoo.so.1.1" },
    { path: "usr/lib/other", content: "o" },
    { path: "var/lib/dpkg/status.d/libfoo", content: stanza("1-1") },
    {
      path: "var/lib/dpkg/status.d/libfoo.md5sums",
      content: "c4ca4238a0b923820dcc509a6f75849b  lib/x/libfoo.so.1.1\n",
    },
  ] as const satisfies readonly Written[];

  it("keeps the names of its files, has its /lib where it was, and no link that leads nowhere", async () => {
    const offer = await mill.put({
      name: "libfoo1",
      version: "1-2",
      members: { postinst: "#!/bin/sh\ntouch /never-run\n" },
      entries: [
        { path: "lib/x/libfoo.so.2.0", content: "2" },
        { path: "lib/x/libfoo.so.2", kind: "symlink", link: "libfoo.so.2.0" },
      ],
    });
    const original = await mill.write(written, { mediaType: mediaTypes.dockerManifest });
    const digest = patched(await mill.patch(original, [offer]));
    const tree = await mill.tree(digest);
    expect(at(tree, "lib/x/libfoo.so.2")).toBe("symlink libfoo.so.2.0");
    expect(at(tree, "lib/x/libfoo.so.1")).toBeUndefined();
    expect(at(tree, "lib/x/libfoo.so.1.1")).toBeUndefined();
    expect(at(tree, "usr/lib/x")).toBeUndefined();
    const top = await mill.top(digest);
    expect(top.get("lib/x")).toMatchObject({ kind: "directory", mode: 0o750 });
    expect([...top.keys()].filter((path) => path.startsWith("var/lib/dpkg/"))).toEqual([
      "var/lib/dpkg/status.d",
      "var/lib/dpkg/status.d/libfoo",
      "var/lib/dpkg/status.d/libfoo.md5sums",
    ]);
    expect(await mill.inventory(digest)).toMatchObject({
      status: "complete",
      packages: [{ name: "libfoo1", version: "1-2" }],
    });
    const raw = await mill.layout.manifest(digest);
    const manifest = parseManifest(raw?.bytes ?? Buffer.alloc(0));
    expect(manifest.mediaType).toBe(mediaTypes.manifest);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.layerGzip, mediaTypes.layerGzip]);
  });

  it("may go on lacking what it lacked", async () => {
    const offer = await mill.put({ name: "libfoo1", version: "1-2", fields: { Depends: "debconf (>= 2)" } });
    const lacking = written.map((each) =>
      each.path.endsWith("/libfoo") ? { ...each, content: `${stanza("1-1")}Depends: debconf (>= 1)\n` } : each,
    );
    expect(await mill.patch(await mill.write(lacking), [offer])).toMatchObject({ kind: "patched" });
    expect(await mill.patch(await mill.write(written), [offer])).toMatchObject({
      kind: "refused",
      reasons: [expect.stringContaining("needs debconf")],
    });
  });
});

describe("an index", () => {
  async function indexOf(entries: Readonly<Record<string, Digest>>): Promise<Digest> {
    const manifests = await Promise.all(
      Object.entries(entries).map(async ([architecture, digest]) => {
        const raw = await mill.layout.manifest(digest);
        const os = architecture === "unknown" ? "unknown" : "linux";
        return { mediaType: raw?.mediaType, digest, size: raw?.bytes.byteLength, platform: { os, architecture } };
      }),
    );
    const raw = documentOf(
      { schemaVersion: 2, mediaType: mediaTypes.index, manifests, annotations: { own: "yes" } },
      mediaTypes.index,
    );
    await mill.layout.putManifest(raw);
    return raw.digest;
  }

  it("is rebuilt with every platform, without attestations of what it was", async () => {
    const one = await mill.original([await mill.put(old)], false);
    const current = await mill.original([await mill.put(next)], false);
    const original = await indexOf({ amd64: one, arm64: current, unknown: one });
    const outcome = await mill.patch(original, [await mill.put(next)]);
    const raw = await mill.layout.manifest(patched(outcome));
    const index = parseIndex(raw?.bytes ?? Buffer.alloc(0));
    expect(index.manifests.map(({ platform }) => platform?.architecture)).toEqual(["amd64", "arm64"]);
    expect(index.manifests[1]?.digest).toBe(current);
    expect(index.annotations).toMatchObject({ own: "yes", [annotationKeys.baseDigest]: original });
    const chosen = await mill.patch(original, [await mill.put(next)], {
      platforms: [{ os: "linux", architecture: "amd64" }],
    });
    expect(patched(chosen)).toBe(index.manifests[0]?.digest);
  });

  it("is refused whole for one platform that cannot be patched, by its name", async () => {
    const one = await mill.original([await mill.put(old)], false);
    const bad = await mill.write([{ path: "etc/os-release", content: osRelease }]);
    const outcome = await mill.patch(await indexOf({ amd64: one, arm64: bad }), [await mill.put(next)]);
    expect(outcome).toEqual({ kind: "refused", reasons: ["linux/arm64: no package database was found in the image"] });
  });

  it("has no platform that it does not name", async () => {
    const index = await indexOf({ amd64: await mill.original([await mill.put(old)], false) });
    const asked = mill.patch(index, [], { platforms: [{ os: "linux", architecture: "s390x" }] });
    await expect(asked).rejects.toMatchObject({ code: "NO_PLATFORM", hint: "It has linux/amd64." });
  });
});

describe("a hostile original", () => {
  const system = { path: "etc/os-release", content: osRelease };
  const status = (text: string): Written => ({ path: "var/lib/dpkg/status", content: text });
  const stanza = (name: string): string =>
    `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n`;

  it.each<readonly [string, readonly Written[], RegExp]>([
    ["without a database", [system], /no package database/],
    ["with a status that ends in the middle", [system, status(`${stanza("a")}Package: b\nVers`)], /status.*line/],
    ["with a package twice", [system, status(stanza("a") + stanza("a"))], /a:amd64 stands in the database twice/],
    [
      "with a package that is half there",
      [system, status(stanza("a").replace("ok installed", "ok half-installed"))],
      /a is ok half-installed/,
    ],
    [
      "whose database stands behind a link",
      [
        system,
        { path: "srv/db/status", content: stanza("a") },
        { path: "var/lib/dpkg", kind: "symlink", link: "../../srv/db" },
      ],
      /behind a link/,
    ],
    [
      "whose database is a link out of it",
      [system, { path: "var/lib/dpkg/status", kind: "symlink", link: "../../../../../../etc/passwd" }],
      /leads nowhere|no package database/,
    ],
    [
      "with two databases",
      [system, status(stanza("a")), { path: "var/lib/dpkg/status.d/b", content: stanza("b") }],
      /two package databases/,
    ],
    [
      "without a release",
      [{ path: "etc/os-release", content: "ID=debian\n" }, status(stanza("a"))],
      /names no release/,
    ],
  ])("%s is refused by name", async (_, entries, why) => {
    const outcome = await mill.patch(await mill.write(entries), []);
    expect(outcome).toMatchObject({ kind: "refused" });
    expect(outcome.kind === "refused" ? outcome.reasons.join("\n") : "").toMatch(why);
  });

  it("with 100,000 packages is refused within seconds", async () => {
    const text = Array.from({ length: 100_000 }, (_, at) => stanza(`p${at}`)).join("");
    const outcome = await mill.patch(await mill.write([system, status(text)]), []);
    expect(outcome).toMatchObject({ kind: "refused", reasons: [expect.stringContaining("100000 packages")] });
  }, 20_000);

  it("whose folders are links has the files where they lead, never outside", async () => {
    const entries: Written[] = [
      system,
      { path: "usr/lib", kind: "symlink", link: "../../../../srv/lib" },
      { path: "srv/lib/tool/stays", content: "stays" },
      status(stanza("tool")),
      { path: "var/lib/dpkg/info/tool.list", content: "/.\n/usr\n/usr/lib\n/usr/lib/tool\n/usr/lib/tool/stays\n" },
    ];
    const offer = await mill.put({ ...next, fields: {} });
    const digest = patched(await mill.patch(await mill.write(entries), [offer]));
    const tree = await mill.tree(digest);
    expect(at(tree, "usr/lib")).toBe("symlink ../../../../srv/lib");
    expect(at(tree, "srv/lib/tool/new")).toBe("file");
    expect([...(await mill.top(digest)).keys()].filter((path) => path.startsWith("usr/lib"))).toEqual([]);
  });
});

describe("what was pushed", () => {
  it("is read back, and not believed where it is something else", async () => {
    const original = await mill.original([await mill.put(old)], true);
    const { createPatcher } = await import("../index.ts");
    const { universeOf } = await import("./testdata/patch-mill.ts");
    const offers = [await mill.put(next)];
    const patcher = createPatcher({
      images: mill.images,
      cacheDir: mill.cacheDir,
      fetchPackage: (record) => mill.fetch(record),
      universeFor: () => Promise.resolve(universeOf(offers)),
    });
    const liar = { ...mill.layout, name: "liar", manifest: () => mill.layout.manifest(original) };
    const asked = patcher.patchImage({
      source: mill.layout,
      digest: original,
      name: "app",
      sink: liar,
      policy: { changedConffile: "keep" },
    });
    await expect(asked).rejects.toMatchObject({
      code: "PATCH_NOT_PROVEN",
      message: expect.stringContaining("tool should be 1-2") as string,
    });
  });
});
