import { describe, expect, it } from "vitest";
import type { AppApi, AppOptions, Operations, RunningQuickstart } from "../operation/index.ts";
import { AppError } from "../lib/index.ts";
import { OperationError } from "../operation/index.ts";
import { hostileStatus, sampleDigest, sampleStatus } from "../operation/testdata/status.ts";
import { commands } from "./commands.ts";
import { parseCommandLine, type CommandContext, type Outcome } from "./index.ts";
import { fakeScreen } from "./testdata/fake-screen.ts";

const digest = sampleDigest("3f2a9c01b2de");
const older = sampleDigest("77aa10cc2b19");
const stopped = AbortSignal.abort();

interface Ended {
  readonly text: string;
  readonly json: unknown;
  readonly outcome: Outcome;
  readonly asked: readonly unknown[];
  readonly options: readonly AppOptions[];
  readonly closed: number;
}

/** What main.ts does with a command line, over operations that answer `answers`; where `withoutFleet` is given there is no fleet to connect with. */
async function execute(
  line: string,
  answers: { readonly [N in keyof Operations]?: unknown },
  withoutFleet?: Error,
): Promise<Ended> {
  const screen = fakeScreen();
  const asked: unknown[] = [];
  const options: AppOptions[] = [];
  let closed = 0;
  const operations = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      (input: unknown) => {
        asked.push(input);
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    ]),
  ) as unknown as Operations;
  const app = {
    connectApp: (given: AppOptions) => {
      options.push(given);
      if (withoutFleet !== undefined && given.stateless !== true) return Promise.reject(withoutFleet);
      return Promise.resolve({
        operations,
        close: () => {
          closed += 1;
          return Promise.resolve();
        },
      });
    },
  } as unknown as AppApi;
  const parsed = await parseCommandLine(line.split(" "), "0.0.0", screen);
  if (parsed === undefined) throw new Error("only help was asked for");
  const context: CommandContext = {
    screen,
    json: parsed.json,
    options: parsed.options,
    load: () => Promise.resolve(app),
    stop: stopped,
    person: () => "ada",
  };
  const output = await parsed.command.run(context, parsed.asked);
  const json = parsed.command.json?.(output) ?? output;
  const text = parsed.command.print(output, screen);
  return { text, json, outcome: parsed.command.outcome?.(output) ?? "ok", asked, options, closed };
}

describe("diff", () => {
  const side = { reference: "a", digest, platform: "linux/amd64", packages: 3, bytes: 100 };
  const counts = { vex: null, open: true };
  const aside = {
    id: "GHSA-3",
    type: "npm",
    package: "left",
    version: "1.0.0",
    severity: "low",
    exploited: false,
    open: false,
    vex: { status: "not_affected", by: "ann", reason: "component_not_present: no" },
  };
  const answer = {
    a: side,
    b: { ...side, reference: "b" },
    packages: [
      { type: "deb", name: "curl", architecture: "amd64", from: "1", to: "2", path: null },
      {
        type: "npm",
        name: "left",
        architecture: "",
        from: null,
        to: "1.0.0",
        path: "app/node_modules/left/package.json",
      },
    ],
    advisories: {
      state: "unknown",
      reasons: ["no feed"],
      closed: [
        {
          id: "CVE-1",
          type: "deb",
          package: "curl",
          version: "1",
          severity: "high",
          exploited: true,
          vex: null,
          open: true,
        },
      ],
      brought: [
        { id: "GHSA-2", type: "npm", package: "left", version: "1.0.0", severity: "low", exploited: false, ...counts },
        aside,
      ],
      remain: 3,
      settled: [],
    },
    layers: [],
    layersShared: 1,
    config: [],
    files: null,
  };

  it("shows what advisories go and come, and never calls clean what is not known", async () => {
    const { text } = await execute("diff a b", { diff: answer });
    expect(text).toMatch(/unknown: no feed\n3 vulnerabilities in both/);
    expect(text).toMatch(/closed +CVE-1 +high, exploited +deb +curl +1/);
    expect(text).toMatch(/brought +GHSA-2 +low +npm +left +1\.0\.0/);
    expect(text).toMatch(/3 vulnerabilities in both; 1 set aside by VEX/);
    expect(text).toMatch(/brought +GHSA-3 +low +npm +left +1\.0\.0 +not affected by ann: component_not_present: no/);
    const markdown = await execute("diff a b --markdown", { diff: answer });
    expect(markdown.text).toContain("**1 vulnerabilities closed, 1 brought, 3 in both, 1 set aside by VEX.**");
    expect(markdown.text).toContain("| `npm` | `left` | new | `1.0.0` |");
    expect((await execute("diff a b --markdown --json", { diff: answer })).json).toEqual(answer);
  });

  it("shows packages of every kind, each with its architecture or its place", async () => {
    const { text, options } = await execute("diff a b", { diff: answer });
    expect(options).toEqual([{}]);
    expect(text).toMatch(/deb +curl +amd64 +1 +2/);
    expect(text).toMatch(/npm +left +app\/node_modules\/left\/package\.json +\(new\) +1\.0\.0/);
  });

  it("needs a configuration for names of the fleet alone, and the one that is named must be there", async () => {
    const missing = new AppError("CONFIG_MISSING", "there is none");
    const { options } = await execute("diff a b", { diff: answer }, missing);
    expect(options).toEqual([{}, { stateless: true }]);
    await expect(execute("diff a b -c there.yaml", { diff: answer }, missing)).rejects.toBe(missing);
  });
});

