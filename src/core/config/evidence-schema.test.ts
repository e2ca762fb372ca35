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

  it.each([
    ["neither", "evidence: {}", /name either `key:` or `program:`/],
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
