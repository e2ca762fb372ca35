import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { applyVex, isSettled, type VexSubject } from "./apply-vex.ts";
import { parseOpenVex, type ParsedVex, type VexStatement } from "./open-vex.ts";
import { madeFinding, madeInventory, madeOs, madePackage } from "./testdata/made.ts";
import type { Finding } from "./types.ts";

const digest = sha256("an image");
const hex = digest.slice("sha256:".length);
const image = { "@id": `pkg:oci/app@sha256%3A${hex}?repository_url=registry.example/app` };
const openssl = "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64";
const now = Date.parse("2026-01-10T00:00:00Z");

function statement(more: object = {}): object {
  return {
    vulnerability: { name: "CVE-2024-0001" },
    products: [image],
    status: "not_affected",
    justification: "vulnerable_code_not_in_execute_path",
    ...more,
  };
}
function document(statements: readonly unknown[], more: object = {}): object {
  return {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://vex.example/1",
    author: "A Person",
    timestamp: "2026-01-01T00:00:00Z",
    version: 1,
    statements,
    ...more,
  };
}
function read(value: unknown): VexStatement[] {
  const parsed = parseOpenVex(value);
  if (parsed.kind === "bad") throw new Error(parsed.problem);
  expect(parsed.problems).toEqual([]);
  return [...parsed.statements];
}
const subject: VexSubject = {
  digests: [digest],
  repositories: ["registry.example/app"],
  inventory: madeInventory(
    madeOs("debian", "12"),
    madePackage("deb", "libssl3", "3.0.9-1+b1", { source: "openssl", sourceVersion: "3.0.9-1" }),
    madePackage("npm", "@a/b", "1.0.0", { path: "app/node_modules/@a/b/package.json" }),
  ),
};
const finding = madeFinding("CVE-2024-0001", { aliases: ["DSA-1-1", "GHSA-aaaa-bbbb-cccc"] });
const inNpm = madeFinding("CVE-2024-0001", {
  package: "@a/b",
  type: "npm",
  version: "1.0.0",
  source: "@a/b",
  path: "app/node_modules/@a/b/package.json",
});
function verdict(statements: readonly unknown[], of: Finding = finding, at = now): string | undefined {
  return applyVex([of], read(document(statements)), subject, at)[0]?.vex?.status;
}

describe("parseOpenVex", () => {
  it("reads who says what of which vulnerability in which product, why and until when", () => {
    const [one] = read(
      document([
        statement({
          vulnerability: { "@id": "https://nvd.example/x", name: "CVE-2024-0001", aliases: ["GHSA-aaaa-bbbb-cccc"] },
          products: [
            { "@id": "pkg:oci/app", hashes: { "sha-256": hex.toUpperCase() }, subcomponents: [{ "@id": openssl }] },
          ],
          impact_statement: "the module is not loaded",
          timestamp: "2026-01-02T00:00:00Z",
          tidemill_expires: "2026-06-01T00:00:00Z",
        }),
      ]),
    );
    expect(one).toEqual({
      vulnerabilities: ["CVE-2024-0001", "https://nvd.example/x", "GHSA-aaaa-bbbb-cccc"],
      products: [{ ids: ["pkg:oci/app"], digests: [digest], subcomponents: [openssl] }],
      status: "not_affected",
      reason: "vulnerable_code_not_in_execute_path: the module is not loaded",
      author: "A Person",
      timestamp: Date.parse("2026-01-02T00:00:00Z"),
      expires: Date.parse("2026-06-01T00:00:00Z"),
    });
  });

  it("reads the first form of the format too, in which names are texts", () => {
    const old = statement({ vulnerability: "CVE-2024-0001", products: ["pkg:oci/app"], subcomponents: [openssl] });
    expect(read(document([old], { "@context": "https://openvex.dev/ns" }))).toMatchObject([
      { vulnerabilities: ["CVE-2024-0001"], products: [{ ids: ["pkg:oci/app"], subcomponents: [openssl] }] },
    ]);
  });

  it("takes a statement that names no product for one about the subject of its attestation", () => {
    const attested = {
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "https://openvex.dev/ns/v0.2.0",
      subject: [{ name: "registry.example/base", digest: { sha256: hex } }],
      predicate: document([statement({ products: undefined })]),
    };
    expect(read(attested)).toMatchObject([{ products: [{ digests: [digest], ids: [], subcomponents: [] }] }]);
    expect(parseOpenVex(document([statement({ products: undefined })]))).toMatchObject({ bad: 1, statements: [] });
  });

  it("sets statements aside that are none, and those that settle something without a reason", () => {
    const broken = [
      null,
      5,
      {},
      statement({ status: "fine" }),
      statement({ justification: "because" }),
      statement({ justification: undefined }),
      statement({ justification: undefined, impact_statement: "  " }),
      statement({ vulnerability: {} }),
      statement({ vulnerability: { name: "" } }),
      statement({ products: [] }),
      statement({ products: [7] }),
      statement({ timestamp: "soon" }),
      statement({ tidemill_expires: "never" }),
      statement({ vulnerability: { name: "CVE-2024-0001", aliases: Array.from({ length: 1001 }, () => "x") } }),
    ];
    const parsed = parseOpenVex(document([...broken, statement()]));
    expect(parsed).toMatchObject({ kind: "statements", bad: broken.length });
    expect(parsed.kind === "statements" && parsed.statements).toHaveLength(1);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a text", "CVE-2024-0001"],
    ["another format", document([statement()], { "@context": "https://spdx.example/v2" })],
    ["no statements", document([])],
    ["no author", document([statement()], { author: undefined })],
    ["too many statements", document(Array.from({ length: 50_001 }, () => null))],
    ["a list for the whole", [statement()]],
    [
      "an attestation of something else",
      { predicateType: "https://slsa.dev/provenance/v1", subject: [], predicate: document([statement()]) },
    ],
  ])("refuses %s", (_, value) => expect(parseOpenVex(value).kind satisfies ParsedVex["kind"]).toBe("bad"));
});

