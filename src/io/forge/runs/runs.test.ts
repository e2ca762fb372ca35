import { afterEach, describe, expect, it } from "vitest";
import {
  pipelineTokens,
  startGithubPipelines,
  startGitlabPipelines,
  type FakeOptions,
} from "../../../../test/fakes/fake-pipelines.ts";
import type { RunOrder } from "../../../core/external/index.ts";
import { createGithubRuns, createGitlabRuns } from "../index.ts";
import { namesRun } from "./run-answers.ts";

const never = new AbortController().signal;
const open: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

const order: RunOrder = {
  rebuild: "1",
  name: "tidemill-1",
  image: "shop",
  repository: "registry.example/shop",
  platforms: ["linux/amd64"],
  reason: "zlib1g 1.2",
  causes: [{ kind: "person", who: "ada" }],
  bases: {},
  source: undefined,
  noCache: false,
  callback: { url: "https://tidemill.example/pipelines/1", token: "one-time" },
};
const github = async (options: FakeOptions = {}, token = pipelineTokens.write) => {
  const fake = await startGithubPipelines(options);
  open.push(fake.close);
  const place = { repository: "acme/shop", workflow: "build.yml", ref: "main" };
  return { fake, pipeline: createGithubRuns({ api: fake.api, ...place, token }), api: fake.api, place };
};
const gitlab = async (
  options: FakeOptions = {},
  tokens: { token?: string; trigger?: string } = { token: pipelineTokens.write },
) => {
  const fake = await startGitlabPipelines(options);
  open.push(fake.close);
  const place = { project: "acme/shop", ref: "main", token: undefined, trigger: undefined };
  return { fake, pipeline: createGitlabRuns({ api: fake.api, ...place, ...tokens }) };
};

describe.each([
  ["github", github],
  ["gitlab", gitlab],
] as const)("%s", (kind, site) => {
  it("starts, finds, looks at and cancels a run", async () => {
    const { fake, pipeline } = await site();
    const started = await pipeline.start(order, never);
    const [run] = fake.runs;
    if (started.kind !== "started" || run === undefined) throw new Error(started.kind);
    expect(started).toMatchObject({
      run: `${run.id}`,
      url: expect.stringMatching(/^https:\/\/\w+\.example\/acme\/shop/),
    });
    expect(run.inputs[kind === "github" ? "tag" : "TIDEMILL_TAG"]).toBe("tidemill-1");
    expect(run.inputs[kind === "github" ? "token" : "TIDEMILL_TOKEN"]).toBe("one-time");
    expect(await pipeline.find("tidemill-1", Date.now(), never)).toMatchObject({ kind: "found", run: `${run.id}` });
    expect(await pipeline.find("tidemill-1-2", Date.now(), never)).toEqual({ kind: "none" });
    const look = () => pipeline.look(started, "tidemill-1", never);
    expect(await look()).toMatchObject({ kind: "running" });
    run.state = "succeeded";
    expect(await look()).toMatchObject({ kind: "succeeded" });
    run.state = "failed";
    expect(await look()).toMatchObject({ kind: "failed", reason: expect.stringMatching(/failure|failed/) });
    run.state = "running";
    expect(await pipeline.cancel(started, never)).toEqual({ kind: "cancelled" });
    expect(run.state).toBe("cancelled");
    expect(await look()).toMatchObject({ kind: "failed" });
    expect(await pipeline.cancel({ run: "99", url: undefined }, never)).toEqual({ kind: "over" });
  });

  it("finds a run that lists show late, behind hundreds of others", async () => {
    const { fake, pipeline } = await site({ lagMs: 150 });
    await pipeline.start(order, never);
    for (let at = 0; at < 120; at += 1) await pipeline.start({ ...order, name: `other-${at}` }, never);
    expect(fake.runs).toHaveLength(121);
    expect(["none", "found"]).toContain((await pipeline.find("tidemill-1", Date.now(), never)).kind);
    for (const run of fake.runs) run.listedFrom = 0;
    expect(await pipeline.find("tidemill-1", Date.now(), never)).toMatchObject({ kind: "found", run: "1001" });
  });

  it("says when it was asked too often, and how long it wants to be left alone", async () => {
    const { fake, pipeline } = await site();
    const wait = (headers: Record<string, string>, status: number, message: string) => {
      fake.spoil({ status, headers, body: JSON.stringify({ message }) });
      return pipeline.start(order, never);
    };
    expect(await wait({ "retry-after": "7" }, 429, "slow")).toMatchObject({ kind: "later", afterMs: 7000 });
    expect(await wait({ "retry-after": "60" }, 403, "You have exceeded a secondary rate limit")).toMatchObject({
      kind: "later",
      afterMs: 60_000,
    });
    expect(await wait({}, 403, "You have exceeded a secondary rate limit")).toMatchObject({
      kind: "later",
      afterMs: 60_000,
    });
    const reset = `${Math.floor(Date.now() / 1000) + 30}`;
    expect(
      await wait({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset }, 403, "API rate limit exceeded"),
    ).toMatchObject({ kind: "later" });
    expect(await wait({}, 502, "<html>")).toMatchObject({ kind: "later", afterMs: undefined });
    expect(fake.runs).toEqual([]);
    for (const question of ["look", "cancel"] as const) {
      fake.spoil({ status: 429, headers: { "retry-after": "3" } });
      const place = { run: "1001", url: undefined };
      const answer = question === "look" ? await pipeline.look(place, "x", never) : await pipeline.cancel(place, never);
      expect(answer).toMatchObject({ kind: "later", afterMs: 3000 });
    }
  });

  it("says by doctor's question whether its token may run it, and begins nothing", async () => {
    const { fake, pipeline } = await site();
    expect(await pipeline.check(never)).toMatchObject({ kind: "well" });
    expect(fake.runs).toEqual([]);
    fake.spoil({ status: 401, body: JSON.stringify({ message: "Bad credentials" }) });
    const wrong = await pipeline.check(never);
    expect(wrong).toMatchObject({ kind: "wrong", hint: expect.stringContaining("token") });
  });
});

