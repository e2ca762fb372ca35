import { describe, expect, it } from "vitest";
import { wantedReports, type ReportFacts } from "./index.ts";

const commits: Record<string, string> = { "sha256:a": "1".repeat(40), "sha256:b": "2".repeat(40) };
const both = { statuses: true, deployments: true };
const nothing: ReportFacts = {
  image: "web",
  commitOf: (digest) => commits[digest],
  verifications: [],
  moves: [],
  known: new Set(),
};
const move = (id: string, digest: string, state: "pending" | "success" | "failure" | "inactive", system?: string) => ({
  id,
  environment: "production",
  system,
  digest,
  state,
});
const shown = (facts: Partial<ReportFacts>, asked = both) =>
  wantedReports({ ...nothing, ...facts }, asked).map(
    ({ key, detail }) => `${key.split(":")[0]} ${detail.name} ${detail.commit[0]} ${detail.state}`,
  );

describe("wantedReports", () => {
  it("says of each commit how its newest verification went, of the newest three commits", () => {
    const verification = (digest: string, state: "pending" | "success" | "failure") => ({
      environment: "staging",
      digest,
      state,
    });
    expect(
      shown({
        verifications: [
          verification("sha256:a", "failure"),
          verification("sha256:b", "success"),
          verification("sha256:a", "pending"),
        ],
      }),
    ).toEqual(["status tidemill/web/staging 2 success", "status tidemill/web/staging 1 pending"]);
    const many = Array.from({ length: 9 }, (_, at) => verification(`sha256:${at}`, "success"));
    expect(shown({ verifications: many, commitOf: (digest) => digest.repeat(40) })).toHaveLength(3);
    expect(shown({ verifications: [verification("sha256:c", "success")] })).toEqual([]);
  });

  it("tells of the newest deployment; those that were told of before are inactive, unless they failed", () => {
    const moves = [
      move("4", "sha256:b", "pending"),
      move("3", "sha256:a", "success"),
      move("2", "sha256:b", "failure"),
      move("1", "sha256:a", "success"),
    ];
    expect(shown({ moves })).toEqual(["deployment production/web 2 pending"]);
    expect(shown({ moves, known: new Set(["deployment:3", "deployment:2"]) })).toEqual([
      "deployment production/web 2 failure",
      "deployment production/web 1 inactive",
      "deployment production/web 2 pending",
    ]);
    expect(shown({ moves: [move("1", "sha256:a", "inactive")] })).toEqual([]);
  });

  it("tells systems of one environment apart, and says only what is asked for", () => {
    const moves = [move("2", "sha256:a", "success", "east"), move("1", "sha256:a", "success", "west")];
    expect(shown({ moves })).toEqual([
      "deployment production/web/west 1 success",
      "deployment production/web/east 1 success",
    ]);
    expect(shown({ moves }, { statuses: true, deployments: false })).toEqual([]);
    expect(shown({ moves: [move("1", "sha256:a", "success", "east")] })).toEqual([
      "deployment production/web 1 success",
    ]);
  });
});
