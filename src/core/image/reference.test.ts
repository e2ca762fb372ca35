import { describe, expect, it } from "vitest";
import { assert, constantFrom, property, string } from "fast-check";
import { formatReference, isRepositoryName, isTag, parseReference, referenceTarget } from "./reference.ts";

const hex = "a".repeat(64);

describe("parseReference", () => {
  it.each([
    ["debian", "docker.io/library/debian"],
    ["debian:12", "docker.io/library/debian:12"],
    ["grafana/grafana", "docker.io/grafana/grafana"],
    ["docker.io/debian", "docker.io/library/debian"],
    ["index.docker.io/library/debian", "docker.io/library/debian"],
    ["localhost/app", "localhost/app"],
    ["localhost:5000/app:1", "localhost:5000/app:1"],
    ["127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c"],
    ["[::1]:5000/app", "[::1]:5000/app"],
    ["Registry/app", "Registry/app"],
    [`ghcr.io/o/r:v1@sha256:${hex}`, `ghcr.io/o/r:v1@sha256:${hex}`],
    [`ghcr.io/o/r@sha512:${hex}${hex}`, `ghcr.io/o/r@sha512:${hex}${hex}`],
    ["ghcr.io/a__b/c-----d/e.f", "ghcr.io/a__b/c-----d/e.f"],
  ])("%s is %s", (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
  });

  it.each([
    "",
    "/",
    "a/",
    "ghcr.io/",
    "ghcr.io/Upper",
    "ghcr.io/a..b",
    "ghcr.io/a___b",
    "ghcr.io/../etc",
    "ghcr.io/a:",
    "ghcr.io/a:-x",
    `ghcr.io/a:${"t".repeat(129)}`,
    "ghcr.io/a@sha256:short",
    `ghcr.io/a@sha256:${hex.toUpperCase()}`,
    `ghcr.io/a@md5:${hex}`,
    `ghcr.io/${"a".repeat(256)}`,
    "ghcr.io:99999/a",
    "ghcr.io:x/a",
    "-bad-.io/a",
    "https://ghcr.io/a",
    "user@ghcr.io/a",
    "ghcr.io/a b",
    "ghcr.io/a\u0000",
  ])("refuses %j", (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "BAD_REFERENCE" }) as Error);
  });

  it("takes back what it wrote, or refuses, for any text", () => {
    assert(
      property(string({ unit: constantFrom(...Array.from("abA1.:/@-_[]")) }), (text) => {
        let parsed;
        try {
          parsed = parseReference(text);
        } catch {
          return;
        }
        expect(parseReference(formatReference(parsed))).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });

  it("asks by digest before tag before latest", () => {
    expect(referenceTarget(parseReference("a"))).toBe("latest");
    expect(referenceTarget(parseReference("a:1"))).toBe("1");
    expect(referenceTarget(parseReference(`a:1@sha256:${hex}`))).toBe(`sha256:${hex}`);
  });

  it("answers in linear time for names made to backtrack", () => {
    const before = performance.now();
    for (let run = 0; run < 1000; run++) isRepositoryName(`${"a-".repeat(120)}!`);
    expect(performance.now() - before).toBeLessThan(2000);
    expect(isTag("a".repeat(129))).toBe(false);
  });
});
