import { rm, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { errorAnswer } from "../../src/serve/error-answer.ts";
import { ConfigError, loadConfig } from "../../src/load-config.ts";
import { ResolveError } from "../../src/loop/build/resolve-image.ts";
import { smallFleets } from "./fixture.ts";

const fleets = smallFleets();

const mistaken = `version: 1
upstreams:
  small: { kind: debian, codename: small, mirror: "http://127.0.0.1:1", keyrings: [key.gpg] }
environments:
  - name: production
    soak: soon
images:
  web:
    recipe: packages
    upstream: smal
    packges: [curl]
`;

describe("a configuration with mistakes", () => {
  it("is refused with the line and column of each, and status 2; what runs stays", { timeout: 180_000 }, async () => {
    const small = await fleets.create();
    expect((await small.tidemill(["run"])).status).toBe(0);
    const good = await small.tidemill(["status", "--json"]);
    await writeFile(small.configPath, mistaken);
    for (const args of [["run"], ["up"], ["status"]]) {
      const ended = await small.tidemill(args);
      expect(ended.status, ended.err).toBe(2);
      expect(ended.err).toContain("CONFIG_INVALID");
      expect(ended.err).toMatch(/tidemill\.yaml:6:5: .*soak/);
      expect(ended.err).toMatch(/^\S*tidemill\.yaml:11:5: .*packges/m);
      expect(ended.err).toContain("packages");
    }
    const json = await small.tidemill(["run", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({
      error: { code: "CONFIG_INVALID", hint: expect.any(String) as string },
    });
    await small.configure({});
    const again = await small.tidemill(["status", "--json"]);
    expect(namesOf(again.out)).toEqual(namesOf(good.out));
  });

  it("that is not there is refused with status 2", { timeout: 180_000 }, async () => {
    const small = await fleets.create();
    await rm(small.configPath);
    const ended = await small.tidemill(["status"]);
    expect(ended.status).toBe(2);
    expect(ended.err).toContain("CONFIG_MISSING");
  });

  it("that names a keyring which is not there fails with what to do", { timeout: 180_000 }, async () => {
    const small = await fleets.create();
    await writeFile(
      small.configPath,
      mistaken
        .replace("soon", "1h")
        .replace("smal\n", "small\n")
        .replace("packges", "packages")
        .replace("key.gpg", "none.gpg"),
    );
    const ended = await small.tidemill(["run"]);
    expect(ended.status).toBe(1);
    expect(ended.err).toMatch(/BAD_KEYRING.*\n.*keyrings:/);
  });
});

describe("an error's code over HTTP", () => {
  it.each([
    [new ConfigError("CONFIG_INVALID", "x"), 400],
    [new ConfigError("CONFIG_MISSING", "x"), 400],
    [new ResolveError("NO_SUCH_IMAGE", "x"), 404],
    [new ResolveError("UNSATISFIABLE", "x"), 422],
    [new ResolveError("NO_PACKAGES", "x"), 503],
  ])("%s is %i", (error, status) =>
    expect(errorAnswer(error)).toMatchObject({ status, body: { status, type: `urn:tidemill:error:${error.code}` } }),
  );
});

describe("loadConfig", () => {
  it("throws what the file system says where there is none", async () => {
    await expect(loadConfig("/nonexistent/tidemill.yaml", {})).rejects.toMatchObject({ code: "CONFIG_MISSING" });
  });
});

function namesOf(status: string): unknown {
  const { images } = JSON.parse(status) as { images: { name: string; environments: { digest: string }[] }[] };
  return images.map(({ name, environments }) => [name, environments.map(({ digest }) => digest)]);
}
