import { describe, expect, it } from "vitest";
import { parseConfig } from "./index.ts";

const parse = (evidence: string, own = "") =>
  parseConfig(
    `version: 1\nupstreams: { d: { kind: debian, codename: bookworm } }\nenvironments: [{ name: production${own} }]\nimages: { a: { recipe: packages, upstream: d, packages: [x] } }\n${evidence}\n`,
    {},
  );

describe("`evidence:`", () => {
  it("is off without it, and takes a key and nothing else", () => {
    const without = parse("");
    expect(without.kind === "ok" && without.config.evidence).toBeUndefined();
    const found = parse("evidence: { key: keys/mill.key }");
    expect(found).toMatchObject({
      kind: "ok",
      config: {
        evidence: {
          passphrase: "TIDEMILL_KEY_PASSPHRASE",
          builder: "urn:tidemill",
          attach: ["signature", "sbom", "provenance", "verification", "scan", "vex"],
          require: ["signature", "sbom", "provenance", "verification"],
        },
      },
    });
  });

  it("demands of the usual what is made", () => {
    const found = parse("evidence: { key: a.key, attach: [sbom, scan] }");
    expect(found).toMatchObject({ kind: "ok", config: { evidence: { require: ["sbom"] } } });
    expect(parse("evidence: { key: a.key, attach: [] }")).toMatchObject({
      kind: "ok",
      config: { evidence: { require: [] } },
    });
  });

  it("takes a program in place of a key", () => {
    expect(parse("evidence: { program: { command: [./sign], key: kms.pub, timeout: 5s } }")).toMatchObject({
      kind: "ok",
      config: { evidence: { program: { command: ["./sign"], key: "kms.pub", pass: [], timeout: 5000 } } },
    });
  });

  const keyless =
    "fulcio: https://fulcio.example, rekor: https://rekor.example, timestamp: https://tsa.example/api/v1/timestamp, issuer: https://issuer.example, subject: mill@example.org, trustedRoot: root.json";

  it("may be signed by an identity, and trust identities beside keys", () => {
    const other =
      "{ issuer: https://issuer.example, subject: { pattern: 'https://forge.example/.*' }, claims: { sourceRef: refs/heads/main }, until: 2026-05-01, trustedRoot: root.json }";
    const found = parse(`evidence: { keyless: { ${keyless}, token: { file: token } }, trust: [a.pub, ${other}] }`);
    expect(found).toMatchObject({
      kind: "ok",
      config: {
        evidence: {
          keyless: { audience: "sigstore", token: { file: "token" } },
          trust: ["a.pub", { claims: { sourceRef: "refs/heads/main" }, until: Date.parse("2026-05-01") }],
        },
      },
    });
  });

  it.each([
    [
      "a token in the clear",
      `evidence: { keyless: { ${keyless.replace("https://fulcio", "http://fulcio")} } }`,
      /https/,
    ],
    [
      "a name in an address",
      `evidence: { keyless: { ${keyless.replace("https://rekor", "https://me@rekor")} } }`,
      /https/,
    ],
    [
      "a host that only begins like this one",
      `evidence: { keyless: { ${keyless.replace("https://rekor.", "http://localhost.")} } }`,
      /https/,
    ],
    [
      "a pattern that never ends",
      "evidence: { key: a.key, trust: [{ issuer: i, subject: { pattern: '(' }, trustedRoot: r }] }",
      /issuer, subject, trustedRoot/,
    ],
    ["an identity without a root", "evidence: { key: a.key, trust: [{ issuer: i, subject: s }] }", /./],
    [
      "a claim that there is not",
      "evidence: { key: a.key, trust: [{ issuer: i, subject: s, trustedRoot: r, claims: { moon: x } }] }",
      /./,
    ],
    ["neither", "evidence: {}", /name either `key:`, `program:` or `keyless:`/],
    ["both", "evidence: { key: a.key, program: { command: [x], key: y } }", /name either/],
    ["a public key as the private one", "evidence: { key: a.pub }", /ends in `\.key`/],
    ["a demand for VEX", "evidence: { key: a.key, require: [vex] }", /VEX cannot be demanded/],
    [
      "a demand for what is not made",
      "evidence: { key: a.key, attach: [sbom], require: [scan] }",
      /what `attach` leaves out/,
    ],
    ["a kind that there is not", "evidence: { key: a.key, attach: [moonlight] }", /moonlight|signature/],
    ["a builder that is no URI", "evidence: { key: a.key, builder: us }", /a URI/],
    ["a passphrase itself", "evidence: { key: a.key, passphrase: 'correct horse' }", /name of a variable/],
    ["a program without a name", "evidence: { program: { command: [''], key: y } }", /./],
  ])("refuses %s", (_, text, words) => {
    const found = parse(text);
    if (found.kind === "ok") throw new Error("it was taken");
    expect(found.problems.map(({ message, hint }) => `${message} ${hint ?? ""}`).join("\n")).toMatch(words);
  });
});

describe("`requireEvidence:` of an environment", () => {
  it("is what it demands in place of the others'", () => {
    const found = parse("evidence: { key: a.key }", ", requireEvidence: [signature, scan]");
    expect(found).toMatchObject({ kind: "ok", config: { environments: [{ requireEvidence: ["signature", "scan"] }] } });
  });

  it.each([
    ["where nothing is signed", "", "[signature]", /nothing is signed/],
    ["of what is not made", "evidence: { key: a.key, attach: [sbom], require: [] }", "[scan]", /leaves out scan/],
    ["of VEX", "evidence: { key: a.key }", "[vex]", /VEX cannot be demanded/],
  ])("is refused %s", (_, evidence, demand, words) => {
    const found = parse(evidence, `, requireEvidence: ${demand}`);
    if (found.kind === "ok") throw new Error("it was taken");
    expect(found.problems.map(({ message }) => message).join("\n")).toMatch(words);
    expect(found.problems[0]?.path).toContain("environments");
  });

  it("may be nothing where nothing is signed", () => expect(parse("", ", requireEvidence: []").kind).toBe("ok"));
});

describe("`provenance:` of a base", () => {
  const signed = "signature: { key: debian.pub }, ";

  it("says who must have built it", () => {
    const found = parse(`bases: { "debian:12": { ${signed}provenance: { builder: "https://builds.example/*" } } }`);
    expect(found).toMatchObject({
      kind: "ok",
      config: { bases: { "debian:12": { provenance: { builder: "https://builds.example/*" } } } },
    });
  });

  it("needs somebody who signs it", () => {
    const found = parse('bases: { "debian:12": { provenance: { builder: x } } }');
    expect(found).toMatchObject({ kind: "invalid", problems: [{ message: "nobody is named who signs it" }] });
  });
});
