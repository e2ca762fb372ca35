import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { originAnnotations } from "./origin-annotations.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const base = { name: "docker.io/library/debian", digest: sha256("base") };

describe("where an image comes from", () => {
  it("is its base, its repository without who logs in, and its commit", () =>
    expect(
      originAnnotations({
        title: "web",
        git: "https://bot:hunter2@git.example/team/web.git",
        source: commit,
        base,
        created: 1_700_000_000,
      }),
    ).toEqual({
      "org.opencontainers.image.title": "web",
      "org.opencontainers.image.source": "https://git.example/team/web.git",
      "org.opencontainers.image.revision": commit,
      "org.opencontainers.image.base.name": "docker.io/library/debian",
      "org.opencontainers.image.base.digest": base.digest,
      "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
    }));

  it("has no revision where a folder was built, and no base where it stands on nothing", () =>
    expect(
      originAnnotations({
        title: "web",
        git: undefined,
        source: sha256("context"),
        base: undefined,
        created: undefined,
      }),
    ).toEqual({ "org.opencontainers.image.title": "web" }));

  it("names no folder of a machine", () =>
    expect(
      originAnnotations({ title: "web", git: "/srv/web", source: commit, base: undefined, created: undefined }),
    ).toEqual({ "org.opencontainers.image.title": "web", "org.opencontainers.image.revision": commit }));

  it("is the same for the same inputs", () => {
    const origin = { title: "web", git: "https://git.example/web", source: commit, base, created: 1 };
    expect(originAnnotations(origin)).toEqual(originAnnotations({ ...origin }));
  });
});
