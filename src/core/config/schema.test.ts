import { describe, expect, it } from "vitest";
import { closest } from "./closest.ts";
import { configJsonSchema, configSchema } from "./schema.ts";

const written = {
  version: 1,
  upstreams: { debian: { kind: "debian", codename: "bookworm" } },
  environments: [{ name: "production" }],
  images: { web: { recipe: "packages", upstream: "debian", packages: ["nginx"] } },
};

function isTaken(image: object): boolean {
  return configSchema.safeParse({ ...written, images: { web: { ...written.images.web, ...image } } }).success;
}

describe("the schema", () => {
  it.each([
    ["curl", true],
    ["g++", true],
    ["libstdc++6:arm64", true],
    ["curl=7.88.1-10+deb12u1~a", true],
    ["curl=1:7.88", true],
    ["curl/bookworm-security", true],
    ["Curl", false],
    ["-y", false],
    ["curl; rm", false],
    ["curl=$(id)", false],
    ["curl\n", false],
    ["", false],
  ])("takes the package %j: %s", (name, taken) => expect(isTaken({ packages: [name] })).toBe(taken));

  it.each([
    ["/etc/a", true],
    ["etc/a", false],
    ["", false],
    ["/a\0b", false],
  ])("takes the path %j: %s", (to, taken) => expect(isTaken({ files: [{ from: "a", to }] })).toBe(taken));

  it.each([
    ["team/app", true],
    ["a__b", true],
    ["Team/app", false],
    ["../up", false],
    ["team//app", false],
    ["team/app:tag", false],
  ])("takes the repository %j: %s", (repository, taken) => expect(isTaken({ repository })).toBe(taken));

  it.each([
    ["0s", 0],
    ["250ms", 250],
    ["90s", 90_000],
    ["2h", 7_200_000],
    ["1w", 604_800_000],
  ])("reads %s as %i ms", (interval, ms) => {
    expect(configSchema.parse({ ...written, watch: { interval } }).watch.interval).toBe(ms);
  });

  it.each(["1", "-1s", "1.5h", "1 h", "1y", "9999999s", "٣s"])("does not take %j for a span of time", (interval) => {
    expect(configSchema.safeParse({ ...written, watch: { interval } }).success).toBe(false);
  });

  it.each(["127.0.0.1:0", "[::1]:7077", "localhost:80"])("listens at %s", (listen) => {
    expect(configSchema.safeParse({ ...written, server: { listen } }).success).toBe(true);
  });

  it.each(["0.0.0.0:7077", ":7077", "example.test:80", "127.0.0.1", "localhost.evil.test:80"])(
    "does not listen at %s",
    (listen) => expect(configSchema.safeParse({ ...written, server: { listen } }).success).toBe(false),
  );

  it("listens elsewhere by TLS or with proxies, and has another port for this machine", () => {
    const isTaken = (server: object): boolean => configSchema.safeParse({ ...written, server }).success;
    const tls = { cert: "a", key: "b" };
    expect(isTaken({ listen: "0.0.0.0:7443", tls })).toBe(true);
    expect(isTaken({ listen: "[::]:7077", trustedProxies: ["10.0.0.0/8", "fd00::1"] })).toBe(true);
    expect(isTaken({ listen: "0.0.0.0:7443", local: "127.0.0.1:7443", tls })).toBe(false);
    expect(isTaken({ listen: "0.0.0.0:7443", local: "0.0.0.0:7078", tls })).toBe(false);
    for (const network of ["10.0.0.0/33", "fd00::/129", "10.0.0", "::g", "10.0.0.0/-1", "all", ""])
      expect(isTaken({ listen: "0.0.0.0:7077", trustedProxies: [network] })).toBe(false);
    for (const host of ["Tidemill.example", "a/b", "a:1", "", "-a", "a".repeat(254)])
      expect(isTaken({ hosts: [host] })).toBe(false);
  });

  it("lets workloads in whose issuer and claims say who they are", () => {
    const github = "https://token.actions.githubusercontent.com";
    const isTaken = (more: object): boolean => {
      const rule = {
        issuer: github,
        audience: "tidemill",
        claims: { repository_id: 17 },
        roles: ["operator"],
        ...more,
      };
      return configSchema.safeParse({ ...written, server: { workloads: [rule] } }).success;
    };
    expect(isTaken({})).toBe(true);
    expect(isTaken({ claims: { repository: "org/app", ref: { pattern: "refs/tags/v.*" } } })).toBe(true);
    expect(isTaken({ issuer: "http://127.0.0.1:8080/realms/a", claims: { sub: "x" } })).toBe(true);
    // A claim that anybody's job could have, of an issuer of everybody's.
    for (const claims of [
      {},
      { ref: "refs/heads/main" },
      { repository: { pattern: ".*" } },
      { repository: { pattern: "(" } },
    ])
      expect(isTaken({ claims }), JSON.stringify(claims)).toBe(false);
    for (const issuer of [
      "http://issuer.example",
      "https://a.example?x",
      "https://a@b.example",
      "http://localhost.example",
      "x",
    ])
      expect(isTaken({ issuer, claims: { sub: "x" } }), issuer).toBe(false);
    expect(isTaken({ roles: [] })).toBe(false);
    expect(isTaken({ roles: ["root"] })).toBe(false);
    expect(isTaken({ labels: ["payments"] })).toBe(false);
    expect(isTaken({ audience: "" })).toBe(false);
  });

  it("takes ten thousand characters of any name in good time", () => {
    const started = performance.now();
    for (const bad of ["a-".repeat(5000), "a/".repeat(5000), `${"a.".repeat(5000)}!`, "1".repeat(10_000)])
      expect(isTaken({ packages: [bad], repository: bad, timezone: bad, ports: [bad] })).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("configJsonSchema", () => {
  it("describes what a person may write: spans of time as text, defaults left out, nothing else let in", () => {
    const schema = JSON.parse(JSON.stringify(configJsonSchema())) as {
      required: string[];
      additionalProperties: boolean;
      properties: { policies: { properties: { coolDown: { type: string } }; required?: string[] } };
    };
    expect([...schema.required].sort()).toEqual(["environments", "images", "upstreams", "version"]);
    expect(schema.additionalProperties).toBe(false);
    expect(schema.properties.policies.properties.coolDown.type).toBe("string");
    expect(schema.properties.policies.required ?? []).toEqual([]);
  });
});

describe("closest", () => {
  it.each([
    ["packges", "packages"],
    ["pakcages", "packages"],
    ["PACKAGES", "packages"],
    ["upstreem", "upstream"],
    ["zzz", undefined],
    ["", undefined],
  ])("%s is probably %s", (wrong, meant) => {
    expect(closest(wrong, ["packages", "platforms", "upstream", "user"])).toBe(meant);
  });

  it("says nothing where there is nothing, and takes any length", () => {
    expect(closest("x", [])).toBeUndefined();
    expect(closest("x".repeat(100_000), ["x".repeat(100_000)])).toBeUndefined();
  });
});
