import { describe, expect, it } from "vitest";
import {
  httpSecret,
  pipelineTokens,
  startGithubPipelines,
  startGitlabPipelines,
  startHttpPipelines,
  type FakeOptions,
  type FakePipelines,
  type FakeRun,
} from "../fakes/fake-pipelines.ts";
import { smallFleets, type Started } from "../faults/fixture.ts";
import { expectInvariants } from "../faults/invariants.ts";
import { hour, minute, smallPackages, type Change } from "../faults/small-fleet.ts";
import { createBuildSite } from "./build-site.ts";

const fleets = smallFleets();
const gauge = (version: string) =>
  smallPackages({ "small-gauge": version }).filter(({ name }) => name === "small-gauge");

const pipelines = {
  github: {
    start: startGithubPipelines,
    of: (api: string) => ({
      github: { api, repository: "acme/shop", workflow: "build.yml", token: pipelineTokens.write },
    }),
    input: (name: string) => name,
  },
  gitlab: {
    start: startGitlabPipelines,
    of: (api: string) => ({ gitlab: { api, project: "acme/shop", token: pipelineTokens.write } }),
    input: (name: string) => `TIDEMILL_${name.toUpperCase()}`,
  },
  http: {
    start: startHttpPipelines,
    of: (api: string) => ({ http: { url: api, secret: httpSecret } }),
    input: (name: string) => name,
  },
} as const;
type Kind = keyof typeof pipelines;

interface Site extends Started {
  readonly fake: FakePipelines;
  /** What a run was told. */
  readonly told: (run: FakeRun, name: string) => string;
  /** Does what a run was asked for: builds with these packages, and pushes its tag. */
  readonly push: (run: FakeRun, version: string) => Promise<string>;
  readonly build: (version: string, tag?: string, labels?: Record<string, string>) => Promise<string>;
  readonly place: () => string;
  readonly newest: () => Promise<{ state: string; lastError: { code: string; message: string } | null; id: string }>;
}

async function site(
  kind: Kind,
  options: FakeOptions = {},
  more: Record<string, unknown> = {},
  change: Change = {},
): Promise<Site> {
  const { start, of, input } = pipelines[kind];
  const fake = await start(options);
  fleets.onEnd(fake.close);
  const builder = await createBuildSite();
  fleets.onEnd(() => builder.close());
  const shop = { recipe: "external", upstream: "small", pipeline: { ...of(fake.api), poll: "100ms", ...more } };
  const small = await fleets.create({ ...change, images: { shop } });
  const opened = await fleets.open(small);
  const place = (): string => {
    const { registry, repository } = opened.fleet.ctx.repositoryOf("shop");
    return `${registry}/${repository}`;
  };
  const told = (run: FakeRun, name: string): string => run.inputs[input(name)] ?? "";
  const build: Site["build"] = (version, tag, labels) => builder.build(place(), gauge(version), tag, labels);
  return {
    ...opened,
    fake,
    told,
    place,
    build,
    push: (run, version) => build(version, told(run, "tag")),
    newest: async () => {
      const [newest] = await opened.fleet.ctx.store.loadRebuilds({ image: "shop" });
      if (newest === undefined) throw new Error("there is no rebuild");
      return newest;
    },
  };
}

/** A fleet whose image was there before, in production as it was. */
async function adopted(
  kind: Kind,
  options: FakeOptions = {},
  more: Record<string, unknown> = {},
): Promise<Site & { first: string }> {
  const made = await site(kind, options, more);
  const first = await made.build("1.0-1", "latest");
  await made.run();
  expect(await made.pointer("shop")).toBe(first);
  expect(made.fake.runs).toEqual([]);
  return { ...made, first };
}

describe.each(["github", "gitlab", "http"] as const)("an image that a pipeline builds, by %s", (kind) => {
  it(
    "is taken as it was, and built anew by its pipeline when a package of it has a newer version",
    { timeout: 120_000 },
    async () => {
      const made = await adopted(kind);
      const { small, fake, run, told, operations } = made;
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      expect(fake.runs).toHaveLength(1);
      const [asked] = fake.runs;
      if (asked === undefined) throw new Error("nothing was asked");
      expect(told(asked, "tag")).toMatch(/^tidemill-[0-9a-f-]{36}$/);
      expect(told(asked, "reason")).toContain("small-gauge 1.0-2");
      expect(told(asked, "repository")).toBe(made.place());
      expect(JSON.parse(told(asked, "causes"))).toMatchObject([{ kind: "package", to: "1.0-2" }]);
      const [waiting] = (await operations.status({ image: "shop" })).rebuilds;
      expect(waiting).toMatchObject({
        state: "building",
        step: "build",
        reason: expect.stringContaining("builds it: https://"),
      });

      // Nobody holds it meanwhile, and nobody asks twice.
      const rebuild = await made.newest();
      expect(rebuild).toMatchObject({ leaseOwner: null });
      await run();
      expect(fake.runs).toHaveLength(1);

      const digest = await made.push(asked, "1.0-2");
      asked.state = "succeeded";
      made.clock.jump(minute);
      await run();
      expect(await made.pointer("shop")).toBe(digest);
      expect(await made.version("shop", "small-gauge")).toBe("1.0-2");
      const why = await operations.why({ image: "shop" });
      expect(why.made).toMatchObject({ remedy: "rebuild", reason: expect.stringContaining("built by") });
      await expectInvariants(made);
    },
  );

  it("fails with its run, and says where to look", { timeout: 120_000 }, async () => {
    const made = await adopted(kind);
    const { small, fake, run } = made;
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    const [asked] = fake.runs;
    if (asked === undefined) throw new Error("nothing was asked");
    asked.state = "failed";
    made.clock.jump(minute);
    await run();
    const failed = await made.newest();
    expect(failed).toMatchObject({ state: "failed", lastError: { code: "RUN_FAILED" } });
    expect(failed.lastError?.message).toMatch(/https:\/\/\w+\.example\//);
    expect(await made.pointer("shop")).toBe(made.first);
  });
});

describe("an image that a pipeline builds", () => {
  it("fails when its time is over, and has the run ended", { timeout: 120_000 }, async () => {
    const made = await adopted("github", {}, { timeout: "10m" });
    await made.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await made.run();
    made.clock.jump(11 * minute);
    await made.run();
    expect(await made.newest()).toMatchObject({
      state: "failed",
      lastError: { message: expect.stringContaining("within its time") },
    });
    expect(made.fake.runs).toMatchObject([{ state: "cancelled" }]);
  });

  it(
    "is asked for anew when something newer comes before its run has ended, which is cancelled",
    { timeout: 120_000 },
    async () => {
      const made = await adopted("gitlab");
      const { small, fake, run } = made;
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run();
      await small.publish(smallPackages({ "small-gauge": "1.0-3" }));
      made.clock.jump(hour / 2);
      await run();
      expect(fake.runs).toMatchObject([{ state: "cancelled" }, { state: "running" }]);
      const [, second] = fake.runs;
      if (second === undefined) throw new Error("it was not asked again");
      const digest = await made.push(second, "1.0-3");
      made.clock.jump(minute);
      await run();
      expect(await made.pointer("shop")).toBe(digest);
      const states = (await made.fleet.ctx.store.loadRebuilds({ image: "shop" })).map(({ state }) => state);
      expect(states).toEqual(["promoted", "superseded", "promoted"]);
    },
  );
});
