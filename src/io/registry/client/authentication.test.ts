import { chmod, writeFile } from "node:fs/promises";
import { delimiter } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "../../../lib/index.ts";
import { copyImage, dockerCredentials, type CredentialSource } from "../index.ts";
import { makeArtifact, makeBlob, makeFolder, makeImage, once, pushImage, readAll } from "../testdata/make-image.ts";
import { openParts } from "../testdata/open-parts.ts";
import { startBasic, startBearer, type Account, type Gated } from "../testdata/start-gated.ts";

const account: Account = { username: "robot", password: "pass:word", writes: ["app", "copy"] };
const robot: CredentialSource = () => Promise.resolve({ username: "robot", password: "pass:word" });
const parts = openParts();
const { connect } = parts;
let basic: Pick<Gated, "host" | "close">;
let bearer: Gated;

beforeAll(async () => {
  [basic, bearer] = [await startBasic(account), await startBearer(account)];
});
afterEach(() => parts.close());
afterAll(() => Promise.all([basic.close(), bearer.close()]));

const trusted = (): { trustedOrigins: readonly string[] } => ({ trustedOrigins: [bearer.tokens.origin] });

describe("a registry that wants a name and a password", () => {
  it("lets in who has them, and nobody else", async () => {
    const image = await makeImage(["one"]);
    const app = connect({ credentials: robot }).repository(`${basic.host}/app`);
    await pushImage(app, image, "1");
    expect((await app.resolve("1"))?.digest).toBe(image.manifest.digest);
    const wrong: CredentialSource = () => Promise.resolve({ username: "robot", password: "wrong" });
    for (const options of [{}, { credentials: wrong }]) {
      const client = connect({ ...options, retries: 3 });
      await expect(client.repository(`${basic.host}/app`).manifest("1")).rejects.toMatchObject({
        code: "UNAUTHORIZED",
        hint: expect.stringContaining("og in"),
      });
      expect(client.stats().requests).toBeLessThanOrEqual(2);
    }
  });

  it("is asked without credentials once, whatever follows", async () => {
    const client = connect({ credentials: robot });
    const app = client.repository(`${basic.host}/app`);
    await app.tags();
    const before = client.stats().requests;
    await app.tags();
    expect(client.stats().requests).toBe(before + 1);
  });
});

