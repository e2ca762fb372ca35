import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { createDeployTarget, type DeployMeans, type DeployRequest, type DeployTarget } from "./index.ts";
import { loneMemory, loneWorld } from "./testdata/lone-world.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const [digest, previous] = [sha256("new"), sha256("old")];
const request: DeployRequest = {
  deployment: "shop",
  image: "web",
  environment: "production",
  id: "one",
  fence: 7,
  digest,
  reference: `registry.example/web@${digest}`,
  previous: { digest: previous, reference: `registry.example/web@${previous}` },
  kind: "forward",
  reason: "nginx 1.0 → 1.1 (CVE-1)",
};
const place = { deployment: "shop", image: "web", environment: "production" };
const means = (more: Partial<DeployMeans> = {}): DeployMeans => ({
  signal: new AbortController().signal,
  deadlineMs: 10_000,
  confirmOurs: () => Promise.resolve(),
  memory: loneMemory(),
  isOurs: () => true,
  forced: false,
  ...more,
});

interface Told {
  readonly target: DeployTarget;
  /** What its program was told last. */
  readonly told: () => Promise<Record<string, string>>;
}

/** A target whose programs are this script, in a folder of the configuration's. */
async function open(script: string, programs: readonly ("observe" | "undo")[] = ["observe"]): Promise<Told> {
  const home = await mkdtemp(join(tmpdir(), "tidemill-command-"));
  folders.push(home);
  await writeFile(join(home, "own"), `#!/bin/sh\nenv | grep '^TIDEMILL' > told\n${script}\n`);
  await chmod(join(home, "own"), 0o755);
  const named = Object.fromEntries(programs.map((name) => [name, ["./own", name]]));
  const command = { run: ["./own", "run"], ...named };
  const target = createDeployTarget({ environment: "production", deadline: 1, command }, loneWorld(home));
  const told = async () => {
    const lines = (await readFile(join(home, "told"), "utf8")).trim().split("\n");
    return Object.fromEntries(lines.map((line) => line.slice("TIDEMILL_".length).split("=", 2) as [string, string]));
  };
  return { target, told };
}

describe("a program of one's own", () => {
  it("is told what to run, on whose word, and what ran before", async () => {
    const { target, told } = await open("exit 0");
    expect(await target.apply(request, means({ forced: true }))).toEqual({ kind: "applied" });
    expect(await told()).toEqual({
      ACTION: "apply",
      DEPLOYMENT: "shop",
      IMAGE: "web",
      ENVIRONMENT: "production",
      DIGEST: digest,
      REFERENCE: `registry.example/web@${digest}`,
      PREVIOUS: previous,
      PREVIOUS_REFERENCE: `registry.example/web@${previous}`,
      ID: "one",
      FENCE: "7",
      KIND: "forward",
      REASON: "nginx 1.0 → 1.1 (CVE-1)",
      FORCED: "1",
    });
    expect(await target.undo(request, means())).toEqual({ kind: "undone" });
    // Without a program of its own, undo is to run what ran before.
    expect(await told()).toMatchObject({ ACTION: "undo", DIGEST: previous, PREVIOUS: previous, FORCED: "" });
  });

  it("that undoes is told of what failed and of what was there", async () => {
    const { target, told } = await open('test "$1" = undo', ["undo"]);
    expect(await target.undo(request, means())).toEqual({ kind: "undone" });
    expect(await told()).toMatchObject({ ACTION: "undo", DIGEST: digest, PREVIOUS: previous });
    const first = { ...request, previous: undefined };
    expect(await target.undo(first, means())).toEqual({ kind: "undone" });
    expect(await told()).toMatchObject({ ACTION: "undo", PREVIOUS: "" });
  });

  it.each([
    ["exit 1", "failed", "./own: it ended with 1"],
    ["echo first; echo 'no such host' >&2; exit 3", "failed", "./own: it ended with 3: no such host"],
    ["kill -9 $$", "failed", "./own: it was ended by a signal"],
    ["echo 'host away'; exit 69", "unreachable", "./own: it ended with 69: host away"],
    ["echo '2 of 5'; exit 75", "again", "it ended with 75: 2 of 5"],
    ["exit 77", "stale", "it ended with 77"],
    ["printf 'a\\033[31mb\\n'; exit 1", "failed", expect.not.stringContaining("\u001b")],
    ["yes x | head -c 3000000; exit 1", "failed", "./own: it ended with 1: x"],
  ])("`%s` is %s", async (script, kind, reason) => {
    expect(await (await open(script)).target.apply(request, means())).toEqual({ kind, reason });
  });

  it("that does not end in time is ended with all that it began, and has failed", async () => {
    const { target } = await open("sleep 60 & sleep 60");
    const began = Date.now();
    const applied = await target.apply(request, means({ deadlineMs: 300 }));
    expect(applied).toEqual({ kind: "failed", reason: "./own: it did not end within 300 ms" });
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it("that is not there says nothing of the image", async () => {
    const home = tmpdir();
    for (const run of [["./nonexistent"], ["a\0b"], [""]]) {
      const target = createDeployTarget({ environment: "production", deadline: 1, command: { run } }, loneWorld(home));
      expect((await target.apply(request, means())).kind).toBe("unreachable");
      expect(target.observes).toBe(false);
    }
  });

  it("is not run where the place is another's by now, and is ended when the process stops", async () => {
    const { target, told } = await open("sleep 60");
    const lost = () => Promise.reject(new Error("lost"));
    await expect(target.apply(request, means({ confirmOurs: lost }))).rejects.toThrow("lost");
    await expect(target.undo(request, means({ confirmOurs: lost }))).rejects.toThrow("lost");
    await expect(told()).rejects.toThrow();
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 200);
    await expect(target.apply(request, means({ signal: stop.signal }))).rejects.toThrow("stopped");
  });

  it.each([
    [`echo '{"digest":"${digest}"}'`, { kind: "running", digests: [digest] }],
    [
      `echo '{"digests":["${digest}","${previous}","${digest}"],"more":1}'`,
      { kind: "running", digests: [digest, previous] },
    ],
    [`echo '{"digest":null}'`, { kind: "absent" }],
    [`echo '{"digests":[]}'`, { kind: "absent" }],
    ["true", { kind: "unknown" }],
    ["echo sha256:1", { kind: "unknown" }],
    [`echo '{"digest":"latest"}'`, { kind: "unknown", reason: expect.stringContaining("latest") }],
    [`echo '[1,2]'`, { kind: "unknown" }],
    [`printf '{"digest":"%s"}' "$(yes x | head -c 200000)"`, { kind: "unknown" }],
    ["echo oh; exit 4", { kind: "unknown", reason: "it ended with 4: oh" }],
  ])("that says `%s` is understood", async (script, observed) => {
    expect(await (await open(script)).target.observe(place, new AbortController().signal)).toMatchObject(observed);
  });
});
