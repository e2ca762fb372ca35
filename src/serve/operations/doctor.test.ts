import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDebianArchive, type DebianArchive } from "../../../test/fakes/debian-archive.ts";
import { makeDeb } from "../../../test/fakes/make-deb.ts";
import { makeArchiveKey, publicKeyOf } from "../../../test/fakes/make-suite.ts";
import { createPgliteDir, emptyStore } from "../../../test/fakes/stores.ts";
import { createDistro } from "../../io/distro/index.ts";
import type { RunEngine } from "../../io/engine/index.ts";
import { createFeed } from "../../io/feeds/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../../io/registry/index.ts";
import { openStore, type Store } from "../../io/store/index.ts";
import { manualClock, silentLogger, systemClock } from "../../lib/index.ts";
import { operations, type Doctor } from "../../operation/index.ts";
import { createDoctor, type DoctorDeps } from "./doctor.ts";
import { configOf, fleetText } from "./testdata/fleet.ts";

const day = 86_400_000;
const now = Date.now();
const log = silentLogger();
const engine: RunEngine = {
  name: "docker",
  missing: () => Promise.resolve(undefined),
  canRun: () => Promise.resolve(true),
  run: () => Promise.reject(new Error("unused")),
  serve: () => Promise.reject(new Error("unused")),
  sweep: () => Promise.resolve(0),
  close: () => Promise.resolve(),
};

let dir: string;
let store: Store;
let archive: DebianArchive;
let server: RegistryServer;
let client: RegistryClient;
let host: string;
const others: Server[] = [];