describe("github", () => {
  it("does without run details where a server does not know of them", async () => {
    const { fake, pipeline } = await github({ tellsRun: false });
    expect(await pipeline.start(order, never)).toEqual({ kind: "started", run: undefined, url: undefined });
    expect(fake.runs).toHaveLength(1);
    expect(await pipeline.find("tidemill-1", Date.now(), never)).toMatchObject({ kind: "found", run: "1001" });
  });

  it("names the inputs that a workflow does not declare, and a token that may only read", async () => {
    const strict = await github({ inputs: ["tag"] });
    const refused = await strict.pipeline.start(order, never);
    expect(refused).toMatchObject({ kind: "refused", reason: expect.stringContaining("Unexpected inputs provided") });
    const reader = await github({}, pipelineTokens.read);
    expect(await reader.pipeline.start(order, never)).toMatchObject({
      kind: "refused",
      hint: expect.stringContaining("write Actions"),
    });
    expect(await reader.pipeline.check(never)).toMatchObject({ kind: "wrong" });
    expect(strict.fake.runs.length + reader.fake.runs.length).toBe(0);
    const elsewhere = createGithubRuns({ api: strict.api, ...strict.place, ref: "gone", token: pipelineTokens.write });
    expect(await elsewhere.start(order, never)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("No ref found"),
    });
  });
});

describe("gitlab", () => {
  it("starts with a trigger token alone, which shows no runs, and looks with an access token beside it", async () => {
    const alone = await gitlab({}, { trigger: pipelineTokens.trigger });
    expect(await alone.pipeline.start(order, never)).toMatchObject({ kind: "started", run: "1001" });
    expect(await alone.pipeline.look({ run: "1001", url: undefined }, "tidemill-1", never)).toEqual({ kind: "hidden" });
    expect(await alone.pipeline.find("tidemill-1", Date.now(), never)).toEqual({ kind: "hidden" });
    expect(await alone.pipeline.check(never)).toMatchObject({ kind: "well" });
    const both = await gitlab({}, { trigger: pipelineTokens.trigger, token: pipelineTokens.read });
    await both.pipeline.start(order, never);
    expect(await both.pipeline.look({ run: "1001", url: undefined }, "tidemill-1", never)).toMatchObject({
      kind: "running",
    });
    const wrong = await gitlab({}, { trigger: "glptt-other" });
    expect(await wrong.pipeline.start(order, never)).toMatchObject({
      kind: "refused",
      hint: expect.stringContaining("trigger token"),
    });
  });

  it("finds a pipeline without a name by what it was told", async () => {
    const { pipeline } = await gitlab({ isNamed: false });
    await pipeline.start(order, never);
    expect(await pipeline.find("tidemill-1", Date.now(), never)).toMatchObject({ kind: "found", run: "1001" });
  });
});

it.each([
  ["tidemill-1", true],
  ["image tidemill-1 (shop)", true],
  ["image tidemill-1-2", false],
  ["not-tidemill-1", false],
  ["", false],
  [null, false],
])("a run called %s is that of tidemill-1: %s", (title, is) => {
  expect(namesRun(title, "tidemill-1")).toBe(is);
});
