import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePushNotification } from "./parse-push-notification.ts";

const manifest = "application/vnd.oci.image.index.v1+json";
const distributionEvent = (action: string, more: object = {}, mediaType = manifest) => ({
  id: "1",
  timestamp: "2026-01-05T09:00:00Z",
  action,
  target: { mediaType, size: 1, digest: `sha256:${"0".repeat(64)}`, repository: "team/app", url: "http://x", ...more },
  request: { id: "2", addr: "10.0.0.1:1", host: "registry.lan:5000", method: "PUT" },
});
const harbor = {
  resources: [{ digest: "sha256:1", tag: "1", resource_url: "hub.lan/library/debian:12" }],
  repository: { name: "debian" },
};
const githubPackage = {
  name: "App",
  namespace: "Octo",
  package_type: "CONTAINER",
  package_version: { version: "sha256:1", container_metadata: { tag: { name: "v1", digest: "sha256:1" } } },
};

const names = (body: unknown): string[] | string => {
  const parsed = parsePushNotification(body);
  if (parsed.kind !== "pushed") return parsed.kind;
  return parsed.references.map(
    ({ registry, repository, tag, digest }) =>
      `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest.slice(0, 8)}`}`,
  );
};

describe("parsePushNotification", () => {
  it.each<[string, unknown, string[] | string]>([
    [
      "Distribution",
      { events: [distributionEvent("push", { tag: "1" }), distributionEvent("push", { tag: "1" })] },
      ["registry.lan:5000/team/app:1"],
    ],
    ["Distribution, by digest", { events: [distributionEvent("push")] }, ["registry.lan:5000/team/app"]],
    ["Distribution, a blob", { events: [distributionEvent("push", {}, "application/octet-stream")] }, "other"],
    ["Distribution, a pull", { events: [distributionEvent("pull", { tag: "1" })] }, "other"],
    ["Distribution, nothing", { events: [] }, "other"],
    [
      "Docker Hub",
      {
        callback_url: "x",
        push_data: { tag: "12", pusher: "p" },
        repository: { repo_name: "library/debian", status: "Active" },
      },
      ["docker.io/library/debian:12"],
    ],
    [
      "Harbor",
      { type: "PUSH_ARTIFACT", occur_at: 1, operator: "admin", event_data: harbor },
      ["hub.lan/library/debian:12"],
    ],
    [
      "Harbor, CloudEvents",
      { specversion: "1.0", type: "harbor.artifact.pushed", data: harbor },
      ["hub.lan/library/debian:12"],
    ],
    ["Harbor, a pull", { type: "PULL_ARTIFACT", event_data: harbor }, "other"],
    ["GitHub, registry_package", { action: "published", registry_package: githubPackage }, ["ghcr.io/octo/app:v1"]],
    [
      "GitHub, package",
      {
        action: "updated",
        package: { ...githubPackage, namespace: undefined, owner: { login: "Octo" }, package_version: null },
      },
      ["ghcr.io/octo/app"],
    ],
    ["GitHub, npm", { action: "published", package: { ...githubPackage, package_type: "npm" } }, "other"],
    [
      "Quay",
      {
        name: "repository",
        repository: "ns/app",
        namespace: "ns",
        docker_url: "quay.lan/ns/app",
        updated_tags: ["a", "b"],
      },
      ["quay.lan/ns/app:a", "quay.lan/ns/app:b"],
    ],
    ["one image", { image: "debian:12" }, ["docker.io/library/debian:12"]],
    ["images", { images: ["registry.lan/a:1", "registry.lan/b"] }, ["registry.lan/a:1", "registry.lan/b"]],
    ["an image that is none", { image: "../../etc/passwd" }, "unknown"],
    ["some that are none", { images: ["a:b:c", "debian:12"] }, ["docker.io/library/debian:12"]],
    ["a zen ping", { zen: "Keep it logically awesome.", hook_id: 1 }, "unknown"],
    ["nothing", null, "unknown"],
    ["a list", [], "unknown"],
    ["a text", "debian:12", "unknown"],
    ["a prototype", JSON.parse('{"__proto__":{"image":"debian"},"constructor":"x"}'), "unknown"],
  ])("%s", (_, body, expected) => expect(names(body)).toEqual(expected));

  it("takes an object that turns into no value for what it is: nothing", () => {
    const nothing: unknown = JSON.parse('{"length":{"toString":1,"valueOf":1}}');
    for (const body of [{ image: nothing }, { images: nothing }, { events: nothing }, { docker_url: nothing }])
      expect(parsePushNotification(body).kind).toBe("unknown");
  });

  it("has limits", () => {
    const many = Array.from({ length: 1000 }, (_, n) => distributionEvent("push", { tag: `t${n}` }));
    expect(names({ events: many })).toHaveLength(100);
    expect(names({ events: [...many, ...many] })).toBe("unknown");
    expect(names({ image: "a".repeat(10_000) })).toBe("unknown");
    expect(names({ docker_url: "q.lan/a", updated_tags: ["\u0000", "x y"] })).toBe("unknown");
  });

  it("throws for nothing at all", () => {
    const part = fc.jsonValue({ maxDepth: 3 });
    const keys = fc.constantFrom(
      "events",
      "push_data",
      "repository",
      "type",
      "event_data",
      "data",
      "action",
      "package",
      "docker_url",
      "updated_tags",
      "image",
      "images",
    );
    fc.assert(
      fc.property(fc.dictionary(keys, part), (body) => void parsePushNotification(body)),
      { numRuns: 2000 },
    );
    fc.assert(fc.property(fc.string({ unit: "binary" }), (image) => void parsePushNotification({ image })));
  });
});
