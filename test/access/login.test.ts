import { once } from "node:events";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import type { LoginConfig } from "../../src/core/config/index.ts";
import { openStore, type Store } from "../../src/io/store/index.ts";
import { silentLogger, systemClock } from "../../src/lib/index.ts";
import type { Operations } from "../../src/operation/index.ts";
import { sampleStatus } from "../../src/operation/testdata/status.ts";
import { createHandler, createServer } from "../../src/serve/index.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import { freePort } from "../free-port.ts";
import { needs } from "../needs.ts";
import { client, startOpenidProvider } from "./openid-provider.ts";

const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A provider as others run it, and a server that sends people there. Two sites, for a browser: 127.0.0.1 and localhost. */
async function given() {
  const [providerPort, port] = [await freePort(), await freePort()];
  const url = `http://localhost:${port}`;
  const provider = await startOpenidProvider(providerPort, url, (name) => (name === "mallory" ? [] : ["watchers"]));
  ends.push(() => provider.close());
  const store: Store = await openStore({ dir: await createPgliteDir() }, { clock: systemClock, log: silentLogger() });
  ends.push(() => store.close());
  const login: LoginConfig = {
    issuer: provider.address,
    clientId: client.id,
    clientSecret: client.secret,
    url,
    scopes: ["email", "groups"],
    name: "email",
    rules: [{ claims: { groups: "watchers" }, roles: ["viewer"], labels: [] }],
    idle: 3_600_000,
    longest: 3_600_000,
  };
  const operations = { status: () => Promise.resolve(sampleStatus) } as Partial<Operations> as Operations;
  const handler = createHandler({ operations, version: "0", token: "t", store, clock: systemClock, login });
  const server = createServer(handler);
  server.listen(port, "localhost");
  await once(server, "listening");
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, provider, store };
}

/** A browser without a window: follows redirects, keeps cookies by host, fills the provider's forms in. */
function createVisitor() {
  const jar = new Map<string, Map<string, string>>();
  const visited: string[] = [];
  const ask = async (address: string, form?: Record<string, string>, origin?: string): Promise<Response> => {
    const url = new URL(address);
    const cookies = jar.get(url.hostname) ?? new Map<string, string>();
    jar.set(url.hostname, cookies);
    const response = await fetch(url, {
      redirect: "manual",
      headers: {
        accept: "text/html",
        cookie: Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; "),
        ...(origin === undefined ? {} : { origin }),
      },
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });
    visited.push(address);
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "" || /max-age=0|1970/i.test(cookie)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const location = response.headers.get("location");
    return location === null ? response : ask(new URL(location, url).href);
  };
  const logIn = async (url: string, name: string): Promise<Response> => {
    let page = await ask(`${url}/auth/login`);
    for (const form of [{ prompt: "login", login: name, password: "x" }, { prompt: "consent" }]) {
      const action = /<form[^>]*action="([^"]+)"/.exec(await page.text())?.[1] ?? "";
      page = await ask(new URL(action, page.url).href, form);
    }
    return page;
  };
  return { ask, logIn, jar, visited };
}

describe("a login at a real provider", () => {
  it("leads back to the status page, as whom the provider says, and out again at both", async () => {
    const { url, provider, store } = await given();
    const visitor = createVisitor();
    const page = await visitor.logIn(url, "ada");
    expect(page.status).toBe(200);
    const text = await page.text();
    expect(text).toContain("ada@example.org");
    const [session] = await store.loadSessions();
    expect(session).toMatchObject({ name: "ada@example.org", roles: ["viewer"], subject: `${provider.address}#ada` });

    const callback = visitor.visited.find((one) => one.includes("/auth/callback?")) ?? "";
    expect(new URL(callback).searchParams.get("iss")).toBe(provider.address);
    // What came back once is worth nothing any more: neither in this browser nor in another.
    expect((await visitor.ask(callback)).status).toBe(401);
    expect((await createVisitor().ask(callback)).status).toBe(401);

    const csrf = /name="csrf" value="([0-9a-f]+)"/.exec(text)?.[1] ?? "";
    const left = await visitor.ask(`${url}/auth/logout`, { csrf }, url);
    const onward = new URL(left.headers.get("refresh")?.replace(/^0; url=/, "") ?? "");
    expect(onward.origin).toBe(provider.address);
    expect(await store.loadSessions()).toEqual([]);
    expect(visitor.jar.get("localhost")?.has("__Host-tidemill")).toBe(false);
    const confirm = await visitor.ask(onward.href);
    expect(await confirm.text()).toContain("sign-out");
  });

  it("lets nobody in whom no rule names", async () => {
    const { url, store } = await given();
    const page = await createVisitor().logIn(url, "mallory");
    expect(page.status).toBe(401);
    expect(await page.text()).toContain("no rule of this server lets mallory@example.org in");
    expect(await store.loadSessions()).toEqual([]);
  });

  needs(existsSync(executable) ? undefined : `no browser at ${executable} (set CHROMIUM)`)(
    "works in a browser, cookies, policies and all",
    async () => {
      const { url, store } = await given();
      const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
      ends.push(() => browser.close());
      const page = await browser.newPage();
      // The provider's own pages ask for a font elsewhere.
      await page.route(/^https?:\/\/(?!localhost[:/]|127\.0\.0\.1[:/])/, (route) => route.abort());
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.location().url.startsWith(url)) complaints.push(message.text());
      });
      await page.goto(`${url}/auth/login`);
      await page.locator("input[name=login]").fill("grace");
      await page.locator("input[name=password]").fill("x");
      await page.locator("button[type=submit]").click();
      await page.locator("button[type=submit]").click();
      await page.waitForURL(`${url}/`);
      await page.getByText("grace@example.org").waitFor();
      await page.getByText("live", { exact: true }).waitFor();
      expect(await page.evaluate("document.cookie")).toBe("");
      expect(await store.loadSessions()).toHaveLength(1);
      await page.getByRole("button", { name: "Log out" }).click();
      await page
        .getByText(/sign-out/i)
        .first()
        .waitFor();
      expect(await store.loadSessions()).toEqual([]);
      await page.locator("button[type=submit]").first().click();
      await page.waitForURL(`${url}/auth/out**`);
      await page.getByText("You are logged out.").waitFor();
      expect(complaints).toEqual([]);
    },
    60_000,
  );
});
