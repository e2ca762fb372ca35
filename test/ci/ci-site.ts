import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRegistryClient, createRegistryServer } from "../../src/io/registry/index.ts";
import { pushImage } from "../../src/io/registry/testdata/make-image.ts";
import { systemClock } from "../../src/lib/index.ts";
import { makeDebianImage } from "../../src/serve/operations/testdata/debian-image.ts";
import { startForge, type FakeForge } from "../fakes/fake-forge.ts";
import { runTidemill, type Ended } from "../quickstart/run-quickstart.ts";

export const headSha = "b".repeat(40);
export const evilTitle = "@everyone ![x](http://evil.example) <img src=x> ::set-output name=a::b ##vso[task.complete]";

/** A registry with an image before and after a change, a feed, and a forge: what a job of a pipeline meets. */
export interface CiSite {
  readonly folder: string;
  readonly before: string;
  readonly after: string;
  readonly feed: string;
  readonly forge: FakeForge;
  /** Environment of a job for pull request 7, `more` over it. */
  readonly env: (more?: Readonly<Record<string, string | undefined>>) => Record<string, string | undefined>;
  readonly tidemill: (args: readonly string[], env: Record<string, string | undefined>) => Promise<Ended>;
  readonly read: (name: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

export async function openCiSite(kind: "github" | "gitlab" | "gitea"): Promise<CiSite> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-ci-"));
  const server = await createRegistryServer({ dir: join(folder, "registry"), clock: systemClock });
  const { host } = await server.listen(0);
  const client = createRegistryClient({ retries: 0 });
  const push = async (tag: string, packages: Record<string, string>): Promise<string> => {
    const repository = client.repository({ registry: host, repository: "acme/app" });
    await pushImage(repository, makeDebianImage({ layers: [packages] }), tag);
    return `${host}/acme/app:${tag}`;
  };
  const before = await push("1", { openssl: "3.0-1", curl: "8.0-1" });
  const after = await push("pr-7", { openssl: "3.0-2", curl: "8.1-1" });
  await client.close();
  const feed = join(folder, "osv");
  await mkdir(feed);
  const tell = async (id: string, name: string, events: object[]): Promise<void> => {
    const at = new Date(Date.now() - 86_400_000).toISOString();
    const severity = [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }];
    const affected = [{ package: { ecosystem: "Debian:12", name }, ranges: [{ type: "ECOSYSTEM", events }] }];
    const record = { schema_version: "1.7.0", id, published: at, modified: at, summary: evilTitle, severity, affected };
    await writeFile(join(feed, `${id}.json`), JSON.stringify(record));
  };
  await tell("CVE-2099-0001", "openssl", [{ introduced: "0" }, { fixed: "3.0-2" }]);
  await tell("CVE-2099-0002", "curl", [{ introduced: "8.1-1" }, { fixed: "8.1-2" }]);
  const forge = await startForge(kind);
  const event = join(folder, "event.json");
  const repo = { full_name: "acme/stack" };
  const pull = { number: 7, title: evilTitle, head: { sha: headSha, repo }, base: { repo } };
  await writeFile(event, JSON.stringify({ action: "synchronize", number: 7, pull_request: pull }));
  const fork = { ...pull, head: { sha: headSha, repo: { full_name: "mallory/stack" } } };
  await writeFile(join(folder, "fork.json"), JSON.stringify({ pull_request: fork }));
  const work = join(folder, "work");
  await mkdir(work);
  const env: CiSite["env"] = (more = {}) => ({
    ...cleared,
    XDG_CACHE_HOME: join(folder, "cache"),
    ...jobs[kind](),
    ...more,
  });
  const jobs = {
    github: () => ({
      GITHUB_ACTIONS: "true",
      GITHUB_API_URL: forge.api,
      GITHUB_SERVER_URL: "https://github.example",
      GITHUB_REPOSITORY: "acme/stack",
      GITHUB_RUN_ID: "12",
      GITHUB_SHA: "a".repeat(40),
      GITHUB_EVENT_PATH: event,
      GITHUB_STEP_SUMMARY: join(folder, "summary"),
      GITHUB_OUTPUT: join(folder, "output"),
      GITHUB_TOKEN: "made-up-job-token",
    }),
    gitea: () => ({ ...jobs.github(), GITEA_ACTIONS: "true" }),
    gitlab: () => ({
      GITLAB_CI: "true",
      CI_API_V4_URL: forge.api,
      CI_PROJECT_PATH: "acme/stack",
      CI_COMMIT_SHA: headSha,
      CI_JOB_URL: "https://gitlab.example/acme/stack/-/jobs/5",
      CI_MERGE_REQUEST_IID: "7",
      CI_MERGE_REQUEST_PROJECT_PATH: "acme/stack",
      CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: "acme/stack",
      GITLAB_TOKEN: "made-up-token",
    }),
  };
  return {
    folder,
    before,
    after,
    feed,
    forge,
    env,
    tidemill: (args, given) => runTidemill(args, { cwd: work, env: given }),
    read: (name) => readFile(join(folder, name), "utf8"),
    close: async () => {
      await forge.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What the machine that runs the tests may itself be a job of. */
const cleared: Readonly<Record<string, undefined>> = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) =>
      /^(?:GITHUB_|GITEA_|GITLAB_|CI_|FORGEJO_|TIDEMILL_|TF_BUILD|CIRCLECI|JENKINS_|GH_TOKEN)/.test(name),
    )
    .map((name) => [name, undefined]),
);