beforeAll(async () => {
  [dir, archive] = await Promise.all([createPgliteDir(), createDebianArchive()]);
  store = await openStore({ dir }, { clock: systemClock, log });
  const packages = [await makeDeb({ name: "curl", version: "1", packing: "gz" })];
  await archive.publish({ suite: "bookworm", date: now - 60 * day, packages });
  await archive.publish({ suite: "bookworm-security", date: now - 2 * day, validUntil: now + 5 * day, packages });
  server = await createRegistryServer({ dir: join(dir, "registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient({ retries: 0 });
  await writeFile(join(dir, "tidemill.yaml"), fleetText);
});
afterAll(async () => {
  await client.close();
  await server.close();
  await archive.close();
  await Promise.all(others.map((one) => new Promise((resolve) => one.close(resolve))));
  await store.close();
  await rm(dir, { recursive: true });
});
beforeEach(async () => {
  archive.heal();
  await emptyStore(store);
});

const deps = (more: Partial<DoctorDeps> = {}): DoctorDeps => ({
  config: configOf(fleetText),
  configPath: join(dir, "tidemill.yaml"),
  home: dir,
  clock: systemClock,
  env: {},
  store,
  place: { dir },
  distro: createDistro({ dir: join(dir, "distro"), clock: systemClock }),
  suites: new Map(),
  engine,
  evidence: undefined,
  repositoryOf: (image) => client.repository(`${host}/fleet/${image}`),
  pipelineOf: () => {
    throw new Error("no image of it is built by a pipeline");
  },
  targetOf: () => {
    throw new Error("no deployment is configured");
  },
  cacheDir: join(dir, "cache", "of", "this"),
  feeds: [],
  node: "v24.1.0",
  ...more,
});
const allSuites = (): DoctorDeps["suites"] =>
  new Map([["debian", [archive.source("bookworm"), archive.source("bookworm-security")]]]);
const doctor = async (more: Partial<DoctorDeps> = {}): Promise<Doctor> =>
  operations.doctor.output.parse(await createDoctor(deps(more))({}));
const found = async (name: string, more: Partial<DoctorDeps> = {}) => {
  const { checks } = await doctor(more);
  return checks.filter((check) => check.name === name);
};

describe("doctor", () => {
  it("names every part, and is content where each works", async () => {
    const { ok, checks } = await doctor({ suites: allSuites() });
    expect(ok).toBe(true);
    expect(checks.map(({ name, state }) => [name, state])).toEqual([
      ["node", "ok"],
      ["configuration", "ok"],
      ["state", expect.stringMatching(/ok|warning/)],
      ["lock", "ok"],
      ["cache", expect.stringMatching(/ok|warning/)],
      [`registry ${host}`, "ok"],
      ["suite debian/bookworm", "ok"],
      ["keyring of debian/bookworm", "ok"],
      ["suite debian/bookworm-security", "ok"],
      ["keyring of debian/bookworm-security", "ok"],
      ["clock", "ok"],
      ["run engine", "ok"],
      ["feeds", "warning"],
      ["audit chain", "ok"],
      ["alarms", "ok"],
      ["notifications", "ok"],
    ]);
    expect(checks.find(({ name }) => name === "suite debian/bookworm-security")?.message).toMatch(/, 2 d ago$/);
    expect(checks.filter(({ state, hint }) => (state === "ok") !== (hint === null))).toEqual([]);
  });

  it("says that a Node is too old", async () => {
    expect(await found("node", { node: "v20.19.0" })).toMatchObject([
      { state: "failed", hint: "Use Node 24 or newer." },
    ]);
  });
});

describe("the configuration", () => {
  it.each([
    ["has mistakes", fleetText.replace("curl]", "curl, 'a b']"), "failed", /:9: .*\(1 in all\)/],
    ["has changed", fleetText.replace("curl]", "curl, jq]"), "warning", /has changed/],
  ])("%s", async (_, text, state, words) => {
    const configPath = join(dir, "other.yaml");
    await writeFile(configPath, text);
    expect(await found("configuration", { configPath })).toMatchObject([
      { state, message: expect.stringMatching(words) },
    ]);
  });

  it("is gone", async () => {
    expect(await found("configuration", { configPath: join(dir, "none.yaml") })).toMatchObject([{ state: "warning" }]);
  });
});

describe("the state", () => {
  it("cannot be written where its folder is no folder", async () => {
    expect(await found("cache", { cacheDir: join(dir, "tidemill.yaml") })).toMatchObject([
      { state: "failed", message: expect.stringMatching(/cannot be written/) },
    ]);
  });

  it("is another's where the lock file says so", async () => {
    const lock = join(dir, "lock");
    const own = await readFile(lock, "utf8");
    await writeFile(
      lock,
      own.replace(`"pid":${process.pid}`, `"pid":${process.ppid}`).replace(/"started":"[^"]*",?/, ""),
    );
    try {
      expect(await found("lock")).toMatchObject([{ state: "failed" }]);
    } finally {
      await writeFile(lock, own);
    }
  });

  it("has alarms that stand, each with its hint", async () => {
    await store.saveAlarm({
      code: "x",
      subject: "debian/bookworm",
      severity: "error",
      message: "it \u001b[31mlags",
      hint: "Wait.",
    });
    await store.saveAlarm({ code: "y", subject: "disk", severity: "warning", message: "fills up" });
    expect(await found("alarm")).toEqual([
      { name: "alarm", state: "failed", message: "debian/bookworm: it \\u{1b}[31mlags", hint: "Wait." },
      { name: "alarm", state: "warning", message: "disk: fills up", hint: expect.any(String) },
    ]);
  });

  it("has notifications that nobody takes", async () => {
    const text = `${fleetText}notifications: { webhook: { url: "https://hooks.example/x", secret: hunter2 } }\n`;
    const config = configOf(text);
    const id = await store.saveNotification("alarm", {});
    expect(await found("notifications", { config })).toMatchObject([{ state: "ok", message: "1 wait for delivery" }]);
    await store.routeNotifications(10, () => [{ receiver: "webhook", notBefore: 0, about: "x" }]);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await store.leaseNotifications("webhook", 0);
      await store.saveDelivery(id, { kind: "failed", error: "answers 500", nextAttempt: 0 });
    }
    expect(await found("notifications", { config })).toMatchObject([
      { state: "warning", message: expect.stringMatching(/answers 500$/) },
    ]);
  });

  it("has an audit chain that somebody changed", async () => {
    await store.saveAudit("ada", "note", { text: "one" });
    const path = join(dir, "audit.jsonl");
    const whole = await readFile(path, "utf8");
    expect(whole).toContain('"text":"one"');
    await writeFile(path, whole.replace('"text":"one"', '"text":"two"'));
    try {
      expect(await found("audit chain")).toMatchObject([
        { state: "failed", message: expect.stringMatching(/^broken at row \d+/) },
      ]);
    } finally {
      await writeFile(path, whole);
    }
  });
});

describe("a registry", () => {
  it("does not answer", async () => {
    const repositoryOf = (image: string) => client.repository(`127.0.0.1:1/${image}`);
    expect(await found("registry 127.0.0.1:1", { repositoryOf })).toMatchObject([
      { state: "failed", hint: expect.any(String) },
    ]);
  });

  it("can be read, but not written", async () => {
    const readOnly = createServer((request, response) => {
      response.writeHead(request.method === "POST" ? 403 : request.url === "/v2/" ? 200 : 404).end();
    });
    others.push(readOnly);
    await new Promise<void>((resolve) => readOnly.listen(0, "127.0.0.1", resolve));
    const at = `127.0.0.1:${(readOnly.address() as AddressInfo).port}`;
    const repositoryOf = (image: string) => client.repository(`${at}/${image}`);
    expect(await found(`registry ${at}`, { repositoryOf })).toMatchObject([
      { state: "failed", message: expect.stringMatching(/^base can be read, but not written/) },
    ]);
  });
});

describe("a mirror", () => {
  const security = "suite debian/bookworm-security";
  let suites: DoctorDeps["suites"];
  beforeAll(() => {
    suites = allSuites();
  });

  it("does not have a suite, and the others are looked at all the same", async () => {
    archive.fail(/security/, { kind: "status", status: 404 });
    const { ok, checks } = await doctor({ suites });
    expect(ok).toBe(false);
    expect(checks.filter(({ state }) => state === "failed").map(({ name }) => name)).toEqual([security]);
  });

  it("serves what our keys do not verify", async () => {
    const keys = [publicKeyOf(await makeArchiveKey())];
    const foreign = new Map([["debian", [archive.source("bookworm", { keys })]]]);
    expect(await found("keyring of debian/bookworm", { suites: foreign })).toMatchObject([{ state: "failed" }]);
  });

  it("serves a suite that has expired", async () => {
    const clock = manualClock(now + 12 * day);
    expect(await found(security, { clock, suites })).toMatchObject([
      { state: "failed", message: expect.stringMatching(/and was valid until/) },
    ]);
  });

  it("serves security updates that have been quiet for too long", async () => {
    const quiet = new Map([["debian", [archive.source("bookworm", { security: true })]]]);
    expect(await found("suite debian/bookworm", { suites: quiet })).toMatchObject([{ state: "warning" }]);
  });

  it("never answers: the doctor does not wait for long", async () => {
    archive.fail(/InRelease/, { kind: "slow", ms: 60_000 });
    expect(await found("mirrors", { patienceMs: 300, suites })).toMatchObject([
      { state: "failed", message: "it has not answered for 0.3 s" },
    ]);
  });

  it.each([
    [10 * 60_000, "failed", /clock is (?:9 min 5\d s|10 min(?: \d s)?) ahead of a mirror's$/],
    [-60_000, "warning", /clock is (?:5\d s|1 min(?: \d s)?) behind a mirror's$/],
  ])("has another clock than this machine: %d ms", async (ahead, state, words) => {
    const clock = { ...systemClock, now: () => Date.now() + ahead };
    expect(await found("clock", { clock, suites })).toMatchObject([{ state, message: expect.stringMatching(words) }]);
  });

  it("keeps its user's password to itself", async () => {
    const mirror = archive.url.replace("http://", "http://ada:hunter2@");
    archive.fail(/InRelease/, { kind: "status", status: 401 });
    const secret = new Map([["debian", [archive.source("bookworm", { mirror })]]]);
    expect(JSON.stringify(await doctor({ suites: secret }))).not.toContain("hunter2");
  });
});

describe("parts that may be left out", () => {
  const strict = fleetText.replace("name: production", "name: production\n    requireRun: true");
  const withChecks = (text: string) =>
    configOf(text.replace("name: staging", "name: staging\n    checks: [{ name: starts, run: [x] }]"));
  const none: RunEngine = { ...engine, missing: () => Promise.resolve("no Docker engine can be reached") };
  it.each([
    ["is not missed where no check needs it", configOf(fleetText), "ok"],
    [
      "is not missed where checks run nothing of a candidate",
      configOf(fleetText.replace("name: staging", "name: staging\n    checks: [{ name: own, script: [x] }]")),
      "ok",
    ],
    ["is missed where checks need it", withChecks(fleetText), "warning"],
    ["stops everything where an environment demands it", withChecks(strict), "failed"],
  ])("an engine that %s", async (_, config, state) => {
    expect(await found("run engine", { config, engine: none })).toMatchObject([{ state }]);
    expect(await found("run engine", { config, engine: undefined })).toMatchObject([{ state }]);
  });

  it("asks each namespace of checks whether Jobs can be made there", async () => {
    const job = "{ namespace: checks, kubeconfig: checks.yaml }";
    const config = configOf(
      fleetText.replace(
        "name: staging",
        `name: staging\n    checks: [{ name: a, job: ${job} }, { name: b, job: ${job} }, { name: c, job: { namespace: none } }]`,
      ),
    );
    const asked: unknown[] = [];
    const jobs = {
      run: () => Promise.reject(new Error("not in this test")),
      sweep: () => Promise.resolve(0),
      missing: (place: { readonly namespace: string }) => {
        asked.push(place);
        return Promise.resolve(place.namespace === "none" ? "the right to create jobs is missing in none" : undefined);
      },
    };
    const { ok, checks } = await doctor({ config, jobs });
    expect(ok).toBe(false);
    expect(checks.filter(({ name }) => name.startsWith("checks in "))).toMatchObject([
      { name: "checks in checks", state: "ok" },
      { name: "checks in none", state: "failed", message: expect.stringContaining("create jobs is missing in none") },
    ]);
    expect(asked).toEqual([
      { namespace: "checks", kubeconfig: join(dir, "checks.yaml"), context: undefined },
      { namespace: "none", kubeconfig: undefined, context: undefined },
    ]);
  });

  it("a feed that was never read", async () => {
    const feed = createFeed(
      { name: "osv", kind: "osv", location: join(dir, "none.zip") },
      join(dir, "feeds"),
      systemClock,
    );
    expect(await found("feed osv", { feeds: [feed] })).toMatchObject([
      { state: "failed", message: "osv: was never read" },
    ]);
  });
});
