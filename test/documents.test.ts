import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { parseConfig } from "../src/core/config/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];
const textOf = (path: string): string => readFileSync(join(root, path), "utf8");

/** Anchors as forges make them of headings. */
function anchorsOf(path: string): Set<string> {
  const headings = [...textOf(path).matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

/** Links to places of the repository, code left out. */
function linksOf(path: string): string[] {
  const prose = textOf(path)
    .replaceAll(/^```[^]*?^```/gm, "")
    .replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link).filter((link) => !/^[a-z]+:/.test(link));
}

describe("documents", () => {
  it.each(documents)("%s links to what is there", (path) => {
    const broken = linksOf(path).filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && target.endsWith(".md") && !anchorsOf(target).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  it("are all to be found from the first", () => {
    const linked = new Set(linksOf("docs/README.md").map((link) => join("docs", link)));
    const own = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md") && name !== "README.md");
    expect(own.filter((name) => !linked.has(join("docs", name)))).toEqual([]);
  });

  it("show configurations that are right", () => {
    const shown = documents.flatMap((path) =>
      [...textOf(path).matchAll(/^```ya?ml\n([^]*?)^```/gm)].map(([, text = ""]) => ({ path, text })),
    );
    const whole = shown.filter(({ text }) => /^version: 1$/m.test(text) && /^images:/m.test(text));
    expect(whole.length).toBeGreaterThan(0);
    for (const { path, text } of whole) {
      const names = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name = ""]) => [
        name,
        "https://a.example/value-of-it",
      ]);
      const parsed = parseConfig(text, Object.fromEntries(names));
      expect({ path, problems: parsed.kind === "invalid" ? parsed.problems : [] }).toEqual({ path, problems: [] });
    }
    // What is a part of one is YAML at least.
    for (const { path, text } of shown)
      for (const { errors } of parseAllDocuments(text, { uniqueKeys: false }))
        expect({ path, errors }).toEqual({ path, errors: [] });
  });
});
