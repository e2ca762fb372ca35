import { describe, expect, it } from "vitest";
import { parseConfig } from "./index.ts";

const parse = (evidence: string) =>
  parseConfig(
    `version: 1\nupstreams: { d: { kind: debian, codename: bookworm } }\nenvironments: [{ name: production }]\nimages: { a: { recipe: packages, upstream: d, packages: [x] } }\n${evidence}\n`,
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
