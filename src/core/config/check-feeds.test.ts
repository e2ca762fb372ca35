import { describe, expect, it } from "vitest";
import { parseConfig } from "./index.ts";

const head = `
version: 1
upstreams: { debian: { kind: debian, codename: bookworm } }
environments: [{ name: production }]
images: { web: { recipe: packages, upstream: debian, packages: [curl] } }
`;
const read = (feeds: string) => parseConfig(`${head}feeds: ${feeds}\n`, {});

describe("feeds of a configuration", () => {
  it("are a list with kinds, or the two that there were first", () => {
    const list = read(
      "[{ kind: osv, from: osv/, ecosystems: [Debian, npm] }, { kind: kev, name: cisa, from: kev.json }]",
    );
    expect(list).toMatchObject({
      config: {
        feeds: [
          { kind: "osv", from: "osv/", ecosystems: ["Debian", "npm"] },
          { kind: "kev", name: "cisa" },
        ],
      },
    });
    expect(read("{ osv: osv/, debianTracker: tracker.json }")).toMatchObject({
      config: { feeds: { osv: "osv/", debianTracker: "tracker.json" } },
    });
  });

  it.each([
    ["[{ kind: osv, from: a }, { kind: osv, from: b }]", "there are two feeds osv"],
    ["[{ kind: osv, from: 'https://osv.example/all/' }]", "no ecosystem of it is named"],
    ["[{ kind: kev, from: a, trust: strong }]", "there is nothing to trust"],
    ["[{ kind: osv, from: a, trust: blind }]", "feeds"],
    ["[{ kind: rss, from: a }]", "feeds"],
    ["[{ kind: osv }]", "feeds"],
    ["[{ kind: osv, from: a, ecosystems: ['../..'] }]", "feeds"],
  ])("%s is refused: %s", (feeds, words) => {
    const parsed = read(feeds);
    if (parsed.kind !== "invalid") throw new Error("it was taken");
    expect(JSON.stringify(parsed.problems)).toContain(words);
  });
});
