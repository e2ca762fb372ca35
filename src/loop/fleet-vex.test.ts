import { describe, expect, it } from "vitest";
import type { Finding, VexStatement } from "../core/advisory/index.ts";
import type { Inventory } from "../core/inventory/index.ts";
import type { BaseVex, ImageDigest } from "../io/store/index.ts";
import { sha256, type Digest } from "../lib/index.ts";
import type { CandidateOrigin, Context } from "./context.ts";
import { loadFleetVex } from "./fleet-vex.ts";

const now = Date.UTC(2026, 0, 10);
const digestOf = (name: string): Digest => sha256(name);
const platform = { os: "linux", architecture: "amd64" };

function statement(id: string, more: Partial<VexStatement> = {}): VexStatement {
  return {
    vulnerabilities: [id],
    products: [{ ids: [], digests: [digestOf("debian")], subcomponents: [] }],
    status: "not_affected",
    reason: "not in execute path",
    author: "debian (signed by a key)",
    timestamp: now - 1000,
    expires: undefined,
    ...more,
  };
}
function word(statements: readonly VexStatement[], more: Partial<BaseVex> = {}): BaseVex {
  const digest = digestOf("debian");
  return {
    base: "docker.io/library/debian:12",
    digest,
    digests: [digest],
    statements,
    problems: [],
    askedAt: now,
    ...more,
  };
}
function finding(id: string, layer: string): Finding {
  return {
    id,
    aliases: [],
    upstream: [],
    package: "openssl",
    type: "deb",
    architecture: "amd64",
    source: "openssl",
    version: "3.0-1",
    state: "affected",
    fixed: undefined,
    published: undefined,
    summary: "",
    layer: digestOf(layer),
  };
}
function row(image: string, origin: Partial<CandidateOrigin>): ImageDigest {
  return {
    image,
    digest: digestOf(image),
    platforms: ["linux/amd64"],
    inventories: {},
    recipeKey: "",
    baseDigests: [],
    createdAt: now,
    detail: { origin: { remedy: "rebuild", why: "", ...origin } },
  };
}
const inventory: Inventory = {
  platform,
  os: undefined,
  packages: [],
  status: "complete",
  system: "complete",
  problems: [],
};
const layers = (...names: string[]) => ({ "linux/amd64": names.map(digestOf) });
const debian = { "docker.io/library/debian:12": digestOf("debian") };
const web = row("web", { bases: debian, standsOn: "docker.io/library/debian:12", baseLayers: layers("theirs") });

async function told(
  words: readonly BaseVex[],
  of: ImageDigest,
  findings: readonly Finding[],
  own: readonly object[] = [],
) {
  const rows = [web, shop, mirror, above];
  const ctx = {
    home: "/",
    config: { vex: [], registry: {}, images: {} },
    clock: { now: () => now },
    store: {
      loadVexStatements: () => Promise.resolve(own),
      loadBaseVex: () => Promise.resolve(words),
      loadDigests: (digests: readonly Digest[]) =>
        Promise.resolve(rows.filter(({ digest }) => digests.includes(digest))),
    },
  };
  const vex = await loadFleetVex(ctx as unknown as Context, [of]);
  const elsewhere = (digest: Digest) =>
    vex.applyElsewhere(findings, { digests: [digest], repositories: [], inventory }).map((one) => one.vex?.by);
  return { list: vex.apply(findings, of, inventory).map((one) => one.vex?.by), key: vex.key(of), elsewhere };
}

const shop = row("shop", { bases: { web: web.digest }, standsOn: "web", baseLayers: layers("theirs", "web's") });
const mirror = row("mirror", { bases: debian, standsOn: "docker.io/library/debian:12", remedy: "mirror" });
const above = row("above", { bases: { mirror: mirror.digest }, standsOn: "mirror", baseLayers: layers("theirs") });

describe("what the owner of a base says", () => {
  const findings = [finding("CVE-2026-1", "theirs"), finding("CVE-2026-1", "web's"), finding("CVE-2026-2", "theirs")];
  const by = "debian (signed by a key)";

  it.each<[string, ImageDigest, readonly (string | undefined)[]]>([
    ["an image on it", web, [by, undefined, undefined]],
    ["an image on one on it", shop, [by, undefined, undefined]],
    ["a mirror of it", mirror, [by, by, undefined]],
    ["an image on a mirror of it", above, [by, undefined, undefined]],
  ])("is about what the base brought to %s, and nothing else", async (_, of, expected) => {
    expect((await told([word([statement("CVE-2026-1")])], of, findings)).list).toEqual(expected);
  });

  it("says nothing of an image that used the base in a stage that is not in it", async () => {
    const built = row("built", {
      bases: { ...debian, other: digestOf("other") },
      standsOn: "other",
      baseLayers: layers("theirs"),
    });
    expect((await told([word([statement("CVE-2026-1")])], built, findings)).list).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const unknown = row("unknown", { bases: { ...debian, other: digestOf("other") }, baseLayers: layers("theirs") });
    expect((await told([word([statement("CVE-2026-1")])], unknown, findings)).list[0]).toBeUndefined();
  });

  it("is of that digest alone, counts until it expires, and less than a person's word", async () => {
    const other = word([statement("CVE-2026-1")], { digest: digestOf("older") });
    expect((await told([other], web, findings)).list).toEqual([undefined, undefined, undefined]);
    const ended = word([statement("CVE-2026-1", { expires: now - 1 })]);
    expect((await told([ended], web, findings)).list[0]).toBeUndefined();
    const own = {
      vulnerability: "CVE-2026-1",
      package: null,
      image: null,
      status: "affected",
      justification: null,
      reason: "we use it",
      author: "ada",
      createdAt: now - 9000,
      until: null,
    };
    expect((await told([word([statement("CVE-2026-1")])], web, findings, [own])).list[0]).toBe("ada");
  });

  it("makes what is remembered of an image another thing", async () => {
    const none = (await told([], web, findings)).key;
    const one = (await told([word([statement("CVE-2026-1")])], web, findings)).key;
    const two = (await told([word([statement("CVE-2026-2")])], web, findings)).key;
    const ended = (await told([word([statement("CVE-2026-1", { expires: now })])], web, findings)).key;
    expect(new Set([none, one, two, ended]).size).toBe(4);
    expect((await told([word([statement("CVE-2026-1")])], row("apart", { bases: {} }), findings)).key).toBe("");
  });

  it("is about the base itself, by whatever name it is looked at, and about no other image that is not ours", async () => {
    const { elsewhere } = await told([word([statement("CVE-2026-1")])], web, findings);
    expect(elsewhere(digestOf("debian"))).toEqual([by, by, undefined]);
    expect(elsewhere(digestOf("another"))).toEqual([undefined, undefined, undefined]);
  });
});
