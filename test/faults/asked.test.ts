import { describe, expect, it } from "vitest";
import { smallFleets } from "./fixture.ts";
import { hour, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const secret = `whsec_${Buffer.from("twenty-four bytes of key").toString("base64")}`;
/** Nobody listens there: what is to be sent stays in the outbox. */
const notifications = { webhook: { url: "http://127.0.0.1:9/hook", secret } };
const alone = ["small-alone"];

describe("what a person is asked", () => {
  it("is told once with what to type, and taken back once it is answered", { timeout: 180_000 }, async () => {
    const environments = [{ name: "staging" }, { name: "production", approvals: { count: 1 } }];
    const { run, operations, pointer, fleet, small, clock } = await fleets.open(
      await fleets.create({ environments, notifications }),
    );
    const outbox = async (event: string) =>
      (await fleet.ctx.store.loadPendingNotifications(1000)).filter((one) => one.event === event);
    await run(alone);
    const digest = (await pointer("small-alone", "staging")) ?? "";
    const asked = await outbox("question-asked");
    expect(asked.map(({ body }) => body)).toEqual([
      {
        kind: "approval",
        image: "small-alone",
        environment: "production",
        digest,
        message: expect.stringContaining("0 of 1 approvals"),
        answer: expect.stringContaining(`tidemill approve small-alone@${digest} production`),
      },
    ]);
    clock.jump(hour);
    await run(alone);
    expect(await outbox("question-asked")).toHaveLength(1);
    expect(await outbox("question-closed")).toEqual([]);

    const said = { image: "small-alone", environment: "production", digest, by: "ada", reason: "tried it" };
    await operations.approve(said);
    await run(alone);
    expect(await pointer("small-alone")).toBe(digest);
    const closed = { kind: "approval", image: "small-alone", environment: "production", digest };
    expect((await outbox("question-closed")).map(({ body }) => body)).toEqual([closed]);
    expect(await fleet.ctx.store.loadQuestions()).toEqual([]);

    // Another candidate is another question; one that is rejected is not asked about any more.
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    clock.jump(hour);
    await run(alone);
    const next = (await pointer("small-alone", "staging")) ?? "";
    expect((await fleet.ctx.store.loadQuestions()).map((one) => one.digest)).toEqual([next]);
    await operations.reject({ ...said, digest: next });
    await run(alone);
    expect(await fleet.ctx.store.loadQuestions()).toEqual([]);
    expect(await outbox("question-closed")).toHaveLength(2);

    const hold = { image: "small-alone", environment: "production", by: "ada", reason: "drill" };
    await operations.hold(hold);
    await operations.resume(hold);
    expect((await outbox("held"))[0]?.body["answer"]).toBe(
      'tidemill resume small-alone --environment production --reason "..."',
    );
    expect(await outbox("resumed")).toHaveLength(1);
  });
});

describe("a drift that only a person may let pass", () => {
  it(
    "is told once with what differs, asked anew for another candidate, and taken back",
    { timeout: 180_000 },
    async () => {
      const production = { name: "production", gates: { drift: { added: "ask" } } };
      const environments = [{ name: "staging" }, production];
      const { run, operations, pointer, fleet, small, clock } = await fleets.open(
        await fleets.create({ environments, notifications }),
      );
      const sent = async (event: string) =>
        (await fleet.ctx.store.loadPendingNotifications(1000))
          .filter((one) => one.event === event)
          .map(({ body }) => body);
      const needing = (version: string) => [
        { name: "small-lens", version: "1.0-1", entries: [{ path: "usr/share/lens", content: "a lens\n" }] },
        ...smallPackages({ "small-gauge": version }).map((one) =>
          one.name === "small-gauge" ? { ...one, fields: { Depends: "small-lens" } } : one,
        ),
      ];
      await run(alone);
      // What differs in nothing that is asked about is no question.
      await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
      await run(alone);
      expect(await sent("question-asked")).toEqual([]);

      await small.publish(needing("1.0-3"));
      await run(alone);
      const first = (await pointer("small-alone", "staging")) ?? "";
      const question = { kind: "drift", image: "small-alone", environment: "production" };
      expect(await sent("question-asked")).toEqual([
        {
          ...question,
          digest: first,
          message: expect.stringMatching(/0 of 1 approvals.*small-lens 1\.0-1 is new/),
          answer: expect.stringMatching(
            new RegExp(`^tidemill approve small-alone@${first} production .*tidemill reject small-alone@${first}`),
          ),
        },
      ]);
      clock.jump(hour / 2);
      await run(alone);
      expect(await sent("question-asked")).toHaveLength(1);

      await operations.reject({ image: "small-alone", environment: "production", by: "ada", reason: "no lens" });
      await run(alone);
      expect(await sent("question-closed")).toEqual([{ ...question, digest: first }]);

      await small.publish(
        needing("1.0-4").map((one) => (one.name === "small-lens" ? { ...one, version: "1.0-2" } : one)),
      );
      clock.jump(2 * hour);
      await run(alone);
      const second = (await pointer("small-alone", "staging")) ?? "";
      expect((await sent("question-asked")).slice(1)).toMatchObject([{ ...question, digest: second }]);
      await operations.approve({
        image: "small-alone",
        environment: "production",
        by: "ada",
        reason: "the newer lens",
      });
      await run(alone);
      expect(await pointer("small-alone")).toBe(second);
      expect(await sent("question-closed")).toHaveLength(2);
      expect(await fleet.ctx.store.loadQuestions()).toEqual([]);
    },
  );
});

describe("what a check said", () => {
  it(
    "is kept whole, shown without escapes and secrets, and found by the name of the check",
    { timeout: 180_000 },
    async () => {
      const script = [
        'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done',
        "printf '\\033]0;owned\\007\\033[31mred\\n'",
        `echo key ${secret}`,
        "exit 4",
      ].join("; ");
      const says = { name: "says", script: ["/bin/sh", "-c", script] };
      const environments = [{ name: "staging", checks: [says] }, { name: "production" }];
      const { run, operations, pointer } = await fleets.open(await fleets.create({ environments, notifications }));
      await run(alone);
      expect(await pointer("small-alone", "staging")).toBeUndefined();
      const log = await operations.log({ image: "small-alone", check: "says" });
      const check = { name: "script: says (linux/amd64)", environment: "staging", verdict: "failed" };
      expect(log).toMatchObject({ state: "failed", check });
      expect(log.lines).toHaveLength(3002);
      expect(log.lines[0]).toBe("line 0");
      const shown = log.lines.join("\n");
      expect(shown).toContain("\\u{1b}]0;owned\\u{7}\\u{1b}[31mred");
      expect(shown).not.toContain("\u001b");
      expect(shown).not.toContain(secret);
      expect(log.lines.at(-1)).toBe("key ***");
      const digest = log.check?.digest ?? "";
      const begin = digest.slice("sha256:".length).slice(0, 12);
      expect(await operations.log({ image: "small-alone", check: "script: says", digest: begin })).toEqual(log);
      await expect(operations.log({ image: "small-alone", check: "none" })).rejects.toThrow("no check none");
      expect(JSON.stringify(await operations.why({ image: "small-alone", digest }))).not.toContain(secret);
    },
  );
});
