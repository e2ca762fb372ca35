import { describe, expect, it } from "vitest";
import { checkReferences } from "./check-references.ts";
import { parseConfig } from "./index.ts";

function read(upstream: string): ReturnType<typeof parseConfig> {
  const images = "images:\n  web:\n    recipe: packages\n    upstream: os\n    packages: [curl]\n";
  return parseConfig(`version: 1\nupstreams:\n  os: ${upstream}\nenvironments:\n  - name: production\n${images}`, {});
}

describe("the codename of an upstream", () => {
  it.each([
    "{ kind: debian, codename: bookworm }",
    "{ kind: debian, codename: trixie }",
    "{ kind: debian, codename: tide, mirror: 'http://127.0.0.1:1', keyrings: [tide.gpg] }",
  ])("%s is taken", (upstream) => expect(read(upstream).kind).toBe("ok"));

  it.each([
    ["{ kind: debian, codename: bookwurm }", "Did you mean `bookworm`?"],
    ["{ kind: debian, codename: tide, mirror: 'http://127.0.0.1:1' }", "`keyrings:`"],
    ["{ kind: debian, codename: tide, keyrings: [tide.gpg] }", "`mirror:`"],
  ])("%s is a mistake", (upstream, hint) => {
    const problems = [{ path: "upstreams.os.codename", line: 3, hint: expect.stringContaining(hint) as string }];
    expect(read(upstream)).toMatchObject({ kind: "invalid", problems });
  });

  it.each(["Bookworm", "../etc", "book worm"])("%s is a mistake of form", (codename) => {
    expect(read(`{ kind: debian, codename: "${codename}" }`).kind).toBe("invalid");
  });
});

it("lists the names of the images as often for a hundred images as for two", () => {
  const listings = (count: number): number => {
    const images = Array.from(
      { length: count },
      (_, index) => `  i${index}: { recipe: packages, upstream: os, packages: [curl] }\n`,
    );
    const parsed = parseConfig(
      `version: 1\nupstreams:\n  os: { kind: debian, codename: bookworm }\nenvironments:\n  - name: production\nimages:\n${images.join("")}`,
      {},
    );
    if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
    let seen = 0;
    const counted = new Proxy(parsed.config.images, {
      ownKeys: (target) => {
        seen += 1;
        return Reflect.ownKeys(target);
      },
    });
    expect(checkReferences({ ...parsed.config, images: counted })).toEqual([]);
    return seen;
  };
  expect(listings(100)).toBe(listings(2));
});
