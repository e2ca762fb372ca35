import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckConfig } from "../../core/config/index.ts";
import type { DriftRules } from "../../core/inventory/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import type { ImageConfig } from "../../core/image/index.ts";
import type { RunEngine, RunRequest, RunResult } from "../../io/engine/index.ts";
import { createImageReader, createLayerStore, type ImageReader } from "../../io/layer/index.ts";
import { makeTar, type Member } from "../../io/layer/testdata/make-tar.ts";
import { memorySource, putImage } from "../../io/layer/testdata/memory-source.ts";
import { manualClock, type Digest } from "../../lib/index.ts";
import type { CandidateVerification } from "./types.ts";
import { verifyCandidate } from "./verify-candidate.ts";

interface Package {
  readonly name: string;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
  /** What md5sums says, where it is not the truth. */
  readonly lies?: Readonly<Record<string, string>>;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
function libc(version: string, bytes = version): Package {
  const doc = `usr/share/doc/libc6/changelog.Debian.gz`;
  return { name: "libc6", version, files: { "usr/lib/libc.so.6": `code of ${bytes}`, [doc]: `changes of ${bytes}` } };
}
function members({ name, version, files, lies }: Package): Member[] {
  const sums = Object.entries({ ...files, ...lies }).map(([path, text]) => `${md5(text)}  ${path}\n`);
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\n`;
  return [
    ...Object.entries(files).map(([path, body]) => ({ name: path, body })),
    { name: `var/lib/dpkg/status.d/${name}`, body: control },
    { name: `var/lib/dpkg/status.d/${name}.md5sums`, body: sums.join("") },
  ];
}
const app: Member[] = [
  { name: "app/run", body: "#!/bin/sh\n", mode: 0o755 },
  { name: "bin/sh", body: "sh", mode: 0o755 },
];
const config: Partial<ImageConfig> = { config: { Entrypoint: ["/app/run"] } };
const cause: Cause = {
  kind: "package",
  source: "libc6",
  to: "2.0-2",
  packages: [{ name: "libc6", architecture: "amd64", from: "2.0-1", to: "2.0-2" }],
  origin: "security",
  firstSeen: 0,
  security: true,
  advisories: [],
};

const version: CheckConfig = {
  name: "version",
  run: ["/app/run", "--version"],
  status: 0,
  output: "2.0",
  network: false,
  timeout: 60_000,
};

let folder: string;
let images: ImageReader;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "verify-"));
  images = createImageReader(createLayerStore(folder));
});
afterAll(() => rm(folder, { recursive: true }));

async function verify(
  candidate: readonly Member[][],
  options: {
    previous?: readonly Member[][];
    config?: Partial<ImageConfig>;
    engine?: RunEngine;
    causes?: Cause[];
    checks?: CheckConfig[];
    drift?: DriftRules;
  } = {},
): Promise<CandidateVerification> {
  const source = memorySource();
  const put = (tag: string, layers: readonly Member[][], settings = config): Digest => {
    const tars = layers.map((layer) => makeTar(layer));
    const ids = tars.map((tar) => `sha256:${createHash("sha256").update(tar).digest("hex")}` as const);
    return putImage(source, tag, tars, { ...settings, rootfs: { type: "layers", diff_ids: ids } });
  };
  const digest = put("candidate", candidate, options.config);
  const before = options.previous ?? [members(libc("2.0-1")), app];
  return verifyCandidate(
    {
      source,
      digest,
      causes: options.causes ?? [cause],
      previous: { source, digest: put("production", before) },
      checks: options.checks ?? (options.engine === undefined ? [] : [version]),
      drift: options.drift,
      told: { image: "web", environment: "staging", reference: `registry.example/web@${digest}` },
    },
    { images, engine: options.engine, clock: manualClock(0), home: folder },
  );
}
function failures({ checks }: CandidateVerification): string[] {
  return checks
    .filter(({ verdict }) => verdict === "failed")
    .map(({ name, messages }) => `${name}: ${messages.join("; ")}`);
}

describe("verifyCandidate", () => {
  it("passes a candidate that holds the fix and works as before", async () => {
    const result = await verify([members(libc("2.0-2")), app]);
    expect(failures(result)).toEqual([]);
    expect(result).toMatchObject({ verdict: "passed", failure: undefined });
    expect(result.platforms[0]?.changes).toEqual([
      { name: "libc6", architecture: "amd64", from: "2.0-1", to: "2.0-2" },
    ]);
  });

  it("passes a newer version than the cause asked for", async () => {
    expect((await verify([members(libc("2.0-3")), app])).verdict).toBe("passed");
  });
});

describe("a candidate whose database still lists the vulnerable version", () => {
  it("fails as fix-not-landed and names package, platform and layer", async () => {
    const result = await verify([members(libc("2.0-1")), app]);
    expect(result.failure).toBe("fix-not-landed");
    expect(failures(result)[0]).toMatch(/proof: .*linux\/amd64.*libc6.*2\.0-1.*sha256:[0-9a-f]{64}/);
  });
});

describe("a candidate whose database says fixed but whose bytes are old", () => {
  it("fails where its md5sums are those of the new version", async () => {
    const fixed = libc("2.0-2");
    const result = await verify([members({ ...libc("2.0-2", "2.0-1"), lies: fixed.files }), app]);
    expect(result.failure).toBe("fix-not-landed");
    expect(failures(result)[0]).toMatch(/bytes: libc6: usr\/lib\/libc\.so\.6 has md5/);
  });

  it("fails where its md5sums are as old as its bytes", async () => {
    const result = await verify([members(libc("2.0-2", "2.0-1")), app]);
    expect(failures(result)).toEqual(["bytes: libc6: all its 2 files are the same as those of 2.0-1"]);
  });

  it("fails where a later layer puts the old file back", async () => {
    const old: Member[] = [{ name: "usr/lib/libc.so.6", body: "code of 2.0-1" }];
    expect((await verify([members(libc("2.0-2")), app, old])).failure).toBe("fix-not-landed");
  });
});

describe("a candidate that is broken in a new way", () => {
  it.each<[string, Member[][], Partial<ImageConfig>, RegExp]>([
    [
      "its entrypoint is gone",
      [members(libc("2.0-2"))],
      config,
      /entrypoint: \/app\/run: the entrypoint is not in the image/,
    ],
    [
      "its entrypoint cannot be executed",
      [members(libc("2.0-2")), [{ name: "app/run", mode: 0o644 }, { name: "bin/sh" }]],
      config,
      /entrypoint: .*may not execute/,
    ],
    [
      "its user is missing",
      [members(libc("2.0-2")), app],
      { config: { Entrypoint: ["/app/run"], User: "web" } },
      /user: .*user web/,
    ],
    [
      "its interpreter is gone",
      [members(libc("2.0-2")), app.slice(0, 1)],
      config,
      /shebangs: app\/run: its interpreter \/bin\/sh/,
    ],
    [
      "a link leads nowhere",
      [members(libc("2.0-2")), app, [{ name: "app/x", flag: "2", link: "y" }]],
      config,
      /links: app\/x: the link to y leads nowhere/,
    ],
    [
      "a file became set-id",
      [members(libc("2.0-2")), app, [{ name: "app/x", mode: 0o4755 }]],
      config,
      /set-id: app\/x: set-id file, mode 4755/,
    ],
    [
      "a path leaves the image",
      [members(libc("2.0-2")), app, [{ name: "../x" }]],
      config,
      /layers: \.\.\/x: its path leaves the image/,
    ],
  ])("fails: %s", async (_, layers, settings, reason) => {
    const result = await verify(layers, { config: settings });
    expect(result.verdict).toBe("failed");
    expect(failures(result).join("\n")).toMatch(reason);
  });

  it("only warns of what production has as well, or the package ships", async () => {
    const broken: Member[] = [{ name: "app/x", flag: "2", link: "y" }];
    const result = await verify([members(libc("2.0-2")), app, broken], {
      previous: [members(libc("2.0-1")), app, broken],
    });
    expect(result.verdict).toBe("passed");
    expect(result.checks.find(({ name }) => name === "links")).toMatchObject({ verdict: "warned" });
  });

  it("fails where a platform that production has is missing", async () => {
    const result = await verify([members(libc("2.0-2")), app], { config: { ...config, architecture: "arm64" } });
    expect(failures(result)).toContain("platforms: production has linux/amd64, the candidate has not");
  });
});

describe("run: checks", () => {
  const engine = (result: Partial<RunResult>, more: Partial<RunEngine> = {}): RunEngine => ({
    name: "fake",
    missing: () => Promise.resolve(undefined),
    canRun: ({ architecture }) => Promise.resolve(architecture === "amd64"),
    run: (_request: RunRequest) =>
      Promise.resolve({
        end: "exited",
        status: 0,
        output: "version 2.0\n",
        stdout: "",
        stderr: "",
        truncated: false,
        ...result,
      }),
    serve: () => Promise.reject(new Error("unused")),
    sweep: () => Promise.resolve(0),
    close: () => Promise.resolve(),
    ...more,
  });
  const layers = [members(libc("2.0-2")), app];
  const check = async (used: RunEngine) =>
    (await verify(layers, { engine: used })).checks.find(({ name }) => name === "run: version");

  it.each<[string, RunEngine, string, RegExp]>([
    ["succeeds", engine({}), "passed", /^$/],
    ["fails", engine({ status: 3, output: "boom" }), "failed", /status 3, not 0.*boom/],
    ["hangs", engine({ end: "timeout" }), "failed", /did not end within/],
    ["eats memory", engine({ end: "out-of-memory" }), "failed", /more memory/],
    ["says something else", engine({ output: "version 1.9" }), "failed", /does not contain "2\.0"/],
    ["breaks the engine", engine({}, { run: () => Promise.reject(new Error("no space left")) }), "failed", /no space/],
    ["has no engine", engine({}, { missing: () => Promise.resolve("no Docker") }), "not_run", /no Docker/],
    [
      "has the wrong machine",
      engine({}, { canRun: () => Promise.resolve(false) }),
      "not_run",
      /cannot run linux\/amd64/,
    ],
  ])("one that %s is told as such", async (_, used, verdict, reason) => {
    const result = await check(used);
    expect(result?.verdict).toBe(verdict);
    expect(result?.messages.join(" ")).toMatch(reason);
  });
});

describe("what the configuration asks for", () => {
  const layers = [members(libc("2.0-2")), app];
  const asked = async (...checks: CheckConfig[]) =>
    (await verify(layers, { checks })).checks.filter(({ name }) => name.includes(": "));
  const script = (name: string, text: string, more: { timeout?: number; retries?: number } = {}): CheckConfig => ({
    name,
    script: ["sh", "-c", text],
    timeout: more.timeout ?? 10_000,
    ...(more.retries === undefined ? {} : { retries: { count: more.retries, pause: 1 } }),
  });
  const files = { files: [{ path: "/app/run", exists: true, mode: "0755", owner: "0:0" }], env: {}, labels: {} };

  it("is answered in its order, though the first takes longest", async () => {
    const results = await asked(
      script("slow", "sleep 0.3"),
      { name: "layout", structure: { ...files, entrypoint: ["/app/run"] } },
      { name: "wrong", structure: { ...files, user: "app" } },
      version,
      script("fails", "echo first; echo second >&2; exit 3"),
    );
    expect(results.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
      "script: slow passed",
      "structure: layout passed",
      "structure: wrong failed",
      "run: version not_run",
      "script: fails failed",
    ]);
    expect(results[2]?.messages).toEqual(['user is "", not "app"']);
    expect(results[4]?.messages[0]).toBe("it ended with 3, not 0");
    expect(results[4]?.messages.slice(1).sort()).toEqual(["first", "second"]);
  });

  it("tells a program of the candidate, and nothing else of ours", async () => {
    process.env["TIDEMILL_SECRET_CANARY"] = "hush";
    const results = await asked(script("told", "env | grep TIDEMILL_ | sort; exit 1"));
    delete process.env["TIDEMILL_SECRET_CANARY"];
    const [, ...told] = results[0]?.messages ?? [];
    const digest = /@(sha256:[0-9a-f]{64})$/.exec(told[4] ?? "")?.[1];
    expect(told).toEqual([
      `TIDEMILL_DIGEST=${digest}`,
      "TIDEMILL_ENVIRONMENT=staging",
      "TIDEMILL_IMAGE=web",
      "TIDEMILL_PLATFORM=linux/amd64",
      `TIDEMILL_REFERENCE=registry.example/web@${digest}`,
    ]);
  });

  it("ends a program that is late, and makes what it said printable", async () => {
    const results = await asked(script("late", "printf '\\033[31mred\\n'; sleep 30", { timeout: 300 }));
    expect(results[0]).toMatchObject({ verdict: "failed" });
    expect(results[0]?.messages[0]).toBe("it did not end within 300 ms");
    expect(JSON.stringify(results)).not.toContain("\\u001b");
  });

  it("is tried again as often as it may be, and warns where it passed only then", async () => {
    const mark = join(folder, "tried");
    const second = `test -e ${mark} || { touch ${mark}; echo not yet; exit 1; }`;
    expect((await asked(script("again", second, { retries: 1 })))[0]).toMatchObject({
      verdict: "warned",
      messages: ["it passed at try 2; at the first: it ended with 1, not 0"],
    });
    const count = join(folder, "count");
    expect((await asked(script("never", `echo x >> ${count}; exit 1`, { retries: 2 })))[0]?.verdict).toBe("failed");
    expect(await readFile(count, "utf8")).toBe("x\nx\nx\n");
  });
});

describe("a drift gate", () => {
  it("keeps out what differs in more than it allows, and is silent where nobody asks", async () => {
    const drift = { removed: "warn", added: "allow", downgraded: "allow", setuid: "allow" } as const;
    const more = { user: "allow", entrypoint: "allow", ports: "allow", size: "refuse", growth: 5 } as const;
    const layers = [members(libc("2.0-2")), app];
    const grown = [...layers, [{ name: "app/data", body: "x".repeat(5000) }]];
    const said = async (candidate: Member[][], asks: boolean) =>
      (await verify(candidate, asks ? { drift: { ...drift, ...more } } : {})).checks
        .filter(({ name }) => name === "drift")
        .map(({ verdict }) => verdict);
    expect(await said(layers, true)).toEqual(["passed"]);
    expect(await said(grown, true)).toEqual(["failed"]);
    expect(await said(grown, false)).toEqual([]);
  });
});