describe("a registry that wants tokens", () => {
  it("gives and takes images, artifacts and mounts with tokens that fit each scope", async () => {
    const image = await makeImage(["one", "x".repeat(100_000)]);
    const client = connect({ credentials: robot, ...trusted() });
    const app = client.repository(`${bearer.host}/app`);
    await pushImage(app, image, "1");
    await pushImage(app, makeArtifact(image.manifest, "application/x-signature", "signed"));
    const copied = await copyImage(app, "1", client.repository(`${bearer.host}/copy`), { tag: "1", referrers: true });
    expect(copied.bytes).toBe(0);
    const reader = connect({ credentials: robot, ...trusted() }).repository(`${bearer.host}/copy`);
    for (const { descriptor, bytes } of image.blobs) {
      expect((await readAll(reader.blob(descriptor))).equals(bytes)).toBe(true);
    }
    expect(await reader.referrers(image.manifest.digest)).toHaveLength(1);
    expect(await app.deleteManifest("1")).toBe(true);
    expect(bearer.scopes).toContainEqual(expect.arrayContaining(["repository:app:pull", "repository:copy:pull,push"]));
  });

  it("refuses what the account may not, as the account's fault and not as a passing one", async () => {
    const blob = makeBlob("x".repeat(100_000));
    const other = connect({ credentials: robot, retries: 3, ...trusted() }).repository(`${bearer.host}/other`);
    await expect(other.putBlob(blob.descriptor, () => once(blob.bytes))).rejects.toMatchObject({
      code: "UNAUTHORIZED",
      retry: false,
    });
    expect(await other.tags()).toEqual([]);
  });

  it("is asked for one token by many requests at once", async () => {
    const client = connect({ credentials: robot, ...trusted() });
    const app = client.repository(`${bearer.host}/app`);
    await app.tags();
    const before = bearer.scopes.length;
    await Promise.all(Array.from({ length: 20 }, () => app.tags()));
    expect(bearer.scopes.length).toBe(before);
    bearer.revoke();
    await Promise.all(Array.from({ length: 20 }, () => app.tags()));
    expect(bearer.scopes.length - before).toBeGreaterThan(0);
    expect(bearer.scopes.length - before).toBeLessThan(5);
  });

  it("is asked for a new token before the old one ends", async () => {
    const clock = manualClock(1_000_000);
    const app = connect({ credentials: robot, clock, ...trusted() }).repository(`${bearer.host}/app`);
    await app.tags();
    const before = bearer.scopes.length;
    clock.advance(200_000);
    await app.tags();
    expect(bearer.scopes.length).toBe(before);
    clock.advance(80_000);
    await app.tags();
    expect(bearer.scopes.length).toBe(before + 1);
  });

  it("takes an identity token in place of a password", async () => {
    const refresh: CredentialSource = () => Promise.resolve({ identityToken: "refresh" });
    await connect({ credentials: refresh, ...trusted() })
      .repository(`${bearer.host}/app`)
      .tags();
    expect(bearer.tokens.asked.at(-1)).toBe("POST /token");
    const wrong: CredentialSource = () => Promise.resolve({ identityToken: "stolen" });
    const refused = connect({ credentials: wrong, ...trusted() })
      .repository(`${bearer.host}/app`)
      .tags();
    await expect(refused).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("never learns the password where its token service is not trusted", async () => {
    const before = bearer.tokens.connections();
    const refused = connect({ credentials: robot }).repository(`${bearer.host}/app`).tags();
    await expect(refused).rejects.toMatchObject({ code: "REFUSED_REALM" });
    expect(bearer.tokens.connections()).toBe(before);
  });
});

describe("docker's config.json", () => {
  const auth = Buffer.from("robot:pass:word").toString("base64");
  const known = { username: "robot", password: "pass:word" };

  async function credentialsOf(config: object | string, registry: string): Promise<unknown> {
    const folder = await makeFolder();
    const path = process.env.PATH;
    try {
      const helper = folder.path("docker-credential-ours");
      // Answers as docker's helpers do: the server's name comes in, JSON or a sentence goes out.
      await writeFile(
        helper,
        `#!/bin/sh
read server
case "$server" in
  helped.example) echo '{"ServerURL":"x","Username":"robot","Secret":"pass:word"}' ;;
  token.example) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  none.example) echo 'credentials not found in native keychain'; exit 1 ;;
  loud.example) while :; do echo '{"Username":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"'; done ;;
  broken.example) echo 'it broke near pass:word'; exit 1 ;;
  *) echo 'nonsense' ;;
esac
`,
      );
      await chmod(helper, 0o755);
      process.env.PATH = `${folder.path()}${delimiter}${path}`;
      await writeFile(folder.path("config.json"), typeof config === "string" ? config : JSON.stringify(config));
      return await dockerCredentials(folder.path("config.json"))(registry);
    } finally {
      process.env.PATH = path;
      await folder.remove();
    }
  }

  it.each<[string, object, string, unknown]>([
    ["a name and a password", { auths: { "r.example": { auth } } }, "r.example", known],
    ["one with its port", { auths: { "r.example:5000": { auth } } }, "r.example:5000", known],
    ["one without that port", { auths: { "r.example": { auth } } }, "r.example:5000", undefined],
    ["one by URL", { auths: { "https://r.example/v2/": { auth } } }, "r.example", known],
    ["Docker Hub's", { auths: { "https://index.docker.io/v1/": { auth } } }, "docker.io", known],
    [
      "an identity token",
      { auths: { "r.example": { auth, identitytoken: "i" } } },
      "r.example",
      { identityToken: "i" },
    ],
    ["another registry's", { auths: { "r.example": { auth } } }, "r.example.evil.example", undefined],
    ["a helper for one registry", { credHelpers: { "helped.example": "ours" } }, "helped.example", known],
    ["a helper's token", { credHelpers: { "token.example": "ours" } }, "token.example", { identityToken: "refresh" }],
    ["a helper that has none", { credHelpers: { "none.example": "ours" } }, "none.example", undefined],
    ["a store for all", { credsStore: "ours" }, "helped.example", known],
    [
      "an entry before the store",
      { credsStore: "ours", auths: { "broken.example": { auth } } },
      "broken.example",
      known,
    ],
    [
      "an empty entry, as docker leaves beside a store",
      { credsStore: "ours", auths: { "helped.example": {} } },
      "helped.example",
      known,
    ],
    ["nothing", {}, "r.example", undefined],
  ])("%s", async (_, config, registry, expected) => {
    expect(await credentialsOf(config, registry)).toEqual(expected);
  });

  it.each<[string, object | string, string]>([
    ["no JSON", `{"auths": {"r.example": {"auth": "${auth}"`, "r.example"],
    ["an entry without a colon", { auths: { "r.example": { auth: "cm9ib3Q=" } } }, "r.example"],
    ["a helper that is a path", { credHelpers: { "r.example": "../../bin/sh" } }, "r.example"],
    ["a helper that is not there", { credHelpers: { "r.example": "missing" } }, "r.example"],
    ["a helper that fails", { credHelpers: { "broken.example": "ours" } }, "broken.example"],
    ["a helper that answers nonsense", { credHelpers: { "r.example": "ours" } }, "r.example"],
    ["a helper that never stops", { credHelpers: { "loud.example": "ours" } }, "loud.example"],
  ])("%s: refused, and no secret is shown", async (_, config, registry) => {
    const error: unknown = await credentialsOf(config, registry).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "BAD_CREDENTIALS" });
    expect(String((error as Error).stack) + JSON.stringify(error)).not.toMatch(new RegExp(`pass:word|${auth}`));
  });

  it("that is not there has no credentials", async () => {
    expect(await dockerCredentials("/nonexistent/config.json")("r.example")).toBeUndefined();
  });
});
