import { describe, expect, it } from "vitest";
import { sha256, type Digest } from "../../lib/index.ts";
import { decideDeployment, type DeploymentFacts } from "./decide-deployment.ts";
import type { KnownAttempt } from "./types.ts";

const now = 1_800_000_000_000;
const day = 86_400_000;
const [a, b, c, x] = ["a", "b", "c", "x"].map((name) => sha256(name)) as [Digest, Digest, Digest, Digest];

const attempt = (digest: Digest, state: KnownAttempt["state"], more: Partial<KnownAttempt> = {}): KnownAttempt => ({
  digest,
  promotion: `to ${digest}`,
  state,
  createdAt: now - 30 * day,
  finishedAt: state === "intent" || state === "applied" || state === "failing" ? null : now - 30 * day,
  takenOver: false,
  ...more,
});
const forward = (digest: Digest) => ({ digest, promotion: `to ${digest}`, kind: "forward" }) as const;
const back = (digest: Digest) => ({ digest, promotion: `back to ${digest}`, kind: "rollback" }) as const;
const running = (...digests: Digest[]) => ({ kind: "running", digests }) as const;

/** A place where `b` came after `a`, and where nothing is amiss. */
const settled: DeploymentFacts = {
  wanted: forward(b),
  current: b,
  attempts: [attempt(b, "confirmed"), attempt(a, "confirmed")],
  observed: running(b),
  quarantined: new Set(),
  held: undefined,
  forced: false,
};
const decide = (change: Partial<DeploymentFacts>) => decideDeployment({ ...settled, ...change }, now);

describe("decideDeployment", () => {
  it.each<[string, Partial<DeploymentFacts>, string]>([
    ["all is as it should be", {}, "rest"],
    ["nothing was ever promoted", { wanted: undefined, current: undefined, attempts: [] }, "rest"],
    ["the pointer moved on", { wanted: forward(c) }, "begin"],
    [
      "the pointer moved on, and the target cannot say what runs",
      { wanted: forward(c), observed: { kind: "unknown", reason: "" } },
      "begin",
    ],
    ["the first one, whatever runs there", { current: undefined, attempts: [], observed: running(x) }, "begin"],
    ["the first one, and it runs there already", { current: undefined, attempts: [] }, "adopt"],
    ["what is wanted runs there already", { wanted: forward(c), observed: running(c) }, "adopt"],
    ["an attempt was begun", { wanted: forward(c), attempts: [attempt(c, "intent"), ...settled.attempts] }, "resume"],
    ["an attempt was taken", { wanted: forward(c), attempts: [attempt(c, "applied"), ...settled.attempts] }, "resume"],
    [
      "an attempt is on its way in",
      { wanted: forward(c), attempts: [attempt(c, "applied"), ...settled.attempts], observed: running(b, c) },
      "resume",
    ],
    ["an attempt failed", { wanted: forward(c), attempts: [attempt(c, "failing"), ...settled.attempts] }, "undo"],
    [
      "an attempt failed and the pointer moved on",
      { wanted: forward(x), attempts: [attempt(c, "failing"), ...settled.attempts] },
      "undo",
    ],
    [
      "an attempt is under way to what is not wanted any more",
      { wanted: back(b), attempts: [attempt(c, "applied"), ...settled.attempts] },
      "begin",
    ],
    [
      "it failed, and there was nothing to go back to",
      { wanted: forward(c), attempts: [attempt(c, "failed"), ...settled.attempts] },
      "wait",
    ],
    [
      "it is in quarantine, and there was nothing to go back to",
      { wanted: forward(c), quarantined: new Set([c]) },
      "wait",
    ],
    ["the environment is held", { wanted: forward(c), held: "on hold: fair (ada)" }, "wait"],
    ["the environment is held, and goes back", { wanted: back(a), held: "on hold: fair (ada)" }, "begin"],
    [
      "the environment is held, and what is begun is ended",
      { wanted: forward(c), held: "on hold", attempts: [attempt(c, "intent"), ...settled.attempts] },
      "resume",
    ],
    ["nothing runs any more", { observed: { kind: "absent", reason: "stopped" } }, "absent"],
    ["the target does not answer", { observed: { kind: "unknown", reason: "away" } }, "rest"],
    ["a person went back to what was good", { observed: running(a) }, "obey"],
    ["a person is on the way back to what was good", { observed: running(a, b) }, "obey"],
    ["a person put something there", { observed: running(x) }, "conflict"],
    ["a person put something there beside what runs", { observed: running(b, x) }, "conflict"],
    [
      "a person put something there before the pointer moved on",
      { wanted: forward(c), observed: running(x) },
      "conflict",
    ],
    [
      "a person put something there while we were at it",
      { wanted: forward(c), attempts: [attempt(c, "applied"), ...settled.attempts], observed: running(x) },
      "conflict",
    ],
    [
      "a person says that it is replaced",
      { attempts: [attempt(b, "intent"), ...settled.attempts], observed: running(x), forced: true },
      "resume",
    ],
    [
      "what a late worker of ours made of it",
      { attempts: [...settled.attempts, attempt(c, "ended")], observed: running(c) },
      "begin",
    ],
    [
      "what failed comes back",
      { attempts: [...settled.attempts, attempt(c, "failed")], observed: running(c) },
      "begin",
    ],
    [
      "what was good is put back by one who was taken over lately",
      {
        attempts: [attempt(b, "confirmed"), attempt(a, "confirmed", { takenOver: true, createdAt: now - 1000 })],
        observed: running(a),
      },
      "begin",
    ],
    [
      "what was good is put back long after one was taken over",
      { attempts: [attempt(b, "confirmed"), attempt(a, "confirmed", { takenOver: true })], observed: running(a) },
      "obey",
    ],
    ["what is in quarantine is put back", { observed: running(a), quarantined: new Set([a]) }, "begin"],
  ])("%s: %s", (_, change, kind) => {
    expect(decide(change).kind).toBe(kind);
  });

  it("tries a way back again, later each time, and never gives it up", () => {
    const failed = (count: number, finishedAt: number) =>
      Array.from({ length: count }, () => attempt(a, "failed", { promotion: `back to ${a}`, finishedAt }));
    const at = (count: number, finishedAt: number) =>
      decide({ wanted: back(a), attempts: [...failed(count, finishedAt), ...settled.attempts] });
    expect(at(1, now)).toMatchObject({ kind: "wait", until: now + 4000 });
    expect(at(3, now)).toMatchObject({ kind: "wait", until: now + 64_000 });
    expect(at(20, now)).toMatchObject({ kind: "wait", until: now + 900_000 });
    expect(at(20, now - 900_000)).toEqual({ kind: "begin", digest: a });
  });
});
