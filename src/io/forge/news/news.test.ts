import { afterEach, describe, expect, it } from "vitest";
import { startForge, type FakeForge } from "../../../../test/fakes/fake-forge.ts";
import { createNews, type DeploymentNews, type Forge, type ForgeNews } from "../index.ts";

const never = new AbortController().signal;
const sha = "a".repeat(40);
const status = { state: "success", context: "tidemill/web/staging", description: "d".repeat(400) } as const;
const news: DeploymentNews = {
  key: "deployment:1",
  sha,
  ref: "main",
  environment: "production/web",
  state: "pending",
  description: "web",
  remote: undefined,
};
const open: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

async function site(kind: Forge["kind"]): Promise<{ fake: FakeForge; forge: ForgeNews }> {
  const fake = await startForge(kind);
  open.push(fake.close);
  return { fake, forge: createNews({ kind, api: fake.api, repository: "acme/stack", token: "made-up-token" }) };
}

describe.each(["github", "gitlab", "gitea"] as const)("%s", (kind) => {
  it("has a status once, however often it is said, and though an answer is lost", async () => {
    const { fake, forge } = await site(kind);
    await forge.sayStatus(sha, status, never);
    await forge.sayStatus(sha, status, never);
    expect(fake.statuses).toHaveLength(1);
    fake.loseAnswer();
    const next = { ...status, state: "failure" } as const;
    await expect(forge.sayStatus(sha, next, never)).rejects.toMatchObject({ code: "UNREACHABLE", retry: true });
    await forge.sayStatus(sha, next, never);
    expect(fake.statuses).toHaveLength(2);
    await forge.sayStatus(sha, status, never);
    expect(fake.statuses).toHaveLength(3);
  });
});

describe.each(["github", "gitlab"] as const)("deployments of %s", (kind) => {
  const states = {
    github: { pending: "in_progress", success: "success", failure: "failure", inactive: "inactive" },
    gitlab: { pending: "running", success: "success", failure: "failed", inactive: "canceled" },
  }[kind];

  it("are made once, found again where an answer was lost, and go on from state to state", async () => {
    const { fake, forge } = await site(kind);
    fake.loseAnswer();
    await expect(forge.sayDeployment?.(news, never)).rejects.toMatchObject({ code: "UNREACHABLE" });
    const remote = await forge.sayDeployment?.(news, never);
    expect(await forge.sayDeployment?.(news, never)).toBe(remote);
    await forge.sayDeployment?.({ ...news, state: "success", remote }, never);
    await forge.sayDeployment?.({ ...news, state: "success", remote }, never);
    expect(fake.deployments).toMatchObject([
      { sha, environment: "production/web", states: [states.pending, states.success] },
    ]);
  });

  it("of the same commit are others, and those before are not active any more", async () => {
    const { fake, forge } = await site(kind);
    const remote = await forge.sayDeployment?.({ ...news, state: "success" }, never);
    await forge.sayDeployment?.({ ...news, key: "deployment:2", state: "success" }, never);
    await forge.sayDeployment?.({ ...news, state: "inactive", remote }, never);
    await forge.sayDeployment?.({ ...news, key: "deployment:3", state: "failure" }, never);
    expect(fake.deployments.map((one) => one.states.at(-1))).toEqual(
      kind === "github" ? ["inactive", "success", "failure"] : ["success", "success", "failed"],
    );
  });
});
