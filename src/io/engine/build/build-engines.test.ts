import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../../test/needs.ts";
import { mediaTypes } from "../../../core/image/index.ts";
import { missingMirror } from "../../../loop/build/testdata/real-packages.ts";
import { openLayout } from "../../registry/index.ts";
import {
  engineNames,
  missingEngines,
  openBuildSite,
  processesWith,
  startBuildkitd,
  type BuildSite,
  type Buildkitd,
  type BuiltImage,
  type EngineName,
} from "./testdata/build-site.ts";
import type { BuildEngine, BuildRequest } from "./types.ts";

const noMirror = await missingMirror();
const missing = await missingEngines();
const here = engineNames.filter((name) => noMirror === undefined && missing[name] === undefined);
const itFor = (name: EngineName): ReturnType<typeof needs> => needs(noMirror ?? missing[name]);
const itForAll = needs(noMirror ?? engineNames.map((name) => missing[name]).find((why) => why !== undefined));

let site: BuildSite;
let daemon: Buildkitd | undefined;
let engines: Readonly<Record<EngineName, BuildEngine>>;
beforeAll(async () => {
  if (here.length === 0) return;
  if (here.includes("buildctl")) daemon = await startBuildkitd(`/tmp/tidemill-buildkitd-${process.pid}`);
  site = await openBuildSite(daemon);
  engines = site.engines();
}, 300_000);
afterAll(async () => {
  await daemon?.close();
  await site?.close();
});

interface Outcome {
  readonly image: BuiltImage;
  readonly digest: string;
  readonly log: string;
}

async function build(name: EngineName, request: BuildRequest, signal = new AbortController().signal): Promise<Outcome> {
  const lines: string[] = [];
  const result = await engines[name].build(request, (line) => lines.push(line), signal);
  try {
    return { image: await site.read(result), digest: result.digest, log: lines.join("\n") };
  } finally {
    await result.close();
  }
}

async function failure(
  name: EngineName,
  request: BuildRequest,
  signal?: AbortSignal,
): Promise<{ code: string; message: string; retry: boolean; step?: { line?: number; words: string }; log: string }> {
  const lines: string[] = [];
  try {
    const result = await engines[name].build(
      request,
      (line) => lines.push(line),
      signal ?? new AbortController().signal,
    );
    await result.close();
  } catch (error) {
    expect(error).toMatchObject({ name: "BuildError" });
    return Object.assign(error as Awaited<ReturnType<typeof failure>>, { log: lines.join("\n") });
  }
  throw new Error(`the build went well:\n${lines.join("\n")}`);
}

const text = (image: BuiltImage, path: string): string | undefined => image.tree.get(path)?.text;

