import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { collectFacts, type ExposedFinding, type ExposureHistory, type PlacedDigest } from "./collect-facts.ts";
import { deriveLives } from "./derive-lives.ts";
import { exposedFor, fixToProduction, windowBetween } from "./windows.ts";

const hour = 3_600_000;
const old = sha256("old");
const cured = sha256("cured");

const finding = (more: Partial<ExposedFinding> = {}): ExposedFinding => ({
  advisory: "CVE-2026-1",
  package: "openssl",
  inventories: ["vulnerable"],
  firstSeen: 20 * hour,
  fixedSince: 24 * hour,
  endedAt: undefined,
  endKind: undefined,
  published: 12 * hour,
  severity: "high",
  aliases: [],
  ...more,
});

const placed = (turn: number, digest: typeof old, from: number, to?: number): PlacedDigest => ({
  turn,
  promotion: `p${turn}`,
  digest,
  since: from * hour,
  until: to === undefined ? undefined : to * hour,
  inventories: [digest === cured ? "clean" : "vulnerable"],
  running: undefined,
});

const history = (placements: readonly PlacedDigest[], more: Partial<ExposureHistory> = {}): ExposureHistory => ({
  placements,
  findings: [finding()],
  known: new Set(["vulnerable", "clean"]),
  digests: [
    {
      digest: cured,
      rebuild: "r1",
      builtAt: 25 * hour,
      verifiedAt: 26 * hour,
      inventories: ["clean"],
      isCandidate: placements.every(({ digest }) => digest !== cured),
    },
  ],
  retiredAt: undefined,
  remembered: [],
  settled: () => undefined,
  ...more,
});

const livesOf = (given: ExposureHistory) => deriveLives(collectFacts(given)[0]?.facts ?? []);
const times = (given: ExposureHistory) =>
  livesOf(given).map(({ clock, end }) => [
    end ?? "open",
    ...Object.entries(clock).map(([kind, { at }]) => `${kind} ${at / hour}`),
  ]);

