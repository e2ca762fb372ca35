import { afterEach, describe, expect, it } from "vitest";
import { startForge, type FakeForge } from "../../../../test/fakes/fake-forge.ts";
import { createReports, type Forge, type ForgeReports } from "../index.ts";

const never = new AbortController().signal;
const marker = "<!-- tidemill:ci 0123 -->";
const sha = "a".repeat(40);
const open: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

async function site(
  kind: Forge["kind"],
  token = "made-up-token",
): Promise<{ fake: FakeForge; reports: ForgeReports; again: () => ForgeReports }> {
  const fake = await startForge(kind);
  open.push(fake.close);
  const again = () => createReports({ kind, api: fake.api, repository: "acme/stack", token });
  return { fake, reports: again(), again };
}

describe.each(["github", "gitlab", "gitea"] as const)("%s", (kind) => {
  it.each(["made-up-token", ...(kind === "gitlab" ? [] : ["made-up-job-token"])])(
    "has one comment, changed in place, found behind three pages of others' (%s)",
    async (token) => {
      const { fake, reports } = await site(kind, token);
      for (let at = 0; at < 250; at += 1) fake.comment(1, "ada", `${at}`);
      expect((await reports.putComment(1, marker, `${marker}\none\n`, never)).kind).toBe("made");
      fake.comment(1, "ada", "thanks");
      expect((await reports.putComment(1, marker, `${marker}\none\n`, never)).kind).toBe("same");
      const put = await reports.putComment(1, marker, `${marker}\ntwo\n`, never);
      expect(put.kind).toBe("changed");
      expect(put.url).toMatch(/^https?:\/\/.*251$/);
      const ours = fake.comments(1).filter(({ body }) => body.startsWith(marker));
      expect(ours.map(({ body }) => body)).toEqual([`${marker}\r\ntwo`]);
      expect(fake.comments(1)).toHaveLength(252);
      await reports.putComment(2, marker, `${marker}\nother`, never);
      expect(fake.comments(2)).toHaveLength(1);
    },
  );

  it("leaves comments of others alone that begin like ours, and ours that quote one", async () => {
    const { fake, reports } = await site(kind);
    fake.comment(1, "mallory", `${marker}\nall is well`);
    fake.comment(1, "tidemill-bot", `> ${marker}`);
    await reports.putComment(1, marker, `${marker}\nrefused`, never);
    expect(fake.comments(1).map(({ author, body }) => [author, body])).toEqual([
      ["mallory", `${marker}\nall is well`],
      ["tidemill-bot", `> ${marker}`],
      ["tidemill-bot", `${marker}\r\nrefused`],
    ]);
  });

  it("leaves one comment of many jobs that put it at once", async () => {
    const { fake, again } = await site(kind);
    await Promise.all(Array.from({ length: 8 }, (_, at) => again().putComment(1, marker, `${marker}\n${at}`, never)));
    expect(fake.comments(1)).toHaveLength(1);
  });

  it("sets a status, and the same twice is no failure; what is too long is cut", async () => {
    const { fake, reports } = await site(kind);
    const status = { context: "tidemill (web)", description: "d".repeat(900), url: "https://ci.example/1" };
    await reports.setStatus(sha, { ...status, state: "failure" }, never);
    await reports.setStatus(sha, { ...status, state: "failure" }, never);
    await reports.setStatus(sha, { ...status, state: "success" }, never);
    expect(fake.statuses.at(0)).toMatchObject({
      sha,
      state: kind === "gitlab" ? "failed" : "failure",
      context: "tidemill (web)",
      url: "https://ci.example/1",
    });
    expect(fake.statuses.at(-1)?.state).toBe("success");
  });

  it("is denied with a token that only reads, and with none that is known", async () => {
    const { fake, reports } = await site(kind, "made-up-read-token");
    await expect(reports.putComment(1, marker, marker, never)).rejects.toMatchObject({ code: "DENIED" });
    await expect(
      reports.setStatus(sha, { state: "success", context: "c", description: "" }, never),
    ).rejects.toMatchObject({ code: "DENIED" });
    expect([...fake.comments(1), ...fake.statuses]).toEqual([]);
    const none = await site(kind, "other");
    await expect(none.reports.putComment(1, marker, marker, never)).rejects.toMatchObject({ code: "DENIED" });
  });
});

describe("a forge that is asked too often", () => {
  it("is left alone as long as it says, by its first limit and its second, and then asked again", async () => {
    const { fake, reports } = await site("github");
    fake.limitTo(3);
    expect((await reports.putComment(1, marker, `${marker}\none`, never)).kind).toBe("same");
    fake.limitTo(Infinity);
    const second = {
      status: 403,
      headers: { "retry-after": "2" },
      body: '{"message":"You have exceeded a secondary rate limit"}',
    };
    fake.spoil(second, { status: 502, body: "<html>" });
    const begun = performance.now();
    await reports.putComment(1, marker, `${marker}\ntwo`, never);
    expect(performance.now() - begun).toBeGreaterThan(2000);
    expect(fake.comments(1).map(({ body }) => body)).toEqual([`${marker}\r\ntwo`]);
  });

  it("is not waited for longer than a job may take", async () => {
    const { fake, reports } = await site("github");
    const reset = Math.floor(Date.now() / 1000) + 3000;
    fake.spoil({ status: 403, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${reset}` } });
    const begun = performance.now();
    await expect(reports.putComment(1, marker, marker, never)).rejects.toMatchObject({ code: "RATE_LIMITED" });
    expect(performance.now() - begun).toBeLessThan(1000);
    fake.spoil({ status: 403, body: '{"message":"You have exceeded a secondary rate limit"}' });
    const stop = AbortSignal.timeout(300);
    await expect(reports.putComment(1, marker, marker, stop)).rejects.toThrow();
  });
});