describe("the same Dockerfile", () => {
  const dockerfile = `ARG TOP=two
FROM $BASE AS one
WORKDIR /srv
ARG WHO=nobody
RUN echo "made for $WHO" > made && mkdir -p deep/er && echo x > deep/er/file
FROM $BASE AS unused
RUN exit 9
FROM one AS two
COPY --from=one /srv/made /copied
COPY . /app/
RUN rm /srv/deep/er/file && echo '#!/bin/sh' > /bin/tool && chmod 4755 /bin/tool
ENV A=b C="d e"
LABEL from.file=yes
EXPOSE 8080
USER app
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "id"]
`;

  itForAll(
    "gives equal files and an equal config from each engine",
    async () => {
      const context = await site.context({
        ".dockerignore": "secret\n*.log\n!keep.log\n",
        a: "a\n",
        "b/c": "c\n",
        secret: "s",
        "x.log": "x",
        "keep.log": "k",
      });
      const seen: Record<string, unknown> = {};
      for (const name of engineNames) {
        // The classic builder builds stages that nothing needs, one of which fails here.
        const used = name === "classic" ? dockerfile.replace("RUN exit 9", "RUN true") : dockerfile;
        const { image } = await build(
          name,
          await site.request(used, { context, args: { WHO: "you" }, labels: { by: "us" } }),
        );
        const ours = [...image.tree]
          .filter(([path]) => /^(?:app|srv|copied|bin\/tool)/.test(path))
          .sort(([a], [b]) => (a < b ? -1 : 1));
        const { Env = [], ...rest } = image.config.config ?? {};
        const files = ours.map(([path, { kind, mode, uid, link, text: content }]) =>
          // What takes a file away has a mode of the engine's own, which means nothing.
          path.includes("/.wh.") ? [path] : [path, kind, mode, uid, link, content],
        );
        seen[name] = {
          config: { ...rest, Env: [...Env] },
          platform: [image.config.os, image.config.architecture],
          files,
        };
        expect(text(image, "copied")).toBe("made for you\n");
        expect(text(image, "app/.dockerignore")).toContain("secret");
        expect([...image.tree.keys()].filter((path) => /secret|x\.log|ockerfile/.test(path))).toEqual([]);
      }
      for (const name of engineNames) expect(seen[name], name).toEqual(seen["buildkit"]);
      expect(seen["buildkit"]).toMatchObject({
        config: {
          User: "app",
          Labels: { "from.file": "yes", by: "us" },
          WorkingDir: "/srv",
          Env: ["PATH=/bin", "A=b", "C=d e"],
          Cmd: ["-c", "id"],
        },
      });
    },
    120_000,
  );

  for (const name of engineNames)
    itFor(name)(
      `${name}: builds one stage, keeps the base's layers by their own digests, and says what is not in its folder`,
      async () => {
        const request = await site.request(dockerfile, {
          stage: "one",
          knownLayers: site.baseLayers,
          sourceDateEpoch: 86_400,
          annotations: { "org.example": "x" },
        });
        const result = await engines[name].build(request, () => undefined, new AbortController().signal);
        const { config, layers, tree } = await site.read(result);
        expect(result.borrowed).toEqual([...site.baseLayers.values()]);
        expect(layers.slice(0, 2).map(({ digest }) => digest)).toEqual(result.borrowed.map(({ digest }) => digest));
        expect(tree.has("copied")).toBe(false);
        expect(config.created).toBe("1970-01-02T00:00:00Z");
        for (const { created } of config.history ?? [])
          expect(Date.parse(created ?? "1970-01-01")).toBeLessThanOrEqual(86_400_000);
        expect(JSON.stringify(config)).not.toMatch(/[0-9a-f]{64}"\},"container|io\.buildah|docker_version/);
        const raw = await (await openLayout(result.layout)).manifest(result.digest);
        expect(JSON.parse(Buffer.from(raw?.bytes ?? []).toString("utf8"))).toMatchObject({
          annotations: { "org.example": "x" },
          mediaType: mediaTypes.manifest,
        });
        await result.close();
        expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
      },
    );

  for (const name of engineNames)
    itFor(name)(`${name}: builds several platforms into one index`, async () => {
      const context = await site.context({ a: "a\n" });
      const one = { platform: { os: "linux", architecture: "amd64" }, dockerfile: "FROM scratch\nCOPY a /amd\n" };
      const other = { platform: { os: "linux", architecture: "arm64" }, dockerfile: "FROM scratch\nCOPY a /arm\n" };
      const request = await site.request("FROM scratch", { context, targets: [one, other] });
      const result = await engines[name].build(request, () => undefined, new AbortController().signal);
      expect(result.mediaType).toBe(mediaTypes.index);
      const raw = await (await openLayout(result.layout)).manifest(result.digest);
      const { manifests } = JSON.parse(Buffer.from(raw?.bytes ?? []).toString("utf8")) as {
        manifests: { digest: `sha256:${string}`; platform: object }[];
      };
      expect(manifests.map(({ platform }) => platform)).toEqual([one.platform, other.platform]);
      const images = await Promise.all(manifests.map(({ digest }) => site.read(result, digest)));
      expect(images.map(({ config }) => config.architecture)).toEqual(["amd64", "arm64"]);
      expect(images.map(({ tree }) => [...tree.keys()])).toEqual([["amd"], ["arm"]]);
      await result.close();
    });
});

describe("the network of a step", () => {
  for (const name of engineNames)
    itFor(name)(`${name}: is the host's where that is asked for, and none where none is`, async () => {
      const dockerfile = `FROM $BASE\nRUN : ${process.pid} ${Date.now()}; cat /proc/net/dev > /links\n`;
      const links = async (network: BuildRequest["network"]): Promise<string[]> => {
        const { image } = await build(name, await site.request(dockerfile, { network, noCache: true }));
        return namesOf(text(image, "links") ?? "");
      };
      const namesOf = (table: string): string[] => [...table.matchAll(/^\s*([\w-]+):/gm)].map(([, link = ""]) => link);
      // Those of containers and of other tests' daemons come and go.
      const ours = namesOf(await readFile("/proc/net/dev", "utf8")).filter((link) => !/^(?:veth|tm)/.test(link));
      expect(ours.length).toBeGreaterThan(1);
      expect(await links("host")).toEqual(expect.arrayContaining(ours));
      expect(await links("none")).toEqual(["lo"]);
    });
});

