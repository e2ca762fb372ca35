import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAptOracle, missingApt } from "../apt/apt-oracle.ts";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { missingDocker } from "../assembly/docker-run.ts";
import { needs } from "../needs.ts";
import { noTide, readPointers, runQuickstart, runTidemill, tideConfig } from "./run-quickstart.ts";

const missing = await missingApt();
const noDocker = await missingDocker();
const execute = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-tour-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const minutes = 60_000;

describe("the quickstart on the shipped archive", () => {
  it(
    "builds, renews what a patch reaches, leaves the rest alone; and then finds nothing to do",
    { timeout: 5 * minutes },
    async () => {
      const data = join(folder, "tide");
      const args = ["--config", tideConfig, "--data", data];
      const first = await runQuickstart(args);
      expect(first).toMatchObject({ images: 3, built: 3, rebuilt: 2, unchanged: 1, held: 0, failed: 0, rolledBack: 0 });
      expect(first.cvesClosed).toBe(1);
      expect(first.secondsFixToProduction).toBeGreaterThan(0);
      expect(Object.keys(first)).toEqual(
        "images built rebuilt unchanged held failed rolledBack cvesClosed secondsFixToProduction".split(" "),
      );
      const pointers = await readPointers(data);

      const again = await runQuickstart(args);
      expect(again).toMatchObject({ built: 0, rebuilt: 0, unchanged: 3, secondsFixToProduction: null });
      expect(await readPointers(data)).toEqual(pointers);

      const replay = await runQuickstart([...args, "--replay"]);
      expect(replay).toMatchObject({ built: 3, rebuilt: 2, unchanged: 1, failed: 0, cvesClosed: 1 });
      expect(await readPointers(data)).toEqual(pointers);
    },
  );

  it("stops a broken update, and takes back one that turns out unhealthy", { timeout: 5 * minutes }, async () => {
    const data = join(folder, "failure");
    const counts = await runQuickstart(["--config", tideConfig, "--data", data, "--with-failure"]);
    expect(counts).toMatchObject({ images: 5, built: 5, rebuilt: 2, failed: 1, rolledBack: 1 });
    const history = await runTidemill(["history", "--json", "--data", data], { env: noTide });
    const { events } = JSON.parse(history.out) as {
      readonly events: readonly { kind: string; image: string; environment: string | null; from: string; to: string }[];
    };
    const beacon = events.filter(({ image }) => image === "tide-beacon");
    expect(beacon.filter(({ kind }) => kind === "promoted").map(({ environment }) => environment)).toEqual([
      "production",
      "staging",
    ]);
    const back = events.find(({ kind, image }) => kind === "rolled-back" && image === "tide-lamp");
    const there = events.find(
      ({ kind, image, environment }) => kind === "promoted" && image === "tide-lamp" && environment === "production",
    );
    expect(back).toMatchObject({ environment: "production", from: there?.to });
  });

  needs(noDocker)(
    "has Docker run, where it is there, what turns unhealthy: checked in staging, deployed, and taken back for real",
    async () => {
      const data = join(folder, "docker");
      const args = ["quickstart", "--exit", "--config", tideConfig, "--data", data, "--with-failure"];
      const ended = await runTidemill(args, { env: { DOCKER_HOST: undefined } });
      expect(ended.status, ended.err).toBe(0);
      expect(`${ended.out}${ended.err}`).toMatch(
        /tide-lamp ran in Docker and went out; \d+\.\d seconds later the one before it burned again\./,
      );
      const history = await runTidemill(["history", "--json", "--data", data], { env: noTide });
      const { events } = JSON.parse(history.out) as { readonly events: readonly { kind: string; image: string }[] };
      const lamp = events.filter(({ image }) => image === "tide-lamp").map(({ kind }) => kind);
      expect(lamp.filter((kind) => kind === "deployed")).toHaveLength(3);
      expect(lamp).toContain("rolled-back");
      const left = await execute("docker", ["ps", "--all", "--quiet", "--filter", "name=tidemill-quickstart-lamp"]);
      expect(left.stdout).toBe("");
    },
    5 * minutes,
  );

  it("says how to name a mirror where none is known", async () => {
    const config = join(folder, "no-mirror");
    const ended = await runTidemill(["quickstart", "--exit", "--config", tideConfig, "--data", config], {
      env: { TIDEMILL_TIDE_MIRROR: "http://127.0.0.1:1/nothing" },
    });
    expect(ended.status).toBe(1);
    expect(`${ended.out}${ended.err}`).toMatch(/tide\/tide/);
  });
});

describe("the quickstart on real packages", () => {
  needs(missing)(
    "rebuilds exactly what apt says that the update reaches",
    async () => {
      const data = join(folder, "debian");
      const counts = await runQuickstart(["--data", data]);
      const reached = await askApt();
      const changed = await changedByDayOne(data);
      expect(changed).toEqual(reached);
      expect(counts).toMatchObject({
        images: 7,
        built: 7,
        failed: 0,
        rebuilt: reached.length,
        unchanged: 7 - reached.length,
      });
      expect(await runQuickstart(["--data", data])).toMatchObject({ built: 0, rebuilt: 0, unchanged: 7 });
    },
    15 * minutes,
  );
});

/** The roots of each image of examples/quickstart/tidemill.yaml, its parents' among them. */
const base = ["base-files", "base-passwd", "libc6", "libc-bin", "ca-certificates", "netbase", "tzdata"];
const roots: Readonly<Record<string, readonly string[]>> = {
  base,
  curl: [...base, "curl"],
  python: [...base, "python3"],
  app: [...base, "python3"],
  git: [...base, "git"],
  nginx: [...base, "nginx"],
  busybox: ["busybox-static"],
};

/** The images for which apt installs something else once all suites are open. */
async function askApt(): Promise<string[]> {
  const mirror = findDebianMirror();
  if (mirror === undefined) throw new Error("no Debian mirror");
  const release = await createAptOracle({ mirror, suites: ["bookworm"], architecture: "amd64" });
  const all = await createAptOracle({
    mirror,
    suites: ["bookworm", "bookworm-updates", "bookworm-security"],
    architecture: "amd64",
  });
  try {
    const reached: string[] = [];
    for (const [image, names] of Object.entries(roots)) {
      const [before, after] = await Promise.all([release.install(names), all.install(names)]);
      if (JSON.stringify(before) !== JSON.stringify(after)) reached.push(image);
    }
    return reached.sort();
  } finally {
    await release.close();
    await all.close();
  }
}

/** Images whose production was moved a second time. */
async function changedByDayOne(data: string): Promise<string[]> {
  const ended = await runTidemill(["history", "--json", "--limit", "1000", "--data", data]);
  const { events } = JSON.parse(ended.out) as {
    readonly events: readonly { kind: string; image: string; environment: string | null; from: string | null }[];
  };
  return events
    .filter((one) => one.kind === "promoted" && one.environment === "production" && one.from !== null)
    .map(({ image }) => image)
    .sort();
}
