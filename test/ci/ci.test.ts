import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { headSha, openCiSite, type CiSite } from "./ci-site.ts";

const sites: CiSite[] = [];
afterEach(() => Promise.all(sites.splice(0).map((site) => site.close())));

async function open(kind: Parameters<typeof openCiSite>[0]): Promise<CiSite> {
  const site = await openCiSite(kind);
  sites.push(site);
  return site;
}

describe("tidemill ci", { timeout: 120_000 }, () => {
  it("scans, compares, comments once, sets a status, writes its files, and refuses by policy", async () => {
    const site = await open("github");
    const { after, before, feed, forge, folder, tidemill, read } = site;
    const files = ["--sarif", join(folder, "scan.sarif"), "--junit", join(folder, "scan.xml")];
    const args = ["ci", after, "--against", before, "--feed", feed, "--fail-on", "high", "--only-new", ...files];
    const ended = await tidemill(args, site.env());
    expect(ended.err).toBe("");
    expect(ended.status).toBe(3);
    const [comment] = forge.comments(7);
    expect(comment?.author).toBe("github-actions[bot]");
    expect(comment?.body).toMatch(/^<!-- tidemill:ci [0-9a-f]{24} -->/);
    expect(comment?.body).toContain("refused by policy; 1 new, 1 gone");
    expect(comment?.body).toContain("| `deb` | `curl` | `8.0-1` | `8.1-1` |");
    expect(comment?.body).toContain("https://github.example/acme/stack/actions/runs/12");
    expect(forge.statuses).toMatchObject([{ sha: headSha, state: "failure" }]);
    expect(forge.statuses[0]?.context).toMatch(/^tidemill \(127\.0\.0\.1:\d+\/acme\/app\)$/);
    expect(JSON.parse(await read("scan.sarif"))).toMatchObject({ version: "2.1.0" });
    expect(await read("scan.xml")).toContain('failures="1"');
    expect(await read("output")).toMatch(/^verdict=failed\ndigest=sha256:[0-9a-f]{64}\nfindings=1\nnew=1\n$/);
    expect(await read("summary")).toContain("refused by policy");

    // What was mended: the same comment says so.
    const next = await tidemill(["ci", after, "--feed", feed, "--fail-on", "critical,kev"], site.env());
    expect([next.status, next.err]).toEqual([0, ""]);
    expect(forge.comments(7)).toHaveLength(1);
    expect(forge.comments(7)[0]?.body).toContain("passed");
    expect(forge.statuses.at(-1)?.state).toBe("success");
  });

  it("puts one check run with all of it, and the status where the token is of no app", async () => {
    const { after, before, feed, forge, tidemill, env } = await open("github");
    const args = ["ci", after, "--against", before, "--feed", feed, "--check-run"];
    const first = await tidemill([...args, "--fail-on", "high", "--only-new"], env());
    expect([first.status, first.err]).toEqual([3, ""]);
    expect(first.out).toMatch(/^check +done +made https:\/\/github\.example\/runs\/\d+$/m);
    expect(forge.statuses).toEqual([]);
    const said = (): unknown => forge.checks.map(({ sha, app, body }) => ({ sha, app, ...body }));
    expect(said()).toMatchObject([
      {
        sha: headSha,
        app: "github-actions[bot]",
        conclusion: "failure",
        output: {
          title: expect.stringContaining("refused by policy") as string,
          summary: expect.stringContaining("| `deb` |") as string,
        },
      },
    ]);
    expect((await tidemill([...args, "--fail-on", "high", "--only-new"], env())).out).toMatch(/^check +done +same/m);
    expect((await tidemill(args, env())).out).toMatch(/^check +done +changed/m);
    expect(said()).toMatchObject([{ conclusion: "success" }]);
    // A person's token may not.
    const refusing = [...args, "--fail-on", "high", "--only-new"];
    const person = await tidemill(refusing, env({ GITHUB_TOKEN: "made-up-token" }));
    expect(person.status).toBe(3);
    expect(person.out).toMatch(/^check +failed .*GitHub App[^]*^status +done/m);
    expect(said()).toMatchObject([{ conclusion: "success" }]);
    expect(forge.statuses).toMatchObject([{ sha: headSha, state: "failure" }]);
  });

  it("lets nothing that others wrote mention, link or order, and tells no secret", async () => {
    const { after, feed, forge, tidemill, read, env } = await open("github");
    const secret = "s3cr3t-in-the-job";
    const ended = await tidemill(["ci", after, "--feed", feed, "--dry-run"], env({ DEPLOY_TOKEN: secret }));
    expect(ended.status).toBe(0);
    expect([...forge.comments(7), ...forge.statuses]).toEqual([]);
    expect(forge.asked).toEqual([]);
    await expect(read("summary")).rejects.toThrow(/ENOENT/);
    expect(ended.out).toMatch(/comment +would +github acme\/stack #7/);
    await tidemill(["ci", after, "--feed", feed], env({ DEPLOY_TOKEN: secret }));
    const texts = [ended.out, forge.comments(7)[0]?.body ?? "", await read("summary")];
    for (const text of texts) {
      expect(text).not.toContain("made-up-job-token");
      expect(text).not.toContain(secret);
      const outside = text.replaceAll(/`[^`\n]*`/g, "CODE");
      expect(outside).not.toMatch(/^\s*::|##(?:\[|vso)/m);
    }
    const outside = (forge.comments(7)[0]?.body ?? "").replaceAll(/`[^`\n]*`/g, "CODE");
    expect(outside).not.toMatch(/everyone|evil|<img/);
  });

  it("says so where a fork's token only reads, where there is none, and where the forge is away, and goes on", async () => {
    const { after, feed, forge, folder, tidemill, env } = await open("github");
    const args = ["ci", after, "--feed", feed, "--fail-on", "low"];
    const fork = { GITHUB_EVENT_PATH: join(folder, "fork.json"), GITHUB_TOKEN: "made-up-read-token" };
    const denied = await tidemill(args, env(fork));
    expect(denied.status).toBe(3);
    expect(denied.out).toMatch(/comment +skipped +the pull request comes from a fork/);
    const without = await tidemill(args, env({ GITHUB_TOKEN: undefined }));
    expect(without.status).toBe(3);
    expect(without.out).toMatch(/comment +skipped +there is no token: TIDEMILL_FORGE_TOKEN, GITHUB_TOKEN, GH_TOKEN/);
    const wrong = await tidemill(args, env({ GITHUB_TOKEN: "another-one-0123" }));
    expect(wrong.status).toBe(3);
    expect(wrong.out).toMatch(/comment +failed +.*401 Unauthorized/);
    expect(wrong.out).not.toContain("another-one-0123");
    expect(forge.comments(7)).toEqual([]);
  });

  it.each(["gitlab", "gitea"] as const)("does the same at %s", async (kind) => {
    const { after, before, feed, forge, tidemill, env } = await open(kind);
    const args = ["ci", after, "--against", before, "--feed", feed, "--fail-on", "high"];
    for (let run = 0; run < 2; run += 1) {
      const ended = await tidemill(args, env());
      expect([ended.status, ended.err]).toEqual([3, ""]);
    }
    expect(forge.comments(7)).toHaveLength(1);
    expect(forge.statuses.at(-1)).toMatchObject({ sha: headSha, state: kind === "gitlab" ? "failed" : "failure" });
  });

  it("comments where a pull request is named, in a place that it does not know", async () => {
    const { after, feed, forge, tidemill, env } = await open("gitea");
    const page = `${new URL(forge.api).origin}/acme/stack/pulls/9`;
    const nowhere = { GITEA_ACTIONS: undefined, GITHUB_ACTIONS: undefined, GITEA_TOKEN: "made-up-token" };
    const args = ["ci", after, "--feed", feed, "--pull-request", page, "--commit", headSha];
    const ended = await tidemill(args, env(nowhere));
    expect([ended.status, ended.err]).toEqual([0, ""]);
    expect(ended.out).toMatch(/^generic: /m);
    expect(forge.comments(9)).toHaveLength(1);
    expect(forge.statuses).toHaveLength(1);
    const bad = await tidemill(["ci", after, "--pull-request", "https://git.example/acme"], env(nowhere));
    expect(bad.status).toBe(2);
  });

  it("looks at the source tree where nothing is named", async () => {
    const { feed, folder, tidemill, env } = await open("github");
    const lock = { lockfileVersion: 3, packages: { "node_modules/left": { version: "1.0.0" } } };
    await writeFile(join(folder, "work", "package-lock.json"), JSON.stringify(lock));
    const ended = await tidemill(["ci", "--feed", feed, "--json"], env());
    expect(ended.status).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({
      system: "github-actions",
      scan: { kind: "directory", platforms: [{ packages: 1 }] },
    });
  });
});
