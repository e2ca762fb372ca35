import { describe, expect, it } from "vitest";
import { parseConfig } from "./index.ts";
import { recipeKey } from "./recipe-key.ts";
import type { Config } from "./schema.ts";

const env = { TOKEN: "glpat-made-up", SECRET: "a secret of the pipeline" };
const github = { repository: "acme/shop", workflow: "build.yml", token: "${TOKEN}" };
const parse = (image: object, server: object = {}) =>
  parseConfig(
    JSON.stringify({
      version: 1,
      upstreams: {},
      environments: [{ name: "production" }],
      server,
      images: { shop: { recipe: "external", ...image } },
    }),
    env,
  );
const configOf = (image: object): Config => {
  const parsed = parse(image);
  if (parsed.kind === "invalid") throw new Error(parsed.problems.map(({ message }) => message).join("; "));
  return parsed.config;
};
const problemOf = (image: object, server: object = {}): string => {
  const parsed = parse(image, server);
  if (parsed.kind === "ok") return "";
  return parsed.problems.map(({ path, message }) => `${path}: ${message}`).join("; ");
};

describe("an image of recipe external", () => {
  it("has a pipeline, and defaults for the rest", () => {
    expect(configOf({ pipeline: { github } }).images["shop"]).toMatchObject({
      baseline: "latest",
      platforms: ["linux/amd64"],
      bases: [],
      pipeline: {
        github: { ref: "main", api: "https://api.github.com", token: env.TOKEN },
        poll: 30_000,
        timeout: 3_600_000,
        retries: 0,
        callback: true,
      },
    });
  });

  it.each<[object, RegExp]>([
    [{}, /pipeline/],
    [{ pipeline: {} }, /name one of `github:`, `gitlab:` and `http:`/],
    [{ pipeline: { github, http: { url: "https://ci.example", secret: "${SECRET}" } } }, /name one of/],
    [{ pipeline: { github: { ...github, repository: "shop" } } }, /owner\/name/],
    [{ pipeline: { github: { ...github, repository: "acme/../x" } } }, /owner\/name/],
    [{ pipeline: { github: { ...github, repository: "acme/group/shop" } } }, /owner\/name/],
    [{ pipeline: { github: { ...github, workflow: "../build.yml" } } }, /file of a workflow/],
    [{ pipeline: { github: { ...github, workflow: "build.yml/dispatches?x=.yml" } } }, /file of a workflow/],
    [{ pipeline: { github: { ...github, ref: "a b" } } }, /a branch or a tag/],
    [{ pipeline: { github: { ...github, api: "http://git.example/api/v3" } } }, /https address/],
    [{ pipeline: { github: { ...github, api: "https://ada:secret@git.example" } } }, /https address/],
    [{ pipeline: { github: { ...github, token: "two words" } } }, /a token, without spaces/],
    [{ pipeline: { github: { ...github, token: "a\nb: c" } } }, /a token, without spaces/],
    [{ pipeline: { github: { ...github, token: "${MISSING}" } } }, /MISSING is not set/],
    [{ pipeline: { gitlab: { project: "group/shop" } } }, /name a `token:` or a `trigger:`/],
    [{ pipeline: { http: { url: "ftp://ci.example", secret: "${SECRET}" } } }, /an address/],
    [{ pipeline: { http: { url: "https://ci.example", secret: "short" } } }, /at least 16 characters/],
    [{ pipeline: { github, poll: "1ms" } }, /at least 100ms/],
    [{ pipeline: { github, retries: 1000 } }, /retries/],
    [
      { pipeline: { github }, source: { context: "a", git: { url: "https://git.example/a" } } },
      /either `context:` or `git:`/,
    ],
    [{ pipeline: { github }, baseline: "a/b" }, /a tag/],
    [{ pipeline: { github }, platforms: [] }, /platforms/],
    [{ pipeline: { github }, packages: ["curl"] }, /packages/],
  ])("%j is refused", (image, message) => {
    const problem = problemOf(image);
    expect(problem).toMatch(message);
    expect(problem).not.toContain(env.TOKEN);
  });

  it.each(["http://tidemill.example", "https://tidemill.example/", "https://a:b@tidemill.example", "x"])(
    "is called back at no address like %s",
    (url) => {
      expect(problemOf({ pipeline: { github } }, { url })).toMatch(/server.url/);
    },
  );

  it("is another recipe when another pipeline builds it, and not by its token, its address, or how long it is waited for", () => {
    const keyOf = (image: object): string => recipeKey(configOf(image), "shop", []);
    const key = keyOf({ pipeline: { github } });
    const same = [
      { pipeline: { github: { ...github, token: "other" } } },
      { pipeline: { github: { ...github, api: "https://git.example/api/v3" } } },
      { pipeline: { github, timeout: "2h", poll: "1m", retries: 3, callback: false } },
      { pipeline: { github }, baseline: "stable", labels: { team: "shop" }, bases: ["debian:12"] },
    ];
    for (const image of same) expect(keyOf(image)).toBe(key);
    const others = [
      { pipeline: { github: { ...github, ref: "release" } } },
      { pipeline: { github: { ...github, workflow: "other.yml" } } },
      { pipeline: { gitlab: { project: "acme/shop", token: "t" } } },
      { pipeline: { http: { url: "https://ci.example", secret: "${SECRET}" } } },
      { pipeline: { github }, platforms: ["linux/arm64"] },
      { pipeline: { github }, source: { context: ".", dockerfile: "Dockerfile" } },
    ];
    expect(new Set([key, ...others.map(keyOf)]).size).toBe(others.length + 1);
  });
});
