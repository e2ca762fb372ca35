import { describe, expect, it } from "vitest";
import { parseConfig, type Config } from "../config/index.ts";
import { parseOpenVex } from "../advisory/index.ts";
import type { Cause } from "../plan/index.ts";
import type { ScanPackage } from "../report/index.ts";
import {
  environmentOfPolicy,
  formatProvenance,
  formatStatement,
  formatSummary,
  formatTestResult,
  formatVex,
  imageMaterial,
  kindOfPredicate,
  predicateTypes,
  recipeParameters,
  sourceMaterial,
  withoutLogin,
  type ProvenanceFacts,
} from "./index.ts";

const digest = `sha256:${"1".repeat(64)}` as const;
const configOf = (images: string): Config => {
  const parsed = parseConfig(
    `version: 1\nupstreams: { debian: { kind: debian, codename: bookworm } }\nenvironments: [{ name: production }]\nimages:\n${images}`,
    { TOKEN: "s3cr3t" },
  );
  if (parsed.kind === "ok") return parsed.config;
  throw new Error(JSON.stringify(parsed.problems));
};

describe("the parameters in provenance", () => {
  it("are those of a Dockerfile without anything that may be a secret", () => {
    const config = configOf(`
  web:
    recipe: dockerfile
    git: { url: "https://joe:s3cr3t@git.example/web.git", ref: main }
    args: { PASSWORD: "\${TOKEN}" }
    secrets: { npm: { env: NPM_TOKEN } }
    checks: [{ http: { port: 80, headers: { authorization: "\${TOKEN}" } }, name: front }]`);
    const text = JSON.stringify(recipeParameters(config, "web"));
    expect(text).not.toContain("s3cr3t");
    expect(text).not.toContain("NPM_TOKEN");
    expect(JSON.parse(text)).toMatchObject({
      recipe: "dockerfile",
      args: ["PASSWORD"],
      secrets: ["npm"],
      git: { url: "https://git.example/web.git", ref: "main" },
    });
  });

  it("are of packages all that makes its bytes", () => {
    const config = configOf("  web: { recipe: packages, upstream: debian, packages: [nginx], env: { A: b } }");
    expect(recipeParameters(config, "web")).toMatchObject({ recipe: "packages", packages: ["nginx"], env: { A: "b" } });
    expect(recipeParameters(config, "other")).toBeUndefined();
  });

  it.each([
    ["ssh://git@git.example/web", "ssh://git.example/web"],
    ["git@git.example:web.git", "git@git.example:web.git"],
    ["https://git.example/a@b", "https://git.example/a@b"],
  ])("name %s without who logs in", (url, shown) => expect(withoutLogin(url)).toBe(shown));
});

const cause: Cause = {
  kind: "package",
  source: "openssl",
  to: "3.0.2-1",
  packages: [{ name: "libssl3", architecture: "amd64", from: "3.0.1-1", to: "3.0.2-1" }],
  origin: "debian/bookworm-security",
  firstSeen: 1_767_000_000_000,
  security: true,
  advisories: ["CVE-2026-1", "CVE-2026-2"],
  confirmed: ["CVE-2026-1"],
};
const facts: ProvenanceFacts = {
  image: "web",
  parameters: { recipe: "packages" },
  recipeKey: "key",
  remedy: "rebuild",
  why: "",
  rebuild: "7b4b1a3e-0000-4000-8000-000000000000",
  lane: "urgent",
  causes: [{ key: "one", cause }],
  materials: [
    { uri: "pkg:deb/debian/b@1", digest: { sha256: "b" } },
    { uri: "pkg:deb/debian/a@1", digest: { sha256: "a" } },
    { uri: "pkg:deb/debian/b@1", digest: { sha256: "b" } },
  ],
  unknown: [],
  builder: { id: "https://builds.example/tidemill", version: "1" },
  queuedAt: 1_767_000_000_000,
  madeAt: 1_767_000_060_000,
};

