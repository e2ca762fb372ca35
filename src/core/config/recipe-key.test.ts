import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { effectiveImage, lineageOf, rootsOf } from "./effective-image.ts";
import { recipeKey } from "./recipe-key.ts";
import { configSchema, type Config } from "./schema.ts";

const content = [sha256("config"), sha256("more")];

/** Three generations; `change` alters what was written before it is read. */
function madeConfig(change: (written: Written) => void = () => undefined): Config {
  const written: Written = {
    version: 1,
    upstreams: { debian: { kind: "debian", codename: "bookworm" } },
    environments: [{ name: "production" }],
    images: {
      base: { recipe: "packages", upstream: "debian", packages: ["libc6"], env: { LANG: "C", TZ: "UTC" } },
      runtime: { recipe: "packages", upstream: "debian", parent: "base", packages: ["python3"], user: "app" },
      web: {
        recipe: "packages",
        upstream: "debian",
        parent: "runtime",
        packages: ["nginx"],
        files: [
          { from: "etc/web.conf", to: "/etc/web.conf" },
          { from: "etc/more", to: "/etc/more" },
        ],
        accounts: [{ name: "app", uid: 1000 }],
        entrypoint: ["/usr/sbin/nginx"],
      },
    },
  };
  change(written);
  return configSchema.parse(written);
}

interface Written {
  version: 1;
  upstreams: Record<string, Record<string, unknown>>;
  environments: Record<string, unknown>[];
  images: Record<string, Record<string, unknown>>;
  policies?: Record<string, unknown>;
}

const set =
  (image: string, fields: Record<string, unknown>) =>
  ({ images }: Written): void => {
    images[image] = { ...images[image], ...fields };
  };
const setUpstream =
  (fields: Record<string, unknown>) =>
  ({ upstreams }: Written): void => {
    upstreams.debian = { ...upstreams.debian, ...fields };
  };
const key = (change?: (written: Written) => void, files = content): string =>
  recipeKey(madeConfig(change), "web", files);
const file = (over: Record<string, unknown>) => [
  { from: "etc/web.conf", to: "/etc/web.conf", ...over },
  { from: "etc/more", to: "/etc/more" },
];

describe("recipeKey", () => {
  it("is the same text for ever: another one rebuilds every fleet", () => {
    expect(key()).toMatch(/^[0-9a-f]{64}$/);
    expect(key()).toBe(key());
  });

  it.each([
    ["another package", set("web", { packages: ["nginx", "curl"] })],
    ["a package less", set("web", { packages: [] })],
    ["a pinned package", set("web", { packages: ["nginx=1.22.1-9"] })],
    ["an excluded package", set("web", { exclude: ["perl"] })],
    ["recommends", set("web", { recommends: true })],
    ["essential", set("web", { essential: true })],
    ["platforms", set("web", { platforms: ["linux/arm64"] })],
    ["the entrypoint", set("web", { entrypoint: ["/usr/sbin/nginx", "-g"] })],
    ["the command", set("web", { cmd: ["x"] })],
    ["a variable", set("web", { env: { A: "1" } })],
    ["the user", set("web", { user: "root" })],
    ["the working folder", set("web", { workdir: "/srv" })],
    ["a label", set("web", { labels: { a: "1" } })],
    ["a port", set("web", { ports: ["80"] })],
    ["the time zone", set("web", { timezone: "Europe/Paris" })],
    ["where a file goes", set("web", { files: file({ to: "/etc/other" }) })],
    ["the mode of a file", set("web", { files: file({ mode: "755" }) })],
    ["the owner of a file", set("web", { files: file({ owner: "1:1" }) })],
    ["the order of files", set("web", { files: file({}).toReversed() })],
    ["an account", set("web", { accounts: [{ name: "app", uid: 1001 }] })],
    ["its shell", set("web", { accounts: [{ name: "app", uid: 1000, shell: "/bin/sh" }] })],
    ["another parent", set("web", { parent: "base" })],
    ["no parent", set("web", { parent: undefined })],
    ["a package of an ancestor", set("base", { packages: ["libc6", "zlib1g"] })],
    ["a variable of an ancestor", set("base", { env: { LANG: "C.UTF-8", TZ: "UTC" } })],
    ["the user of the parent", set("runtime", { user: "daemon" })],
    [
      "which generation brings a package",
      (written: Written) => {
        set("base", { packages: ["libc6", "python3"] })(written);
        set("runtime", { packages: [] })(written);
      },
    ],
    ["the release", setUpstream({ codename: "trixie" })],
    ["the components", setUpstream({ components: ["main", "contrib"] })],
  ])("changes with %s", (_name, change) => {
    expect(key(change)).not.toBe(key());
  });

  it.each([
    ["checks", set("web", { checks: [{ name: "starts", run: ["nginx", "-t"] }] })],
    ["the repository", set("web", { repository: "team/web" })],
    ["where its files come from", set("web", { files: file({ from: "other/web.conf" }) })],
    ["what a parent says and the image says itself", set("runtime", { entrypoint: ["/other"] })],
    ["checks of the parent", set("base", { checks: [{ name: "runs", run: ["true"] }] })],
    ["another image", set("other", { recipe: "packages", upstream: "debian", packages: ["x"] })],
    ["which suites are open", setUpstream({ suites: ["security"] })],
    ["the mirror", setUpstream({ mirror: "http://mirror.test/debian" })],
    ["defaults that are written out", set("web", { essential: false, platforms: ["linux/amd64"] })],
    [
      "the order in which fields are written",
      ({ images }: Written) => {
        images.web = Object.fromEntries(Object.entries(images.web ?? {}).reverse());
      },
    ],
    [
      "policies",
      (written: Written) => {
        written.policies = { coolDown: "1h" };
      },
    ],
    [
      "environments",
      (written: Written) => {
        written.environments.push({ name: "spare" });
      },
    ],
  ])("does not change with %s", (_name, change) => {
    expect(key(change)).toBe(key());
  });

  it("changes with the content of each file", () => {
    expect(key(undefined, [sha256("other"), sha256("more")])).not.toBe(key());
    expect(key(undefined, content.toReversed())).not.toBe(key());
  });

  it("is different for each image, and empty for none", () => {
    const config = madeConfig();
    expect(new Set(["base", "runtime", "web"].map((name) => recipeKey(config, name, content))).size).toBe(3);
    expect(recipeKey(config, "nobody", [])).toBe("");
  });
});

