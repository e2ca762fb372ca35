import { describe, expect, it } from "vitest";
import { parseConfig } from "./index.ts";

const head = `
version: 1
upstreams: { debian: { kind: debian, codename: bookworm } }
environments: [{ name: production }]
images: { web: { recipe: packages, upstream: debian, packages: [curl] } }
`;
const read = (webhooks: string) =>
  parseConfig(`${head}webhooks: ${webhooks}\n`, { HOOK_SECRET: "sixteen characters, or more" });

describe("webhooks of a configuration", () => {
  it("have a sender and one secret or several, which may stand in variables", () => {
    expect(
      read(
        "{ forge: { from: github, secret: '${HOOK_SECRET}' }, hub: { from: harbor, secret: [0123456789abcdef, fedcba9876543210] } }",
      ),
    ).toMatchObject({
      config: {
        webhooks: {
          forge: { from: "github", secret: ["sixteen characters, or more"] },
          hub: { from: "harbor", secret: ["0123456789abcdef", "fedcba9876543210"] },
        },
      },
    });
    expect(
      read(
        "{ ci: { from: generic, secret: 0123456789abcdef, signature: { header: X-Sig, prefix: sha256= }, looks: { image: '$.a[*].image' } } }",
      ),
    ).toMatchObject({
      config: {
        webhooks: { ci: { signature: { algorithm: "sha256", encoding: "hex" }, looks: { advisories: false } } },
      },
    });
  });

  it.each([
    ["{ forge: { from: github } }", "secret"],
    ["{ forge: { from: github, secret: short } }", "16"],
    ["{ forge: { from: github, secret: [] } }", "secret"],
    ["{ forge: { from: bitbucket, secret: 0123456789abcdef } }", "from"],
    ["{ forge: { from: github, secret: 0123456789abcdef, id: $.x } }", "id"],
    ["{ Forge: { from: github, secret: 0123456789abcdef } }", "lower-case"],
    ["{ ci: { from: generic, secret: 0123456789abcdef, id: 'a.b' } }", "no JSONPath"],
    [
      "{ ci: { from: generic, secret: 0123456789abcdef, looks: { image: \"$[?match(@.a, '(a+)+')]\" } } }",
      "no JSONPath",
    ],
    ["{ ci: { from: generic, secret: 0123456789abcdef, signature: { header: 'X Y' } } }", "header"],
  ])("%s is refused: %s", (webhooks, words) => {
    const parsed = read(webhooks);
    if (parsed.kind !== "invalid") throw new Error("it was taken");
    expect(JSON.stringify(parsed.problems)).toContain(words);
  });
});