describe("provenance", () => {
  it("says builder, recipe, causes and times, and each material once, in order", () => {
    expect(formatProvenance(facts)).toMatchObject({
      buildDefinition: {
        buildType: "https://builds.example/tidemill/recipe/packages/v1",
        internalParameters: { causes: [{ key: "one", source: "openssl", firstSeen: "2025-12-29T09:20:00.000Z" }] },
        resolvedDependencies: [{ uri: "pkg:deb/debian/a@1" }, { uri: "pkg:deb/debian/b@1" }],
      },
      runDetails: {
        builder: { id: "https://builds.example/tidemill" },
        metadata: { startedOn: "2025-12-29T09:20:00.000Z", finishedOn: "2025-12-29T09:21:00.000Z" },
      },
    });
  });

  it("has the same bytes for the same facts, in whatever order they come", () => {
    const bytes = (one: ProvenanceFacts): string =>
      formatStatement([{ name: "web", digest }], predicateTypes.provenance, formatProvenance(one)).toString();
    expect(bytes({ ...facts, materials: facts.materials.toReversed() })).toBe(bytes(facts));
    expect(bytes({ ...facts, madeAt: undefined })).not.toContain("finishedOn");
  });

  it.each([
    [
      imageMaterial("registry.example:5000/team/base:1", digest),
      `pkg:oci/base@sha256%3A${"1".repeat(64)}?repository_url=registry.example%3A5000%2Fteam%2Fbase`,
    ],
    [imageMaterial("debian:12", digest), `pkg:oci/debian@sha256%3A${"1".repeat(64)}`],
    [
      sourceMaterial("a".repeat(40), { url: "https://git.example/web", ref: "main" }),
      "git+https://git.example/web@main",
    ],
    [sourceMaterial(digest, undefined), "urn:tidemill:context"],
  ])("names a material %#", (material, uri) => expect(material?.uri).toBe(uri));
});

describe("a verification", () => {
  const checked = {
    environment: "pré prod",
    verdict: "passed",
    checks: [
      { name: "starts", verdict: "passed", message: "" },
      { name: "answers", verdict: "warned", message: "slowly" },
      { name: "run: x", verdict: "not_run", message: "no engine" },
    ],
    finishedAt: 1_767_000_000_000,
    policy: digest,
  } as const;

  it("is a test result that never calls passed what did not run", () => {
    expect(formatTestResult(checked)).toMatchObject({
      result: "WARNED",
      passedTests: ["starts"],
      warnedTests: ["answers"],
      failedTests: [],
      notRunTests: ["run: x"],
    });
    expect(formatTestResult({ ...checked, verdict: "not_run" }).result).toBe("FAILED");
    expect(
      formatSummary({ ...checked, verdict: "failed" }, { resource: "web", verifier: facts.builder }).verificationResult,
    ).toBe("FAILED");
  });

  it("says for which environment, whatever that is called", () => {
    const { policy } = formatSummary(checked, { resource: "web", verifier: facts.builder });
    expect(environmentOfPolicy(policy.uri)).toBe("pré prod");
    expect(environmentOfPolicy("urn:tidemill:policy:%ff")).toBeUndefined();
    expect(environmentOfPolicy("urn:other:production")).toBeUndefined();
  });
});

describe("VEX of a digest", () => {
  const entry = {
    type: "deb",
    name: "libssl3",
    version: "3.0.2-1",
    architecture: "amd64",
    source: "openssl",
    sourceVersion: "3.0.2-1",
    layer: digest,
  } as const;
  const packages: ScanPackage[] = [{ ...entry, purl: "pkg:deb/debian/libssl3@3.0.2-1?arch=amd64" }];
  const said = {
    vulnerability: "CVE-2026-9",
    package: "openssl",
    image: undefined,
    status: "not_affected",
    justification: "vulnerable_code_not_in_execute_path",
    reason: "no TLS server",
    author: "ann",
    at: 1_767_000_000_000,
    until: undefined,
  } as const;
  const vex = {
    image: "team/web",
    digest,
    packages,
    said: [said],
    causes: [cause],
    author: "Tidemill",
    at: 1_767_000_000_000,
  };

  it("is read back as what was said, and as fixed what a feed says that the rebuild closed", () => {
    const parsed = parseOpenVex(JSON.parse(JSON.stringify(formatVex(vex))));
    if (parsed.kind !== "statements") throw new Error(parsed.problem);
    expect(parsed.problems).toEqual([]);
    expect(new Map(parsed.statements.map(({ vulnerabilities, status }) => [vulnerabilities[0], status]))).toEqual(
      new Map([
        ["CVE-2026-1", "fixed"],
        ["CVE-2026-9", "not_affected"],
      ]),
    );
    for (const { products } of parsed.statements) expect(products[0]?.subcomponents).toEqual([packages[0]?.purl]);
  });

  it("says nothing of a package that is not in it, and without a word it is no document", () => {
    expect(formatVex({ ...vex, said: [{ ...said, package: "curl" }], causes: [] })).toBeUndefined();
    expect(formatVex({ ...vex, said: [], causes: [{ ...cause, confirmed: [] }] })).toBeUndefined();
  });
});

it.each([
  ["https://openvex.dev/ns/v0.2.0", "vex"],
  [predicateTypes.scan, "scan"],
  ["https://example.invalid/other", undefined],
])("a statement of %s is %s", (type, kind) => expect(kindOfPredicate(type)).toBe(kind));