describe("effectiveImage", () => {
  it("adds up what its ancestors have, its own last and stronger", () => {
    const config = madeConfig((written) => {
      set("base", {
        labels: { a: "base", b: "base" },
        ports: ["80", "81"],
        cmd: ["base"],
        exclude: ["perl"],
        essential: true,
      })(written);
      set("runtime", {
        labels: { b: "runtime" },
        ports: ["81", "82"],
        accounts: [
          { name: "app", uid: 1 },
          { name: "db", uid: 2 },
        ],
        workdir: "/srv",
      })(written);
    });
    expect(effectiveImage(config, "web")).toMatchObject({
      packages: ["libc6", "python3", "nginx"],
      exclude: ["perl"],
      essential: true,
      labels: { a: "base", b: "runtime" },
      ports: ["80", "81", "82"],
      env: { LANG: "C", TZ: "UTC" },
      user: "app",
      workdir: "/srv",
      accounts: [
        { name: "db", uid: 2 },
        { name: "app", uid: 1000 },
      ],
      parent: "runtime",
    });
    expect(rootsOf(config, "web")).toEqual(["libc6", "python3", "nginx"]);
    expect(lineageOf(config, "web")).toEqual(["base", "runtime", "web"]);
  });

  it.each([
    ["its own of both", { entrypoint: ["own"], cmd: ["own"] }, {}, ["own"], ["own"]],
    ["no command with an entrypoint of its own", { entrypoint: ["own"] }, { cmd: ["base"] }, ["own"], undefined],
    [
      "the entrypoint with a command of its own",
      { entrypoint: undefined, cmd: ["own"] },
      { entrypoint: ["base"], cmd: ["base"] },
      ["base"],
      ["own"],
    ],
    [
      "both where it says neither",
      { entrypoint: undefined },
      { entrypoint: ["base"], cmd: ["base"] },
      ["base"],
      ["base"],
    ],
  ])("has %s", (_name, own, above, entrypoint, cmd) => {
    const config = madeConfig((written) => {
      set("web", own)(written);
      set("base", above)(written);
    });
    expect(effectiveImage(config, "web")?.entrypoint).toEqual(entrypoint);
    expect(effectiveImage(config, "web")?.cmd).toEqual(cmd);
  });

  it("takes no command over an entrypoint that stands between", () => {
    const config = madeConfig((written) => {
      set("web", { entrypoint: undefined })(written);
      set("runtime", { entrypoint: ["runtime"] })(written);
      set("base", { cmd: ["base"] })(written);
    });
    expect(effectiveImage(config, "web")).toMatchObject({ entrypoint: ["runtime"], cmd: undefined });
  });

  it("ends where parents go in a ring, or are not there", () => {
    const ring = madeConfig(set("base", { parent: "web" }));
    expect(lineageOf(ring, "web")).toEqual(["base", "runtime", "web"]);
    expect(effectiveImage(ring, "web")?.packages).toEqual(["libc6", "python3", "nginx"]);
    expect(lineageOf(madeConfig(set("runtime", { parent: "gone" })), "web")).toEqual(["runtime", "web"]);
    expect(effectiveImage(ring, "gone")).toBeUndefined();
  });
});
