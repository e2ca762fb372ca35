import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { forgeToken, startForge, type SpoiltAnswer } from "../../../test/fakes/fake-forge.ts";
import { createForge, ForgeError, type Forge } from "./index.ts";

const never = new AbortController().signal;
const branches = { head: "tidemill/shop/web", base: "main" };
const open: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

async function site(kind: Forge["kind"], token: string | undefined = forgeToken) {
  const fake = await startForge(kind);
  open.push(fake.close);
  return { fake, forge: createForge({ kind, api: fake.api, repository: "acme/stack", token }) };
}

describe.each(["github", "gitlab", "gitea"] as const)("%s", (kind) => {
  it("opens, finds, changes and closes a pull request", async () => {
    const { fake, forge } = await site(kind);
    expect(await forge.find(branches, never)).toBeUndefined();
    const made = await forge.open(branches, { title: "web is 1", body: "why\n", labels: ["tidemill"] }, never);
    expect(made).toMatchObject({ state: "open", title: "web is 1", body: "why\n", endedBy: undefined });
    expect(made.url).toMatch(/^https:\/\/\w+\.example\/acme\/stack\/.*1$/);
    expect(fake.pulls).toMatchObject([{ ...branches, labels: ["tidemill"] }]);
    expect(await forge.find(branches, never)).toEqual(made);
    expect(await forge.find({ ...branches, base: "other" }, never)).toBeUndefined();
    await forge.update(made.number, { title: "web is 2", body: "because" }, never);
    expect(await forge.find(branches, never)).toMatchObject({
      number: made.number,
      title: "web is 2",
      body: "because",
    });
    await forge.close(made.number, "it is there already", never);
    expect(fake.comments(made.number).map(({ body }) => body)).toEqual(["it is there already"]);
    expect(await forge.find(branches, never)).toMatchObject({ state: "closed" });
  });

  it("gives the newest of a branch, and says who ended it", async () => {
    const { fake, forge } = await site(kind);
    const text = { title: "t", body: "b", labels: [] };
    const first = await forge.open(branches, text, never);
    for (const other of ["a", "b", "c", "d", "e"]) await forge.open({ ...branches, head: other }, text, never);
    fake.end(first.number, "merged", "ada");
    expect(await forge.find(branches, never)).toMatchObject({ number: first.number, state: "merged", endedBy: "ada" });
    const second = await forge.open(branches, text, never);
    expect(await forge.find(branches, never)).toMatchObject({ number: second.number, state: "open" });
    fake.end(second.number, "closed", "bob");
    const found = await forge.find(branches, never);
    // Gitea does not say who closed one.
    expect(found).toMatchObject({
      number: second.number,
      state: "closed",
      ...(kind === "gitea" ? {} : { endedBy: "bob" }),
    });
  });

  it("says what is wrong, and whether it is worth another try", async () => {
    const { fake, forge } = await site(kind);
    const codeOf = async (answer: SpoiltAnswer): Promise<unknown> => {
      fake.spoil(answer);
      const error: unknown = await forge.find(branches, never).catch((caught: unknown) => caught);
      return error instanceof ForgeError ? [error.code, error.retry ?? false] : error;
    };
    const json = (value: unknown): string => JSON.stringify(value);
    expect(await codeOf({ status: 401 })).toEqual(["DENIED", false]);
    expect(await codeOf({ status: 403, body: json({ message: "no\u001b[2J" }) })).toEqual(["DENIED", false]);
    expect(await codeOf({ status: 403, headers: { "x-ratelimit-remaining": "0" } })).toEqual(["RATE_LIMITED", true]);
    expect(await codeOf({ status: 403, headers: { "retry-after": "60" } })).toEqual(["RATE_LIMITED", true]);
    expect(await codeOf({ status: 429 })).toEqual(["RATE_LIMITED", true]);
    expect(await codeOf({ status: 404 })).toEqual(["UNKNOWN", false]);
    expect(await codeOf({ status: 301, headers: { location: "https://other.example/" } })).toEqual([
      "UNREACHABLE",
      false,
    ]);
    expect(await codeOf({ status: 422 })).toEqual(["REFUSED", false]);
    expect(await codeOf({ status: 502, body: "<html>" })).toEqual(["UNREACHABLE", true]);
    expect(await codeOf({ status: 200, body: "<html>" })).toEqual(["UNREACHABLE", false]);
    expect(await codeOf({ status: 200, body: json([{ number: "1" }]) })).toEqual(["UNREACHABLE", false]);
    expect(await codeOf({ status: 200, body: json({ a: "b".repeat(5_000_000) }) })).toEqual(["UNREACHABLE", false]);
    const without = await site(kind, "other");
    await expect(without.forge.find(branches, never)).rejects.toMatchObject({ code: "DENIED" });
  });
});

describe("a forge that does not behave", () => {
  it("gets no token at the address that it points to, steers no terminal, and gives no link but one of the web", async () => {
    let reached = 0;
    const trap = createServer((_, response) => void ((reached += 1), response.end("[]")));
    await new Promise<void>((resolve) => trap.listen(0, "127.0.0.1", resolve));
    open.push(() => new Promise((resolve) => trap.close(() => resolve())));
    const { fake, forge } = await site("github");
    fake.spoil({ status: 307, headers: { location: `http://127.0.0.1:${(trap.address() as AddressInfo).port}/` } });
    await expect(forge.find(branches, never)).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(reached).toBe(0);
    fake.spoil({ status: 403, body: JSON.stringify({ message: "\u001b]0;x\u0007 gone" }) });
    // eslint-disable-next-line no-control-regex
    await expect(forge.find(branches, never)).rejects.toThrow(/^[^\u0000-\u001f]* gone$/);
    const view = { number: 1, state: "open", title: "t", body: null, merged_at: null };
    fake.spoil({ status: 200, body: JSON.stringify([{ ...view, html_url: "javascript:alert(1)" }]) });
    expect((await forge.find(branches, never))?.url).toBe(fake.api);
  });

  it("is not waited for after an abort, and is unreachable where nobody listens", async () => {
    const { forge } = await site("gitlab");
    await expect(forge.find(branches, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
    const nobody = createForge({
      kind: "gitea",
      api: "http://127.0.0.1:1/api/v1",
      repository: "a/b",
      token: undefined,
    });
    await expect(nobody.find(branches, never)).rejects.toMatchObject({ code: "UNREACHABLE", retry: true });
  });
});
