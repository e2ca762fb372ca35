import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig, type ProbeConfig } from "../../core/config/index.ts";
import type { Soak } from "../../io/store/index.ts";
import { countAnswer } from "./count-answer.ts";
import { readSoakDetail } from "./soak.ts";

const start = 1_767_000_000_000;

function probesOf(...texts: string[]): readonly ProbeConfig[] {
  const parsed = parseConfig(
    `version: 1
upstreams: { debian: { kind: debian, codename: bookworm } }
environments: [{ name: production, soak: 1h, probes: [${texts.join(", ")}] }]
images: { web: { recipe: packages, upstream: debian, packages: [nginx] } }`,
    {},
  );
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  return parsed.config.environments[0]?.probes ?? [];
}

const [home, port] = probesOf(
  "{ name: home, tcp: 'a:1', every: 10s, failures: 2 }",
  "{ name: port, tcp: 'a:2', every: 10s, failures: 2 }",
) as [ProbeConfig, ProbeConfig];
const alone = { owner: "one", isAlone: true };

/** Answers one after the other, each so many milliseconds after the one before it. */
function count(
  answers: readonly {
    readonly probe?: ProbeConfig;
    readonly passed: boolean;
    readonly after: number;
    readonly set?: number;
  }[],
  probes: readonly ProbeConfig[] = [home],
): { readonly stoodMs: number; readonly row: Soak | undefined } {
  let row: Soak | undefined;
  let [steady, wrong] = [0, 0];
  for (const { probe = home, passed, after, set = 0 } of answers) {
    steady += after;
    wrong += set;
    const look = { at: start + steady + wrong, steady: { start: "one", ms: steady } };
    const next = countAnswer(row, { probe, passed, reason: passed ? "" : "sick", ms: 5, look }, probes, alone);
    row = { image: "web", environment: "production", promotion: "p", ...next };
  }
  return { stoodMs: row?.stoodMs ?? 0, row };
}

const day = 86_400_000;

describe("countAnswer", () => {
  it.each([
    ["the first answer begins it", [{ passed: true, after: 0 }], 0],
    [
      "time between content answers counts",
      [
        { passed: true, after: 0 },
        { passed: true, after: 10_000 },
      ],
      10_000,
    ],
    [
      "time before a failure does not",
      [
        { passed: true, after: 0 },
        { passed: false, after: 10_000 },
      ],
      0,
    ],
    [
      "nor before the first content answer after it",
      [
        { passed: false, after: 0 },
        { passed: true, after: 10_000 },
      ],
      10_000,
    ],
    [
      "what nobody watched does not count",
      [
        { passed: true, after: 0 },
        { passed: true, after: day },
      ],
      20_005,
    ],
    [
      "nor does a clock that is set",
      [
        { passed: true, after: 0 },
        { passed: true, after: 10_000, set: day },
      ],
      10_000,
    ],
    [
      "set back neither",
      [
        { passed: true, after: 0 },
        { passed: true, after: 10_000, set: -day },
      ],
      10_000,
    ],
  ])("%s", (_, answers, expected) => expect(count(answers).stoodMs).toBe(expected));

  it("counts only while all probes are content", () => {
    const both = [home, port];
    expect(
      count(
        [
          { passed: true, after: 0 },
          { passed: true, after: 9000 },
        ],
        both,
      ).stoodMs,
    ).toBe(0);
    const answers = [
      { passed: true, after: 0 },
      { probe: port, passed: true, after: 1000 },
      { passed: true, after: 9000 },
      { probe: port, passed: false, after: 1000 },
      { passed: true, after: 9000 },
    ];
    expect(count(answers, both).stoodMs).toBe(10_000);
  });

  it("keeps as many answers as the policy looks at, and since when it fails", () => {
    const { row } = count([true, true, false, false].map((passed) => ({ passed, after: 10_000 })));
    expect(readSoakDetail(row)?.probes).toEqual({
      home: { passed: [false, false], at: start + 40_000, failing: { since: start + 30_000, reason: "sick" } },
    });
  });

  it("leaves the word to the process that has it, until that was not heard of for long", () => {
    const { row } = count([{ passed: true, after: 0 }]);
    const other = (at: number) =>
      countAnswer(row, { probe: home, passed: false, reason: "sick", ms: 5, look: { at } }, [home], {
        owner: "two",
        isAlone: false,
      });
    expect(other(start + 10_000).detail.probes["home"]?.passed).toEqual([true]);
    expect(other(start + 60_000).detail.probes["home"]?.passed).toEqual([true, false]);
    // Claimed from a day ahead: the clock was set back since.
    expect(other(start - day).detail.probes["home"]?.passed).toEqual([true, false]);
  });

  it("FAULTS 26: never counts more than went by, nor more than was watched, whatever the clock says", () => {
    const answer = fc.record({
      passed: fc.boolean(),
      after: fc.integer({ min: 0, max: 100_000 }),
      set: fc.integer({ min: -2 * day, max: 2 * day }),
    });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 20 }), (answers) => {
        const watched = answers.slice(1).map(({ after }) => Math.min(after, 20_005));
        expect(count(answers).stoodMs).toBeLessThanOrEqual(watched.reduce((sum, ms) => sum + ms, 0));
      }),
    );
  });
});
