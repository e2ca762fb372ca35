import { expect } from "vitest";
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
import type { Digest } from "../../src/lib/index.ts";
import type { smallFleets, Started } from "../faults/fixture.ts";
import { smallPackages, type Change, type SmallFleet } from "../faults/small-fleet.ts";
import { createBuildSite } from "./build-site.ts";

/** What differs from the usual image of a pipeline. */
export interface SiteOptions {
  readonly fake?: FakeOptions;
  readonly pipeline?: Readonly<Record<string, unknown>>;
  readonly image?: Readonly<Record<string, unknown>>;
  readonly change?: Change;
  readonly env?: Readonly<Record<string, string>>;
  /** Done before it is opened. */
  readonly prepare?: (small: SmallFleet) => Promise<unknown>;
}

type Fleets = ReturnType<typeof smallFleets>;
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
export type Kind = keyof typeof pipelines;

export interface Site extends Started {
  readonly fake: FakePipelines;
  /** The configuration that it was begun with, with other fields of the pipeline. */
  readonly changeOf: (pipeline: Readonly<Record<string, unknown>>) => Change;
  /** The newest run. */
  readonly asked: () => FakeRun;
  /** What a run was told. */
  readonly told: (run: FakeRun, name: string) => string;
  /** Does what a run was asked for: builds with these packages, and pushes its tag. */
  readonly push: (run: FakeRun, version: string, labels?: Record<string, string>) => Promise<Digest>;
  readonly build: (version: string, tag?: string, labels?: Record<string, string>) => Promise<Digest>;
  /** The same for a fleet that was opened anew. */
  readonly pushTo: (opened: Pick<Started, "fleet">, run: FakeRun, version: string) => Promise<Digest>;
  readonly place: () => string;
  readonly newest: () => Promise<{ state: string; lastError: { code: string; message: string } | null; id: string }>;
}

/** A fleet with an image `shop` that a pipeline builds; nothing is there yet. */
export async function openSite(fleets: Fleets, kind: Kind, options: SiteOptions = {}): Promise<Site> {
  const { start, of, input } = pipelines[kind];
  const fake = await start(options.fake);
  fleets.onEnd(fake.close);
  const builder = await createBuildSite();
  fleets.onEnd(() => builder.close());
  const changeOf: Site["changeOf"] = (pipeline) => ({
    ...options.change,
    images: {
      shop: {
        recipe: "external",
        upstream: "small",
        pipeline: { ...of(fake.api), poll: "100ms", ...options.pipeline, ...pipeline },
        ...options.image,
      },
    },
  });
  const small = await fleets.create(changeOf({}), options.env);
  await options.prepare?.(small);
  const opened = await fleets.open(small);
  const placeIn = ({ fleet }: Pick<Started, "fleet">): string => {
    const { registry, repository } = fleet.ctx.repositoryOf("shop");
    return `${registry}/${repository}`;
  };
  const place = (): string => placeIn(opened);
  const told = (run: FakeRun, name: string): string => run.inputs[input(name)] ?? "";
  const build: Site["build"] = (version, tag, labels) => builder.build(place(), gauge(version), tag, labels);
  return {
    ...opened,
    fake,
    changeOf,
    told,
    place,
    build,
    pushTo: (anew, run, version) => builder.build(placeIn(anew), gauge(version), told(run, "tag")),
    push: (run, version, labels) => build(version, told(run, "tag"), labels),
    asked: () => {
      const newest = fake.runs.at(-1);
      if (newest === undefined) throw new Error("nothing was asked");
      return newest;
    },
    newest: async () => {
      const [newest] = await opened.fleet.ctx.store.loadRebuilds({ image: "shop" });
      if (newest === undefined) throw new Error("there is no rebuild");
      return newest;
    },
  };
}

/** The same, with an image that was there before and is in production as it was. */
export async function adoptImage(
  fleets: Fleets,
  kind: Kind,
  options: SiteOptions = {},
): Promise<Site & { readonly first: Digest }> {
  const made = await openSite(fleets, kind, options);
  const first = await made.build("1.0-1", "latest");
  await made.run();
  expect(await made.pointer("shop")).toBe(first);
  expect(made.fake.runs).toEqual([]);
  return { ...made, first };
}
