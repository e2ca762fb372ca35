import { beforeAll, describe, expect } from "vitest";
import { createDockerEngine } from "../../src/io/engine/docker-engine.ts";
import { fetchBusybox } from "../../src/io/engine/testdata/made-image.ts";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { hour, smallPackages } from "./small-fleet.ts";

const amd64 = { os: "linux", architecture: "amd64" };
const engine = createDockerEngine(`http-check-test-${process.pid}`);
const unusable = (await missingMirror()) ?? (await engine.missing());
const missing = unusable ?? ((await engine.canRun(amd64)) ? undefined : "an engine for amd64");
await engine.close();
const it = needs(missing);
const fleets = smallFleets();

let busybox: Uint8Array;
beforeAll(async () => {
  if (missing === undefined) busybox = await fetchBusybox();
});

/** The gauge as a real service: well where it has its page, and sick where that was forgotten. Its package is whole either way. */
function serving(version: string, isWell: boolean): DebSpec[] {
  const page = isWell ? "srv/healthz" : "srv/helathz";
  const entries = [
    { path: "usr/bin/busybox", content: busybox, mode: 0o755 },
    { path: page, content: `all is well in ${version}\n` },
  ];
  return smallPackages({ "small-gauge": version }).map((one) =>
    one.name === "small-gauge" ? { ...one, entries } : one,
  );
}

describe("a service that is started and asked, in Docker, before it comes into staging", () => {
  it("comes nowhere where it does not answer as is wanted, and the next that does comes into production", async () => {
    const answers = { name: "answers", http: { port: 8080, path: "/healthz", contains: "all is well" }, start: "5s" };
    const small = await fleets.create(
      {
        images: {
          "small-alone": {
            packages: ["small-gauge"],
            entrypoint: ["/usr/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"],
            checks: [answers],
          },
        },
        environments: [
          { name: "staging", requireRun: true },
          { name: "production", requireRun: true },
        ],
      },
      { DOCKER_HOST: process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock" },
    );
    await small.publish(serving("1.0-2", true));
    const { run, pointer, tag, version, fleet, operations, clock } = await fleets.open(small);
    await run(["small-alone"]);
    expect(await version("small-alone", "small-gauge")).toBe("1.0-2");
    const good = await pointer("small-alone");

    await small.publish(serving("1.0-3", false));
    clock.jump(hour);
    await run(["small-alone"]);
    for (const environment of ["staging", "production"]) {
      expect(await pointer("small-alone", environment)).toBe(good);
      expect(await tag("small-alone", environment)).toBe(good);
    }
    const [failed] = await fleet.ctx.store.loadRebuilds({ image: "small-alone" });
    const sick = failed?.candidate ?? "";
    expect(sick).not.toBe(good);
    const told = await operations.why({ image: "small-alone", digest: sick });
    expect(told.verifications).toMatchObject([{ environment: "staging", verdict: "failed" }]);
    expect(told.verifications.flatMap(({ checks }) => checks)).toContainEqual(
      expect.objectContaining({
        name: "http: answers (linux/amd64)",
        verdict: "failed",
        message: expect.stringContaining("404"),
      }),
    );
    const forced = { image: "small-alone", digest: sick, by: "ada", reason: "now" };
    for (const environment of ["staging", "production"])
      expect(await operations.promote({ ...forced, environment })).toMatchObject({ kind: "refused" });
    expect(await pointer("small-alone")).toBe(good);

    await small.publish(serving("1.0-4", true));
    clock.jump(hour);
    await run(["small-alone"]);
    expect(await version("small-alone", "small-gauge")).toBe("1.0-4");
  }, 180_000);
});