describe("every command", () => {
  it.each(Object.keys(commands))("%s has help with an example of its own", async (name) => {
    const screen = fakeScreen();
    await expect(parseCommandLine([name, "--help"], "0.0.0", screen)).resolves.toBeUndefined();
    expect(screen.outText()).toMatch(new RegExp(`^Usage: tidemill ${name} `));
    expect(screen.outText()).toContain("Examples:");
    const command = await commands[name]?.load();
    expect(command?.usage.split(" ")[0]).toBe(name);
    expect(command?.examples.length).toBeGreaterThan(0);
  });

  it.each([
    ["stats", "Did you mean status?"],
    ["why", "missing required argument"],
    ["plan --now", "unknown option '--now'"],
    ["status web api", "too many arguments"],
  ])("`%s` is not understood, and says so", async (line, words) => {
    const screen = fakeScreen();
    await expect(parseCommandLine(line.split(" "), "0.0.0", screen)).rejects.toMatchObject({ exitCode: 1 });
    expect(screen.errText()).toContain(words);
  });

  it("takes --json, --config and --data before and after its name", async () => {
    for (const line of ["-c a.yaml --data d --json status web", "status web --config a.yaml -d d --json"]) {
      const parsed = await parseCommandLine(line.split(" "), "0.0.0", fakeScreen());
      expect(parsed).toMatchObject({ json: true, options: { config: "a.yaml", data: "d" } });
      expect(parsed?.asked.optional("image")).toBe("web");
    }
  });

  it("lists all commands without loading any", async () => {
    const screen = fakeScreen();
    await parseCommandLine(["--help"], "0.0.0", screen);
    for (const name of Object.keys(commands)) expect(screen.outText()).toContain(`\n  ${name} `);
  });
});

