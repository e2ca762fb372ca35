import { describe, expect, it } from "vitest";
import { ownImage } from "./own-image.ts";
import { parseConfig } from "./parse-config.ts";
import type { Config } from "./schema.ts";

function configWith(registry: string): Config {
  const text = `version: 1
${registry}
upstreams:
  debian: { kind: debian, codename: bookworm }
environments: [{ name: staging }, { name: production }]
images:
  base: { recipe: packages, upstream: debian, packages: [libc6] }
  tools: { recipe: packages, upstream: debian, packages: [git], repository: team/tools }
  web: { recipe: dockerfile, context: . }
  debian: { recipe: dockerfile, context: . }
`;
  const parsed = parseConfig(text, {});
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

describe("ownImage", () => {
  it.each([
    ["base", "base"],
    ["base:production", "base"],
    ["team/tools:staging", "tools"],
    ["team/tools", "tools"],
    ["base:1.0", undefined],
    ["docker.io/library/base", undefined],
    ["registry.example/base", undefined],
    ["web", undefined],
    ["debian", "debian"],
    ["debian:12", undefined],
    [`base@sha256:${"a".repeat(64)}`, undefined],
  ])("with the embedded registry, %s is %s", (name, image) => {
    expect(ownImage(configWith("registry: {}"), "web", name)).toBe(image);
  });

  it.each([
    ["registry.example/fleet/base", "base"],
    ["registry.example/fleet/team/tools:production", "tools"],
    ["registry.example/base", undefined],
    ["base", undefined],
  ])("with a registry of its own, %s is %s", (name, image) => {
    expect(ownImage(configWith("registry: { url: registry.example/fleet }"), "web", name)).toBe(image);
  });

  it("never takes an image for its own base", () => {
    expect(ownImage(configWith("registry: {}"), "debian", "debian")).toBeUndefined();
  });
});
