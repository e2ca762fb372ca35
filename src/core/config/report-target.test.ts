import { describe, expect, it } from "vitest";
import { parseConfig, recipeKey, reportTargetOf, type Config } from "./index.ts";

const git = 'git: { url: "https://github.com/acme/shop.git", ref: main }';

function parse(image: string): Config | string {
  const parsed = parseConfig(
    `version: 1\nupstreams: {}\nenvironments: [{ name: production }]\nimages:\n  web: { recipe: dockerfile, ${image} }\n`,
    {},
  );
  return parsed.kind === "ok" ? parsed.config : parsed.problems.map(({ message }) => message).join("\n");
}

describe("report:", () => {
  it("follows from the address of the repository, is off without it, and makes no other bytes", () => {
    const [with_, without] = [parse(`${git}, report: { provider: github }`), parse(git)];
    if (typeof with_ === "string" || typeof without === "string") throw new Error("it was refused");
    const rules = { statuses: true, deployments: true };
    expect(reportTargetOf(with_, "web")).toEqual({
      kind: "github",
      api: "https://api.github.com",
      repository: "acme/shop",
      ...rules,
    });
    expect(reportTargetOf(without, "web")).toBeUndefined();
    expect(recipeKey(with_, "web", ["a"])).toBe(recipeKey(without, "web", ["a"]));
  });

  it.each([
    ["context: ., report: { provider: github }", /^a folder has no commits$/],
    ["git: { url: /srv/shop }, report: { provider: github }", /say `api:` and `repository:` here/],
    [`${git}, report: { provider: hub }`, /github, gitlab, gitea/],
    [`${git}, report: { provider: gitea, api: "http://git.example/api/v1" }`, /https address/],
    [`${git}, report: { provider: gitea, repository: "acme/.." }`, /owner/],
    [`${git}, report: { provider: github, token: x }`, /token/],
  ])("is refused as %s", (image, why) => expect(parse(image)).toMatch(why));
});