describe("an exposure", () => {
  it("has every milestone with its source, once the environment names a digest without it", () => {
    const [life, ...more] = livesOf(history([placed(1, old, 1, 30), placed(2, cured, 30)]));
    expect(more).toEqual([]);
    expect(life).toMatchObject({
      life: 1,
      end: "promoted",
      digest: cured,
      clock: {
        published: { at: 12 * hour, source: "CVE-2026-1" },
        "fix-available": { at: 24 * hour },
        detected: { at: 20 * hour, source: "match" },
        built: { at: 25 * hour, source: "rebuild r1" },
        verified: { at: 26 * hour, source: "verification" },
        promoted: { at: 30 * hour, source: "promotion p2" },
        closed: { at: 30 * hour, source: "promotion p2" },
      },
    });
    expect(life?.clock.deployed).toBeUndefined();
  });

  it("is open while what is built is on its way, and says how far it is", () => {
    expect(times(history([placed(1, old, 1)]))).toEqual([
      ["open", "published 12", "fix-available 24", "detected 20", "built 25", "verified 26"],
    ]);
  });

  it("is closed by what is seen to run, not by what the environment names", () => {
    const named = (running: PlacedDigest["running"]) =>
      history([placed(1, old, 1, 30), { ...placed(2, cured, 30), running }]);
    const waits = named({ kind: "waits", reason: "shop: it is not deployed yet" });
    expect(times(waits)[0]?.slice(-1)).toEqual(["promoted 30"]);
    expect(livesOf(waits)).toMatchObject([{ end: undefined, digest: cured }]);
    expect(livesOf(named({ kind: "seen", at: 33 * hour, source: "deployment shop" }))).toMatchObject([
      { end: "deployed", clock: { deployed: { at: 33 * hour }, closed: { at: 33 * hour } } },
    ]);
  });

  it("is not closed by a digest that could not be read", () => {
    const given = history([placed(1, old, 1, 30), placed(2, cured, 30)], { known: new Set(["vulnerable"]) });
    expect(livesOf(given)).toMatchObject([{ end: undefined }]);
    const bare = [placed(1, old, 1, 30), { ...placed(2, cured, 30), inventories: [] }];
    expect(livesOf(history(bare))).toMatchObject([{ end: undefined }]);
  });

  it("is opened again by a rollback, and each life has its own end", () => {
    const given = history([
      placed(1, old, 1, 30),
      placed(2, cured, 30, 40),
      placed(3, old, 40, 50),
      placed(4, cured, 50),
    ]);
    expect(
      livesOf(given).map(({ life, clock, end }) => [life, clock.detected.at / hour, clock.closed!.at / hour, end]),
    ).toEqual([
      [1, 20, 30, "promoted"],
      [2, 40, 50, "promoted"],
    ]);
    // The second life's clock begins when it came back, not when there was a fix.
    expect(livesOf(given).map((life) => fixToProduction(life, 60 * hour).ms)).toEqual([6 * hour, 10 * hour]);
  });

  it("is ended by a withdrawal once no package has it, and comes back with the advisory", () => {
    const findings = [
      finding({ endedAt: 22 * hour, endKind: "withdrawn" }),
      finding({ package: "libssl3", endedAt: 23 * hour, endKind: "changed" }),
      finding({ firstSeen: 28 * hour }),
    ];
    expect(times(history([placed(1, old, 1)], { findings, digests: [] }))).toEqual([
      ["changed", "published 12", "fix-available 24", "detected 20", "closed 23"],
      ["open", "published 12", "fix-available 24", "detected 28"],
    ]);
  });

  it("is ended by a person's word only where that covers every package, and by retirement", () => {
    const findings = [finding(), finding({ package: "libssl3" })];
    const said = (names: readonly string[]) =>
      history([placed(1, old, 1)], {
        findings,
        settled: (_, name) => (names.includes(name) ? 35 * hour : undefined),
      });
    expect(livesOf(said(["openssl"]))[0]?.end).toBeUndefined();
    expect(livesOf(said(["openssl", "libssl3"]))[0]).toMatchObject({
      end: "vex",
      clock: { closed: { at: 35 * hour } },
    });
    expect(livesOf(history([placed(1, old, 1)], { retiredAt: 44 * hour }))[0]).toMatchObject({ end: "retired" });
  });

  it("begins when the environment gets it, where it was known before", () => {
    const given = history([placed(1, old, 30)], {
      findings: [finding({ firstSeen: 2 * hour, fixedSince: undefined })],
    });
    expect(livesOf(given)[0]?.clock.detected.at).toBe(30 * hour);
    expect(fixToProduction(livesOf(given)[0]!, 40 * hour)).toEqual({ kind: "unknown", ms: null });
    expect(exposedFor(livesOf(given)[0]!, 40 * hour)).toEqual({ kind: "running", ms: 10 * hour });
  });
});

describe("a window", () => {
  it("is ahead, and nothing, where a fix was there before its advisory", () => {
    const given = history([placed(1, old, 1, 30), placed(2, cured, 30)], {
      findings: [finding({ fixedSince: 6 * hour })],
    });
    expect(windowBetween(livesOf(given)[0]!, "published", "fix-available", 0)).toEqual({ kind: "ahead", ms: 0 });
  });

  it("is nobody's guess where the clock was set back by a day between detection and deployment", () => {
    const given = history([placed(1, old, 1, 6), placed(2, cured, 6)], {
      findings: [finding({ firstSeen: 30 * hour })],
    });
    expect(livesOf(given)).toEqual([]);
    const jumped = history([placed(1, old, 29, 6), placed(2, cured, 6)], {
      findings: [finding({ firstSeen: 30 * hour })],
    });
    const [life] = livesOf(jumped);
    expect(life?.end).toBe("promoted");
    expect(exposedFor(life!, 50 * hour)).toEqual({ kind: "skewed", ms: null });
    expect(fixToProduction(life!, 50 * hour)).toEqual({ kind: "skewed", ms: null });
  });

  it("does not see a change to summer time: it counts what passed, not what clocks on the wall show", () => {
    const before = Date.parse("2026-03-29T01:30:00+01:00");
    const after = Date.parse("2026-03-29T03:30:00+02:00");
    const given = history([
      { ...placed(1, old, 0), since: before, until: after },
      { ...placed(2, cured, 0), since: after, until: undefined },
    ]);
    expect(exposedFor(livesOf(given)[0]!, after)).toEqual({ kind: "measured", ms: hour });
  });
});