describe("the cache of packages", () => {
  // An engine may keep what an earlier run of this test built.
  const dockerfile = `FROM $BASE AS early
RUN : ${process.pid} ${Date.now()} NAME; cat /proc/sys/kernel/random/uuid > /early
RUN apt-get update && apt-get install x
RUN cat /proc/sys/kernel/random/uuid > /late
FROM early
COPY a /a
`;
  for (const name of engineNames)
    itFor(name)(
      `${name}: is given up from the first step that uses an index on, exactly when the key changes, and leaves no trace`,
      async () => {
        const context = await site.context({ a: "a" });
        const made = async (bust: string, noCache = false): Promise<Outcome> =>
          build(
            name,
            await site.request(dockerfile.replace("NAME", name), { name: `cache-${name}`, context, bust, noCache }),
          );
        const first = await made("k1");
        const same = await made("k1");
        const other = await made("k2");
        const none = await made("k2", true);
        const of = ({ image }: Outcome): (string | undefined)[] =>
          ["early", "packages", "late"].map((path) => text(image, path));
        expect(same.digest).toBe(first.digest);
        expect(of(same)).toEqual(of(first));
        expect(of(first).every((each) => each !== undefined && each !== "")).toBe(true);
        expect(of(other)[0]).toBe(of(first)[0]);
        expect(of(other)[1]).not.toBe(of(first)[1]);
        expect(of(other)[2]).not.toBe(of(first)[2]);
        expect(of(none)[0]).not.toBe(of(first)[0]);
        for (const { image } of [first, other]) expect(image.bytes.includes("TIDEMILL")).toBe(false);
        expect(
          first.image.config.history?.some(({ created_by }) => created_by?.includes("/bin/sh -c apt-get update")),
        ).toBe(true);
      },
    );
});

describe("an error", () => {
  const zeros = `sha256:${"0".repeat(64)}`;
  const cases: readonly [
    string,
    string,
    string,
    { line?: number; words?: RegExp; code: string; retry?: boolean; message?: RegExp },
    Partial<BuildRequest>?,
  ][] = [
    [
      "of a step",
      "FROM $BASE\n\nRUN true\nRUN apt-get x; \\\n  echo no such luck; exit 3\n",
      "k",
      {
        code: "BUILD_FAILED",
        line: 4,
        words: /^RUN apt-get x; echo no such luck; exit 3$/,
        message: /with status 3; it said last: .*no such luck/,
      },
    ],
    [
      "of a step in a stage",
      "FROM $BASE AS a\nRUN true\nRUN false\nFROM $BASE\nCOPY --from=a / /x\n",
      "",
      { code: "BUILD_FAILED", line: 3, words: /^RUN false$/, message: /with status 1/ },
    ],
    [
      "of a file that is not there",
      "FROM $BASE\nCOPY nothing /x\n",
      "",
      { code: "BUILD_FAILED", line: 2, words: /^COPY nothing/ },
    ],
    [
      "of a base that is not there",
      `FROM $HOST/none:1@${zeros}\nRUN true\n`,
      "",
      { code: "BASE_NOT_FOUND", message: /none/ },
    ],
    ["of a base whose digest is not there", `FROM $HOST/base:1@${zeros}\nRUN true\n`, "", { code: "BASE_NOT_FOUND" }],
    [
      "of a registry that does not answer",
      `FROM 127.0.0.1:1/base:1@${zeros}\nRUN true\n`,
      "",
      { code: "BASE_UNAVAILABLE", retry: true, message: /refused/ },
    ],
    [
      "of a mount that no engine knows",
      "FROM $BASE\nRUN --mount=type=nonsense true\n",
      "",
      { code: "BAD_DOCKERFILE", message: /mount type/ },
    ],
  ];
  for (const name of engineNames)
    for (const [what, dockerfile, bust, expected, change] of cases)
      itFor(name)(`${what}: ${name} says ${expected.code}`, async () => {
        const request = await site.request(dockerfile.replace("$HOST", site.host), {
          ...change,
          ...(bust === "" ? {} : { bust }),
        });
        const { code, message, retry, step, log } = await failure(name, request);
        expect({ code, retry }, `${message}\n${log}`).toEqual({ code: expected.code, retry: expected.retry ?? false });
        if (expected.line !== undefined) expect(step?.line, log).toBe(expected.line);
        if (expected.words !== undefined) expect(step?.words).toMatch(expected.words);
        if (expected.message !== undefined) expect(message).toMatch(expected.message);
        expect(message).toMatch(/^web: /);
        expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
      });

  for (const name of engineNames)
    itFor(name)(`of somebody who ends the build: ${name} ends it in the engine, too`, async () => {
      const marker = `sleep 7${process.pid}${engineNames.indexOf(name)}`;
      const control = new AbortController();
      const failed = failure(name, await site.request(`FROM $BASE\nRUN ${marker}\n`), control.signal);
      for (
        let tries = 0;
        (await processesWith(marker)).filter((line) => !line.includes("FROM")).length < 1;
        tries += 1
      ) {
        if (tries > 200) throw new Error("it never started");
        await sleep(100);
      }
      control.abort(new Error("superseded"));
      expect(await failed).toMatchObject({ code: "ABORTED", message: "web: the build was ended: superseded" });
      for (let tries = 0; (await processesWith(marker)).length > 0; tries += 1) {
        if (tries > 100) throw new Error(`left: ${(await processesWith(marker)).join("\n")}`);
        await sleep(100);
      }
      expect(await readdir(join(site.dir, "engine/builds"))).toEqual([]);
    });

  for (const name of engineNames)
    itFor(name)(`of one that was ended before: ${name} does nothing`, async () => {
      expect(await failure(name, await site.request("FROM $BASE\n"), AbortSignal.abort())).toMatchObject({
        code: "ABORTED",
        log: "",
      });
    });
});