describe("applyVex", () => {
  it.each<[string, object, string | undefined]>([
    ["the image by its digest", { products: [{ hashes: { "sha-256": hex } }] }, "not_affected"],
    ["the image by its purl", { products: [image] }, "not_affected"],
    ["the repository", { products: [{ "@id": "pkg:oci/app?repository_url=registry.example/app" }] }, "not_affected"],
    ["an image of that name anywhere", { products: [{ "@id": "pkg:oci/app" }] }, undefined],
    ["another digest", { products: [{ "@id": `pkg:oci/app@sha256%3A${"0".repeat(64)}` }] }, undefined],
    ["another repository", { products: [{ "@id": "pkg:oci/app?repository_url=registry.example/b" }] }, undefined],
    ["the package", { products: [{ "@id": "pkg:deb/debian/libssl3" }] }, "not_affected"],
    ["the package in its own version", { products: [{ "@id": openssl.replace("-1?", "-1%2Bb1?") }] }, "not_affected"],
    ["the package in another version", { products: [{ "@id": "pkg:deb/debian/libssl3@3.0.8-1" }] }, undefined],
    ["its source", { products: [{ "@id": "pkg:deb/debian/openssl@3.0.9-1?arch=source" }] }, "not_affected"],
    ["that of another architecture", { products: [{ "@id": "pkg:deb/debian/libssl3?arch=arm64" }] }, undefined],
    ["that of another distribution", { products: [{ "@id": "pkg:deb/ubuntu/libssl3" }] }, undefined],
    ["one of that name of another kind", { products: [{ "@id": "pkg:npm/libssl3" }] }, undefined],
    [
      "the package in the image",
      { products: [{ ...image, subcomponents: [{ "@id": "pkg:deb/debian/libssl3" }] }] },
      "not_affected",
    ],
    [
      "another package in the image",
      { products: [{ ...image, subcomponents: [{ "@id": "pkg:deb/debian/zlib1g" }] }] },
      undefined,
    ],
    [
      "what is in another product",
      { products: [{ "@id": "pkg:oci/x", subcomponents: [{ "@id": openssl }] }] },
      undefined,
    ],
    ["the vulnerability by an alias", { vulnerability: { name: "GHSA-aaaa-bbbb-cccc" } }, "not_affected"],
    ["the distribution's name of it", { vulnerability: { name: "DEBIAN-CVE-2024-0001" } }, "not_affected"],
    ["another vulnerability", { vulnerability: { name: "CVE-2024-0002" } }, undefined],
    [
      "another one of the same announcement",
      { vulnerability: { name: "CVE-2024-0002", aliases: ["DSA-1-1"] } },
      undefined,
    ],
    ["the announcement", { vulnerability: { name: "DSA-1-1" } }, "not_affected"],
    ["a purl that is none", { products: [{ "@id": "pkg:" }, { "@id": "pkg:deb" }, { "@id": "pkg:%%%/x" }] }, undefined],
  ])("of %s", (_, more, expected) => expect(verdict([statement(more)])).toBe(expected));

  it.each<[string, string | undefined]>([
    ["pkg:npm/%40a/b@1.0.0", "not_affected"],
    ["pkg:npm/%40a/b", "not_affected"],
    ["pkg:npm/%40a/b@1.0.1", undefined],
    ["pkg:npm/b@1.0.0", undefined],
  ])("of a package of a language by %s: %s", (purl, expected) =>
    expect(verdict([statement({ products: [{ "@id": purl }] })], inNpm)).toBe(expected),
  );

  it("ends when it says so, and does not begin before its time", () => {
    const until = [statement({ tidemill_expires: "2026-01-10T00:00:01Z" })];
    expect(verdict(until)).toBe("not_affected");
    expect(verdict(until, finding, now + 1000)).toBeUndefined();
    expect(verdict([statement({ timestamp: "2026-02-01T00:00:00Z" })])).toBeUndefined();
  });

  it("is by the latest, and of one time by the most careful", () => {
    const late = statement({ timestamp: "2026-01-03T00:00:00Z", status: "affected", action_statement: "upgrade" });
    const early = statement({ timestamp: "2026-01-02T00:00:00Z" });
    expect(verdict([late, early])).toBe("affected");
    expect(verdict([early, late])).toBe("affected");
    const [a, b] = [statement(), statement({ status: "under_investigation" })];
    expect(verdict([a, b])).toBe("under_investigation");
    expect(verdict([b, a])).toBe("under_investigation");
  });

  it("settles only what is not affected or fixed, and says whose word that is", () => {
    const settled = (status: string) =>
      applyVex([finding], read(document([statement({ status })])), subject, now).map(isSettled);
    expect(settled("not_affected")).toEqual([true]);
    expect(settled("fixed")).toEqual([true]);
    expect(settled("affected")).toEqual([false]);
    expect(settled("under_investigation")).toEqual([false]);
    const [one] = applyVex([finding], read(document([statement()])), subject, now);
    expect(one).toEqual({
      ...finding,
      vex: {
        status: "not_affected",
        by: "A Person",
        reason: "vulnerable_code_not_in_execute_path",
        since: Date.parse("2026-01-01T00:00:00Z"),
        until: undefined,
      },
    });
  });

  it("leaves findings alone that nothing is said of", () => {
    expect(applyVex([finding], [], subject, now)).toEqual([finding]);
    expect(isSettled(finding)).toBe(false);
  });
});