describe("status", () => {
  it("shows the fleet, alarms first", async () => {
    const { text, asked, closed, json } = await execute("status", { status: sampleStatus });
    expect(text.indexOf("Alarms")).toBeLessThan(text.indexOf("Images"));
    expect(text).toContain("unknown: no feed");
    expect(text).toMatch(
      /^worst exposure CVE-2026-1122 \(critical, exploited\) in python, production, for 3 d, missed the deadline 2026-11-22 .* \(own: critical\)$/m,
    );
    expect(text).toMatch(/python +production +shop +77aa10cc2b19 +2 d/);
    expect(text).toMatch(/python +production +mall +77aa10cc2b19\? +.*the system is away/);
    expect(text).toMatch(
      /python +3f2a9c01b2de +77aa10cc2b19 +2 d +rebuilding +exposed to CVE-2026-1122, CVE-2026-1123 and 2 more/,
    );
    expect(asked).toEqual([{}]);
    expect(closed).toBe(1);
    expect(json).toBe(sampleStatus);
  });

  it("lets no name steer the terminal", async () => {
    const { text } = await execute("status", { status: hostileStatus() });
    // eslint-disable-next-line no-control-regex
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it("closes the connection when it fails", async () => {
    await expect(execute("status", { status: new OperationError("BUSY", "later") })).rejects.toMatchObject({
      code: "BUSY",
    });
  });
});

describe("what a person decides", () => {
  it.each([
    [
      "promote web@3f2a9c production -r x",
      "promote",
      { image: "web", digest: "3f2a9c", environment: "production", by: "ada", reason: "x" },
    ],
    [
      "deploy web production --dry-run",
      "deploy",
      { image: "web", environment: "production", dryRun: true, by: "ada", reason: "no reason given" },
    ],
    ["rollback web", "rollback", { image: "web", by: "ada", reason: "no reason given" }],
    [
      "rollback web staging",
      "rollback",
      { image: "web", environment: "staging", by: "ada", reason: "no reason given" },
    ],
    ["rebuild web --reason drill", "rebuild", { image: "web", by: "ada", reason: "drill" }],
    ["rebuild web --with-held", "rebuild", { image: "web", withHeld: true, by: "ada", reason: "no reason given" }],
  ] as const)("`%s` asks exactly that; a refusal is its own outcome", async (line, operation, input) => {
    const { asked, text, outcome } = await execute(line, {
      [operation]: { kind: "refused", reasons: ["it is quarantined"] },
    });
    expect(asked).toEqual([input]);
    expect(text).toContain("it is quarantined");
    expect(outcome).toBe("refused");
  });

  it("says what a rebuild leaves out", async () => {
    const kept = ["openssl 3.0.12-1 is held back; it waits for a newer one"];
    const { text } = await execute("rebuild web", {
      rebuild: { kind: "queued", image: "web", rebuild: "r1", joined: false, kept },
    });
    expect(text).toMatch(/rebuild r1 is queued\n {2}without openssl 3\.0\.12-1 is held back/);
  });

  it("says what a rollback opens again", async () => {
    const answer = {
      kind: "rolled-back",
      image: "web",
      environment: "production",
      from: digest,
      to: older,
      reopened: ["CVE-1"],
    };
    const { text, outcome } = await execute("rollback web", { rollback: answer });
    expect(text).toContain("3f2a9c01b2de → 77aa10cc2b19");
    expect(text).toContain("open again: CVE-1");
    expect(outcome).toBe("ok");
  });

  it.each(["hold", "resume"])("%s of everything has to be said", async (line) => {
    await expect(execute(line, {})).rejects.toMatchObject({ code: "BAD_USAGE" });
  });

  it("holds until a moment that is still to come", async () => {
    const hold = {
      id: "1",
      image: "web",
      environment: null,
      setBy: "person",
      by: "ada",
      reason: "r",
      since: sampleStatus.at,
      until: null,
    };
    const { asked } = await execute("hold web --until 2999-01-01", { hold: { hold } });
    expect(asked).toEqual([{ image: "web", until: "2999-01-01T00:00:00.000Z", by: "ada", reason: "no reason given" }]);
    for (const until of ["2001-01-01", "soon", "-2h", "0m"]) {
      await expect(execute(`hold web --until=${until}`, {})).rejects.toMatchObject({ code: "BAD_USAGE" });
    }
  });

  it.each(["why @", "why web@", "why web@a@b"])("`%s` names no image", async (line) => {
    await expect(execute(line, {})).rejects.toMatchObject({ code: "BAD_USAGE" });
  });
});

describe("run", () => {
  const counts = { images: 2, built: 0, rebuilt: 1, unchanged: 1, held: 0, failed: 0, rolledBack: 0 };
  const answer = { startedAt: sampleStatus.at, seconds: 4.2, ...counts, rebuilds: [], alarms: [] };

  it("ends as failed where something failed or an alarm stands", async () => {
    expect(await execute("run web api", { run: answer })).toMatchObject({
      outcome: "ok",
      asked: [{ images: ["web", "api"] }],
    });
    expect(await execute("run", { run: { ...answer, failed: 1 } })).toMatchObject({ outcome: "failed" });
    const alarm = { code: "INDEX_EXPIRED", subject: "trixie", message: "too old", hint: "another mirror" };
    const { outcome, text } = await execute("run", { run: { ...answer, alarms: [alarm] } });
    expect(outcome).toBe("failed");
    expect(text).toContain("trixie: too old");
  });
});

describe("doctor", () => {
  it("names a directory that cannot be opened as what is wrong", async () => {
    const { text, outcome } = await execute("doctor", {
      doctor: new OperationError("BUSY", "no lock", { hint: "wait" }),
    });
    expect(outcome).toBe("failed");
    expect(text).toContain("no lock");
    expect(text).toContain("wait");
  });
});

describe("check and validate", () => {
  it("need no fleet", async () => {
    const answer = {
      reference: "web:1",
      digest,
      advisories: { state: "unknown", reason: "no feed", asOf: null },
      platforms: [
        {
          platform: "linux/amd64",
          os: null,
          status: "unknown",
          problems: ["status.d/x is cut off"],
          packages: 3,
          updates: [],
        },
      ],
      suites: [],
      remedy: "nothing to cure",
    };
    const { options, text } = await execute("check web:1", { check: answer });
    expect(options).toEqual([{ stateless: true }]);
    expect(text).toContain("not known, not clean");
    await expect(execute("validate /nowhere.yaml", {})).rejects.toMatchObject({ code: "BAD_USAGE" });
  });
});

describe("rebase", () => {
  const rebased = {
    kind: "rebased",
    image: "r.example/app:1",
    from: older,
    oldBase: older,
    base: digest,
    digest,
    written: null,
    platforms: [
      {
        platform: "linux/amd64",
        digest,
        layers: { base: 6, application: 2, mergeBytes: 36_000 },
        treatments: [{ path: "var/lib/dpkg/status", action: "merged", reason: "package by package" }],
        packages: [{ name: "openssl", architecture: "amd64", from: "3.0.20-1", to: "3.0.22-1" }],
      },
    ],
    bytes: 116_000_000,
    bytesUploaded: 0,
  };

  it("needs no configuration, and shows what is taken and merged", async () => {
    const line = "rebase r.example/app:1 --onto r.example/base:2 --old-base r.example/base:1 --dry-run";
    const { asked, options, text, outcome } = await execute(line, { rebase: rebased });
    const image = "r.example/app:1";
    expect(asked).toEqual([{ image, onto: "r.example/base:2", oldBase: "r.example/base:1", dryRun: true }]);
    expect(options).toEqual([{ stateless: true }]);
    expect(outcome).toBe("ok");
    expect(text).toContain("a dry run");
    expect(text).toMatch(/openssl +amd64 +3.0.20-1 +3.0.22-1/);
    expect(text).toMatch(/var\/lib\/dpkg\/status +merged/);
    await expect(execute("rebase r.example/app:1", {})).rejects.toMatchObject({ code: "BAD_USAGE" });
  });

  it("shows each reason of a refusal, harmlessly, and is its own outcome", async () => {
    const reason = { platform: "linux/amd64", path: "etc/x", package: null, library: null };
    const reasons = [
      { ...reason, code: "overwrites", message: "etc/x\u001b[31m" },
      { ...reason, code: "library", message: "srv/app needs libx.so.1" },
    ];
    const answer = { kind: "refused", image: "a", from: digest, reasons };
    const { text, outcome } = await execute("rebase a --onto b", { rebase: answer });
    expect(text).toContain("\\u{1b}");
    expect(text).toContain("libx.so.1");
    expect(outcome).toBe("refused");
    const same = await execute("rebase a --onto b", { rebase: { kind: "unchanged", image: "a", digest, base: older } });
    expect(same.text).toContain("already");
  });
});

describe("quickstart", () => {
  const counts = {
    images: 2,
    built: 2,
    rebuilt: 1,
    unchanged: 1,
    held: 0,
    failed: 0,
    rolledBack: 0,
    cvesClosed: 1,
    secondsFixToProduction: 6.1,
  };
  const change = { name: "libssl3", architecture: "amd64", from: "3.0.16-1", to: "3.0.17-1" };
  const result = {
    counts,
    rows: [
      {
        image: "curl",
        from: older,
        to: digest,
        outcome: "rebuilt",
        reason: "openssl",
        packages: [change, { ...change, name: "openssl" }],
        advisories: [{ id: "CVE-2026-1122", source: "changelog" }],
        secondsFixToProduction: 6.1,
      },
      {
        image: "busybox",
        from: older,
        to: older,
        outcome: "unchanged",
        reason: "holds none of the updated packages",
        packages: [],
        advisories: [],
        secondsFixToProduction: null,
      },
    ],
    notes: [],
    alarms: [],
    bytesUploaded: 4_100_000,
    bytesFullRebuild: 212_000_000,
    seconds: { day0: 31, day1: 6.1 },
    pullReference: "127.0.0.1:5000/curl:production",
    explainImage: "curl",
    statusPage: "http://127.0.0.1:4000/",
    broken: [],
  };

  async function tour(line: string, broken: readonly string[] = []) {
    const screen = fakeScreen();
    let closed = 0;
    const running = {
      result: { ...result, broken },
      statusPage: result.statusPage,
      registry: "127.0.0.1:5000",
      stopped: new Promise(() => undefined),
      close: () => {
        closed += 1;
        return Promise.resolve();
      },
    } as unknown as RunningQuickstart;
    const parsed = await parseCommandLine(line.split(" "), "0.0.0", screen);
    const started: unknown[] = [];
    const context: CommandContext = {
      screen,
      json: parsed?.json === true,
      options: {},
      load: () =>
        Promise.resolve({
          startQuickstart: (options: unknown) => {
            started.push(options);
            return Promise.resolve(running);
          },
        } as unknown as AppApi),
      stop: stopped,
      person: () => "ada",
    };
    const command = parsed!.command;
    const output = await command.run(context, parsed!.asked);
    const text = command.print(output, screen);
    await command.after?.(output, context, parsed!.asked);
    return { text, json: command.json?.(output), outcome: command.outcome?.(output), closed, started, screen };
  }

  it("prints the table, what was not touched, the bytes, and what to copy", async () => {
    const { text, closed } = await tour("quickstart --exit");
    expect(text).toMatch(
      /curl +77aa10cc2b19 +3f2a9c01b2de +libssl3, openssl 3\.0\.16-1 → 3\.0\.17-1 +CVE-2026-1122 +6\.1 s/,
    );
    expect(text).toMatch(/busybox +77aa10cc2b19 +holds none of the updated packages/);
    expect(text).toContain("uploaded 4.1 MB where a full rebuild would have sent 212 MB (1.9 %)");
    expect(text).toContain("tidemill why curl");
    expect(closed).toBe(1);
  });

  it("names what the server answers where it goes on, and where to go on from where it does not", async () => {
    const answered = ["docker pull 127.0.0.1:5000/curl:production", "http://127.0.0.1:4000/"];
    const [stays, ended] = [await tour("quickstart"), await tour("quickstart --exit")];
    for (const line of answered) {
      expect(stays.text).toContain(line);
      expect(ended.text).not.toContain(line);
    }
    expect(stays.text).toContain("tidemill why curl");
    expect(ended.text).toMatch(/npm start +goes on from here/);
  });

  it("prints exactly the counts as JSON, and nothing else on standard output", async () => {
    const { json, screen, started } = await tour("quickstart --json --replay --with-failure");
    expect(json).toEqual(counts);
    expect(screen.outText()).toBe("");
    expect(started).toMatchObject([{ replay: true, withFailure: true }]);
  });

  it("fails where a promise was not kept, and says which", async () => {
    const { outcome, text } = await tour("quickstart --exit", ["busybox was rebuilt"]);
    expect(outcome).toBe("failed");
    expect(text).toContain("busybox was rebuilt");
  });
});
