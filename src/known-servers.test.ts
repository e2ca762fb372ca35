import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findServer, forgetServer, saveServer, serverOrigin, serversPath } from "./known-servers.ts";

let env: Record<string, string> = {};
beforeEach(async () => {
  env = { XDG_CONFIG_HOME: await mkdtemp(join(tmpdir(), "tidemill-servers-")) };
});
afterEach(() => rm(env["XDG_CONFIG_HOME"] ?? "", { recursive: true, force: true }));

const first = { url: "https://a.example", token: "tdm_a", ca: undefined };
const second = { url: "https://b.example:7443", token: "tdm_b", ca: "PEM" };
const current = { orCurrent: true };

describe("serverOrigin", () => {
  it.each([
    ["tidemill.example.com", "https://tidemill.example.com"],
    ["tidemill.example.com:7443", "https://tidemill.example.com:7443"],
    ["https://Tidemill.example.com/", "https://tidemill.example.com"],
    ["http://127.0.0.1:7077", "http://127.0.0.1:7077"],
    ["http://[::1]:7077", "http://[::1]:7077"],
  ])("%s is %s", (written, origin) => expect(serverOrigin(written)).toBe(origin));

  it.each([
    "http://tidemill.example.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "https://ada:secret@tidemill.example.com",
    "https://tidemill.example.com/api",
    "https://tidemill.example.com/?token=secret",
    "ftp://tidemill.example.com",
    "file:///etc/passwd",
    "https://",
    "a b",
    "",
  ])("refuses %j, and repeats no password", (written) => {
    expect(() => serverOrigin(written)).toThrow(expect.objectContaining({ code: "BAD_SERVER" }));
    expect(() => serverOrigin(written)).not.toThrow(/ada:secret/);
  });
});

describe("servers that are known", () => {
  it("are remembered for this user alone; the last one is asked", async () => {
    await saveServer(env, first);
    await saveServer(env, second);
    expect((await stat(serversPath(env))).mode & 0o777).toBe(0o600);
    expect(await findServer(env, undefined, current)).toEqual(second);
    expect(await findServer(env, "a.example", current)).toEqual(first);
    expect(await findServer({ ...env, TIDEMILL_SERVER: "a.example" }, undefined, { orCurrent: false })).toEqual(first);
    expect(await findServer(env, undefined, { orCurrent: false })).toBeUndefined();
  });

  it("may be named by the environment alone, as in a pipeline", async () => {
    const pipeline = { ...env, TIDEMILL_SERVER: "https://c.example", TIDEMILL_TOKEN: "tdm_c" };
    expect(await findServer(pipeline, undefined, { orCurrent: false })).toEqual({
      url: "https://c.example",
      token: "tdm_c",
      ca: undefined,
    });
    await expect(findServer(env, "c.example", current)).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
    await expect(findServer(env, "__proto__", current)).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
  });

  it("are asked with a job's own token in GitHub Actions, made out for them", async () => {
    const asked: string[] = [];
    const github = createServer((request, response) => {
      asked.push(`${request.headers.authorization} ${request.url}`);
      const audience = new URL(request.url ?? "", "http://x").searchParams.get("audience");
      const claims = { iss: "https://x", sub: "repo:a/b", aud: audience, exp: Date.now() / 1000 + 300 };
      response.end(JSON.stringify({ value: `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.AA` }));
    });
    github.listen(0, "127.0.0.1");
    await once(github, "listening");
    try {
      const url = `http://127.0.0.1:${(github.address() as AddressInfo).port}/token?api-version=2`;
      const job = { ...env, ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "of-the-job" };
      const { token } = (await findServer(job, "c.example", current)) ?? {};
      if (typeof token !== "function") throw new Error("the token is not fetched");
      expect(await token()).toMatch(/^e30\./);
      await token();
      expect(asked).toEqual(["Bearer of-the-job /token?api-version=2&audience=https%3A%2F%2Fc.example"]);
      // What somebody gave goes before it.
      expect(await findServer({ ...job, TIDEMILL_TOKEN: "tdm_c" }, "c.example", current)).toMatchObject({
        token: "tdm_c",
      });
    } finally {
      github.close();
    }
  });

  it("are forgotten one by one", async () => {
    await saveServer(env, first);
    await saveServer(env, second);
    expect(await forgetServer(env, undefined)).toBe(second.url);
    expect(await findServer(env, undefined, current)).toBeUndefined();
    expect(await forgetServer(env, second.url)).toBeUndefined();
    expect(await forgetServer(env, "a.example")).toBe(first.url);
    await expect(stat(serversPath(env))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each(["{", "[]", '{"current":1,"servers":{}}', '{"current":null,"servers":{"a":{}}}', "x".repeat(5_000_000)])(
    "a file that is none of ours (%.30s) is named and left as it is",
    async (text) => {
      await mkdir(dirname(serversPath(env)), { recursive: true });
      await writeFile(serversPath(env), text);
      await expect(findServer(env, undefined, current)).rejects.toMatchObject({ code: "BAD_SERVERS_FILE" });
      await expect(saveServer(env, first)).rejects.toMatchObject({ code: "BAD_SERVERS_FILE" });
      expect(await readFile(serversPath(env), "utf8")).toBe(text);
    },
  );
});
